"""`/v1/admin/backups`: made, read again, taken elsewhere and deleted. Restoring one needs the box to be stopped."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import msgspec
from anyio import to_thread
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import File
from msgspec import Meta

from appliance.callers.caller import Caller
from appliance.errors import Conflict, DeadlineExceeded, NotFound, RequestError, StorageFailed
from appliance.store.backup import kept
from appliance.store.backup.encryption import Recipients
from appliance.store.backup.kept import Kept
from appliance.store.faults import BackupError, storage_error
from appliance.web.admin import child
from appliance.web.admin.child import Hear, News
from appliance.web.admin.errands import Errand
from appliance.web.admin.folders import check_writable, free_bytes, writable
from appliance.web.admin.verdicts import Verdict
from appliance.web.box import Box
from appliance.web.described import answers
from appliance.web.identity.guard import NEEDS

ADMIN = {NEEDS: "admin"}
KIND = "application/octet-stream"
VERIFY_SECONDS = 1_800.0
"""For the reading of one backup; one that takes longer is read with `appliance backup verify`."""
MAKE_SECONDS = 2 * 3600.0
"""For the making of one; `appliance backup create` has no limit."""
INSTEAD = "`store.backups` names another folder."

Recipient = Annotated[str, Meta(min_length=1, max_length=256)]


class BackupRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/admin/backups`."""

    recipients: Annotated[
        list[Recipient], Meta(max_length=16, description="Public keys of age that can open it; none: not encrypted.")
    ] = []


class VerdictBody(msgspec.Struct, frozen=True, kw_only=True):
    """`sound` is null where it cannot be told here, as of an encrypted backup; `why` says what is wrong, or why not."""

    sound: bool | None
    why: str
    at: float


class BackupBody(msgspec.Struct, frozen=True, kw_only=True):
    """A backup; times are seconds since the epoch. `verified` is null if it was not read since the box was started."""

    name: str
    bytes: int
    made_at: int
    encrypted: bool
    verified: VerdictBody | None
    object: Literal["backup"] = "backup"


class MakingBody(msgspec.Struct, frozen=True, kw_only=True):
    """A backup in the making: `done` of `total` bytes of the step `doing`. `name` once it is done."""

    state: Literal["running", "done", "failed", "cancelled"]
    doing: str
    done: int
    total: int | None
    why: str
    """What it failed with."""
    name: str | None
    began_at: float
    ended_at: float | None
    object: Literal["backup.making"] = "backup.making"


class BackupList(msgspec.Struct, frozen=True, kw_only=True):
    """All backups in the folder, newest first, and the one that is being made, or was last."""

    data: list[BackupBody]
    making: MakingBody | None
    folder: str
    free_bytes: int | None
    writable: bool
    """Whether the service may make and delete backups in the folder."""
    object: Literal["list"] = "list"


class BackupDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """It is gone."""

    name: str
    deleted: Literal[True] = True
    object: Literal["backup"] = "backup"


@get("/v1/admin/backups", opt=ADMIN, summary="All backups")
async def list_backups(box: NamedDependency[Box]) -> BackupList:
    """By name, without a look at their bytes."""
    folder = box.settings.backups
    found = await _every(box)
    free, open_ = await to_thread.run_sync(lambda: (free_bytes(folder), writable(folder)))
    making = box.backups_made.last
    return BackupList(
        data=[_body(each, box.verdicts.of(each.path.name)) for each in found],
        making=None if making is None else _making(making), folder=str(folder), free_bytes=free, writable=open_,
    )  # fmt: skip


@post("/v1/admin/backups", opt=ADMIN, status_code=202, summary="Make a backup")
async def make_backup(
    box: NamedDependency[Box], caller: NamedDependency[Caller], data: JSONBody[BackupRequest]
) -> MakingBody:
    """Begins in the background, one at a time; it is read again before it counts. How far it is: the list.

    Then the oldest beyond `store.backups_keep` go.
    """
    await to_thread.run_sync(check_writable, box.settings.backups, INSTEAD)
    try:
        await to_thread.run_sync(Recipients, data.recipients)
    except BackupError as error:
        raise RequestError(str(error), param="recipients") from error
    options = [option for each in data.recipients for option in ("--recipient", each)]
    if keep := box.settings.store.backups_keep:
        options += ["--keep", str(keep)]

    async def make(hear: Hear) -> str:
        def heard(news: News) -> None:
            hear(news)
            if news.result is not None:
                box.verdicts.note(news.result["name"], sound=True)
                for gone in news.result["gone"]:
                    box.verdicts.forget(gone)

        return await child.run(["backup", "create", *options], box.settings, heard)

    if box.switching.under_way:
        raise Conflict("The box is going over to another set of models; wait until it has.")
    begun = box.backups_made.begin((), make, MAKE_SECONDS)
    box.audit.note(caller.actor, "backup begun", "encrypted" if data.recipients else "", caller.address)
    return _making(begun)


@delete("/v1/admin/backups/making", opt=ADMIN, status_code=200, summary="End the making of a backup")
async def cancel_backup(box: NamedDependency[Box], caller: NamedDependency[Caller]) -> MakingBody:
    """Nothing is left of it."""
    ended = box.backups_made.cancel()
    box.audit.note(caller.actor, "backup cancelled", "", caller.address)
    return _making(ended)


@get(
    "/v1/admin/backups/{name:str}", opt=ADMIN, summary="A backup as it lies on the disk", operation_class=answers(KIND)
)  # fmt: skip
async def get_backup(
    box: NamedDependency[Box], caller: NamedDependency[Caller], name: FromPath[str]
) -> Response[Any]:  # fmt: skip
    """Always as a download."""
    found = await _found(box, name)
    box.audit.note(caller.actor, "backup downloaded", found.path.name, caller.address)
    return File(found.path, filename=found.path.name, media_type=KIND, headers={"cache-control": "no-store"})


@post("/v1/admin/backups/{name:str}/verify", opt=ADMIN, status_code=200, summary="Read all of a backup")
async def verify_backup(
    request: Request[Any, Any, Any], box: NamedDependency[Box], name: FromPath[str]
) -> VerdictBody:  # fmt: skip
    """Every byte is compared with its manifest, and the database in it is checked. The answer comes at the end.

    Whoever leaves ends it. Where it could not be read, the last verdict stays.
    """
    await request.body()  # there is none, but until it has been read nobody watches for the client's departure
    found = await _found(box, name)
    heard: dict[str, Any] = {}

    def hear(news: News) -> None:
        heard.update(news.result or {})

    with box.verdicts.reading():
        why, over = "", True
        with anyio.move_on_after(VERIFY_SECONDS):
            command = ["backup", "verify", str(found.path.absolute())]
            why, over = await child.run(command, box.settings, hear), False
        if over:
            raise DeadlineExceeded(f"{name} was not read within {VERIFY_SECONDS:.0f} s: `appliance backup verify` can.")
    if "sound" in heard:
        return _verdict(box.verdicts.note(found.path.name, heard["sound"], heard["why"]))
    if not found.encrypted:
        raise StorageFailed(f"{name} could not be read: {why}")
    return _verdict(box.verdicts.note(found.path.name, None, why))


@delete("/v1/admin/backups/{name:str}", opt=ADMIN, status_code=200, summary="Delete a backup")
async def delete_backup(
    box: NamedDependency[Box], caller: NamedDependency[Caller], name: FromPath[str]
) -> BackupDeleted:  # fmt: skip
    """For good."""
    found = await _found(box, name)
    await to_thread.run_sync(check_writable, box.settings.backups, INSTEAD)
    try:
        await to_thread.run_sync(kept.remove, found)
    except FileNotFoundError as error:
        raise _none(name) from error
    except OSError as error:
        raise storage_error(error) from error
    box.verdicts.forget(found.path.name)
    box.audit.note(caller.actor, "backup deleted", found.path.name, caller.address)
    return BackupDeleted(name=found.path.name)


async def _every(box: Box) -> list[Kept]:
    try:
        return await to_thread.run_sync(kept.every, box.settings.backups)
    except OSError as error:
        raise storage_error(error) from error


async def _found(box: Box, name: str) -> Kept:
    """One that is there: a name is compared with those, and no path is made of it."""
    for each in await _every(box):
        if each.path.name == name:
            return each
    raise _none(name)


def _none(name: str) -> NotFound:
    return NotFound(f"There is no backup {name[:100]!r}.", param="name")


def _body(found: Kept, verdict: Verdict | None) -> BackupBody:
    return BackupBody(
        name=found.path.name, bytes=found.bytes, made_at=int(found.made.timestamp()), encrypted=found.encrypted,
        verified=None if verdict is None else _verdict(verdict),
    )  # fmt: skip


def _verdict(verdict: Verdict) -> VerdictBody:
    return VerdictBody(sound=verdict.sound, why=verdict.why, at=verdict.at)


def _making(errand: Errand) -> MakingBody:
    return MakingBody(
        state=errand.state, doing=errand.doing, done=errand.done, total=errand.total, why=errand.why,
        name=errand.result.get("name"), began_at=errand.began, ended_at=errand.ended,
    )  # fmt: skip
