"""The page: what a browser gets that opens the box's address. It is nobody's yet, and has nothing of anybody in it."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from appliance import logs, metrics
from appliance.errors import NotFound, RequestError
from appliance.web.identity.guard import NEEDS
from appliance.web.page_files import INDEX, PageFile, page_files

log = logs.logger(__name__)

OPEN: Final = {NEEDS: "open"}
REPORTS: Final = "/page/reports"
POLICY: Final = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "media-src 'self' blob:",
    "connect-src 'self'", "manifest-src 'self'", "worker-src 'self'", "base-uri 'none'", "form-action 'none'",
    "frame-ancestors 'none'", "require-trusted-types-for 'script'", f"report-uri {REPORTS}",
))  # fmt: skip
"""Nothing from elsewhere, no script or style inside a document, and word of whatever would have been (CSP level 3)."""
HEADERS: Final = {
    "content-security-policy": POLICY,
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"
"""Of a file whose address has the digest of its content."""
MOST_TOLD: Final = 20
"""Reports that go into the log; the others count, and that is all."""
DIRECTIVES: Final = frozenset(part.split()[0] for part in POLICY.split("; ")) | {
    "script-src-elem", "script-src-attr", "style-src-elem", "style-src-attr",
}  # fmt: skip

_told = count()
for _rule in (*sorted(DIRECTIVES), "unknown"):  # so that the first of each is an increase
    metrics.PAGE_REPORTS.labels(_rule)


class Violation(msgspec.Struct, frozen=True):
    """Of a policy; browsers tell more."""

    rule: str = msgspec.field(default="", name="effective-directive")


class Report(msgspec.Struct, frozen=True):
    """A browser's (CSP level 3, section 5.3)."""

    report: Violation = msgspec.field(default=Violation(), name="csp-report")


@get(
    ["/", "/history", "/history/{rest:path}", "/admin", "/admin/{rest:path}"],
    opt=OPEN, include_in_schema=False, sync_to_thread=False,
)  # fmt: skip
def page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """One document for every address of the page's; its scripts look at the address."""
    return _answer(request, page_files().files[INDEX], "no-cache", {"etag": f'"{page_files().digest}"', **HEADERS})


@get("/page/{digest:str}/{name:path}", opt=OPEN, include_in_schema=False, sync_to_thread=False)
def page_file(request: Request[Any, Any, Any], digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A file of the page. An older page's are gone: it is told so, and has to be opened anew."""
    files = page_files()
    found = files.files.get(name.lstrip("/"))
    if found is None or digest != files.digest:
        raise NotFound("The page has no such file any more; load it again.")
    return _answer(request, found, FOR_EVER, {})


@post(REPORTS, opt=OPEN, status_code=204, include_in_schema=False)
async def report(request: Request[Any, Any, Any]) -> None:
    """What a browser kept the page from doing. Only the rule's name is noted: the rest is a stranger's word."""
    try:
        given = msgspec.json.decode(await request.body(), type=Report)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RequestError("This is no report of a browser's.", param="body") from error
    rule = given.report.rule if given.report.rule in DIRECTIVES else "unknown"
    metrics.PAGE_REPORTS.labels(rule).inc()
    if next(_told) < MOST_TOLD:
        log.warning("the page was kept from something", rule=rule)


def _answer(
    request: Request[Any, Any, Any], file: PageFile, caching: str, more: dict[str, str]
) -> Response[bytes]:  # fmt: skip
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {"cache-control": caching, "vary": "accept-encoding", **more}
    if "etag" in headers and request.headers.get("if-none-match") == headers["etag"]:
        return Response(b"", status_code=304, headers=headers)
    if packed:
        headers["content-encoding"] = "gzip"
    return Response(file.packed if packed else file.raw, media_type=file.media_type, headers=headers)
