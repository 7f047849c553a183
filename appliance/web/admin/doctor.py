"""`/v1/admin/doctor`: what is wrong with the box, and what to do."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency

from appliance.web.admin.doctor_child import DoctorPage
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS


@post("/v1/admin/doctor", opt={NEEDS: "admin"}, status_code=200, summary="Have the doctor look at the box")
async def call_doctor(request: Request[Any, Any, Any], box: NamedDependency[Box]) -> Response[DoctorPage]:
    """What `appliance doctor --json` says of this box as the server's user sees it: some seconds, without `--deep`.

    The spoken turn is skipped where the server's user can read no key for it. Nothing is changed.
    """
    await request.body()  # there is none, but until it has been read nobody watches for the client's departure
    host, port = request.scope["server"] or ("", None)  # no port: a socket in the file system
    page = await box.doctor.page(box.settings, None if port is None else (host, port))
    return Response(page, media_type="application/json")  # type: ignore[arg-type]
