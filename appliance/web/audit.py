"""`/v1/admin/audit`: what was done to the box, and by whom."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`actor` did `action` to `object` from `address`, `times` times, last at `at` (seconds since the epoch)."""

    number: int
    at: float
    actor: str
    action: str
    object: str
    address: str
    times: int


class AuditList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of entries, newest first; go on with `before`."""

    data: list[AuditEntry]
    object: Literal["list"] = "list"


@get("/v1/admin/audit", opt={NEEDS: "admin"}, summary="The audit log")
async def list_audit(
    box: NamedDependency[Box],
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    before: Annotated[int | None, QueryParameter(ge=0, le=2**63 - 1)] = None,
) -> AuditList:
    """Keys, sign-ins, failures and deletions, newest first."""
    entries = await box.audit.page(before=before, limit=limit)
    return AuditList(
        data=[
            AuditEntry(
                number=entry.number, at=entry.at_ms / 1000, actor=entry.actor, action=entry.action, object=entry.object,
                address=entry.address, times=entry.times,
            )
            for entry in entries
        ]
    )  # fmt: skip
