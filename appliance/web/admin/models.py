"""`/v1/admin/models`: which models there are, fetching them, and which set the box runs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from anyio import to_thread
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from appliance.callers.caller import Caller
from appliance.catalog.faults import CatalogError
from appliance.catalog.lineup import catalog
from appliance.catalog.shelf import Shelf
from appliance.errors import Conflict, RequestError, StorageFailed
from appliance.jobs import Role
from appliance.settings import Settings
from appliance.switching import Switch
from appliance.web.admin import child
from appliance.web.admin.child import Hear
from appliance.web.admin.errands import Errand
from appliance.web.admin.folders import check_writable, free_bytes, writable
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS

ADMIN = {NEEDS: "admin"}
INSTEAD = (
    "Models come there with a bundle (`appliance-release`), or by `appliance models pull` or `appliance models import` "
    "as the folder's owner."
)
PULL_SECONDS = 12 * 3600.0
"""Large sets over thin lines take hours."""

Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z")]


class PullRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/admin/models/pulls`."""

    names: Annotated[list[Name], Meta(min_length=1, max_length=64, description="Sets or models.")]


class SetRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /v1/admin/models/set`."""

    set: Annotated[Name | None, Meta(description="A set; null goes back to the one that the settings name.")]


class PullBody(msgspec.Struct, frozen=True, kw_only=True):
    """A pull: `done` of `total` bytes of the part `doing` are here. Times are seconds since the epoch."""

    names: list[str]
    state: Literal["running", "done", "failed", "cancelled"]
    doing: str
    done: int
    total: int | None
    why: str
    """What it failed with."""
    installed: list[str]
    """Models that it has installed, once it is done."""
    began_at: float
    ended_at: float | None
    object: Literal["models.pull"] = "models.pull"


class SwitchBody(msgspec.Struct, frozen=True, kw_only=True, rename={"before": "from"}):
    """A change of the set; `why` says what one that failed failed with: the box then goes on as before."""

    state: Literal["switching", "done", "failed"]
    before: str
    to: str
    why: str
    object: Literal["models.switch"] = "models.switch"


class ModelBody(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the manifests. `bytes` is null until the first pull tells; `in_use`: by this box, now."""

    id: str
    role: Role
    description: str
    licence: str
    languages: list[str]
    voice: str | None
    bytes: int | None
    ram_mb: int
    vram_mb: int
    sets: list[str]
    state: Literal["installed", "missing", "damaged"]
    in_use: bool
    object: Literal["model"] = "model"


class SetBody(msgspec.Struct, frozen=True, kw_only=True):
    """Models that serve together; `complete` once all of them are installed."""

    name: str
    description: str
    models: list[str]
    bytes: int | None
    complete: bool
    in_use: bool


class AdminModels(msgspec.Struct, frozen=True, kw_only=True):
    """All models and sets, what is being fetched (or was last), and the change of sets (or the last one)."""

    data: list[ModelBody]
    sets: list[SetBody]
    set: str
    """The one in use."""
    settings_set: str
    """The one that the settings name, without a choice."""
    folder: str
    free_bytes: int | None
    writable: bool
    """Whether the service may put models into the folder."""
    pull: PullBody | None
    switch: SwitchBody | None
    object: Literal["list"] = "list"


@get("/v1/admin/models", opt=ADMIN, summary="All models and sets of the manifests")
async def list_all_models(box: NamedDependency[Box]) -> AdminModels:
    """What there is, what is installed and what is in use. Files are judged by their sizes."""
    return await to_thread.run_sync(_all, box)


@post("/v1/admin/models/pulls", opt=ADMIN, status_code=202, summary="Fetch models")
async def pull_models(
    box: NamedDependency[Box], caller: NamedDependency[Caller], data: JSONBody[PullRequest]
) -> PullBody:
    """Begins in the background, one at a time; what is installed is skipped. How far it is: `GET /v1/admin/models`."""
    await to_thread.run_sync(_check_pull, box.settings, data.names)

    async def fetch(hear: Hear) -> str:
        return await child.run(["models", "pull", *data.names], box.settings, hear)

    if box.switching.under_way:
        raise Conflict("The box is going over to another set of models; wait until it has.")
    begun = box.pulls.begin(data.names, fetch, PULL_SECONDS)
    box.audit.note(caller.actor, "models pull begun", " ".join(data.names), caller.address)
    return _pull(begun)


@get("/v1/admin/models/pulls/current", opt=ADMIN, summary="How far the fetching of models is")
async def get_pull(box: NamedDependency[Box]) -> PullBody | None:
    """The pull under way, or the last one; null if there was none since the box was started."""
    return None if box.pulls.last is None else _pull(box.pulls.last)


@delete("/v1/admin/models/pulls/current", opt=ADMIN, status_code=200, summary="End the fetching of models")
async def cancel_pull(box: NamedDependency[Box], caller: NamedDependency[Caller]) -> PullBody:
    """What is already fetched is kept, so that the next pull goes on from there."""
    ended = box.pulls.cancel()
    box.audit.note(caller.actor, "models pull cancelled", " ".join(ended.names), caller.address)
    return _pull(ended)


@put("/v1/admin/models/set", opt=ADMIN, status_code=202, summary="Go over to another set of models")
async def choose_set(
    box: NamedDependency[Box], caller: NamedDependency[Caller], data: JSONBody[SetRequest]
) -> SwitchBody:
    """The server begins again with it; who asks meanwhile waits. A set that does not get ready is left again."""
    for errands, what in ((box.pulls, "Models are being fetched"), (box.backups_made, "A backup is being made")):
        if errands.running:
            raise Conflict(f"{what}: wait until that is over, or cancel it.")
    switch = await box.switching.choose(data.set)
    box.audit.note(caller.actor, "set of models chosen", data.set or "the settings'", caller.address)
    return _switch(switch)


def _check_pull(settings: Settings, names: list[str]) -> None:
    try:
        catalog(settings).select(tuple(names))
    except CatalogError as error:
        raise RequestError(str(error), param="names") from error
    check_writable(settings.models_dir, INSTEAD)


def _all(box: Box) -> AdminModels:
    settings, names = box.settings, box.names
    shelf = Shelf(settings.models_dir)
    try:
        known, lock = catalog(settings), shelf.lock()
    except (CatalogError, OSError) as error:
        raise StorageFailed(str(error)) from error
    used = {names.stt, names.llm, names.turn, names.embed, *names.voices.values()}
    models = [
        ModelBody(
            id=model.name, role=model.role, description=model.description, licence=model.licence,
            languages=list(model.languages), voice=model.voice, bytes=lock.bytes(model), ram_mb=model.needs.ram_mb,
            vram_mb=model.needs.vram_mb, state=shelf.state(model, lock), in_use=model.name in used,
            sets=[name for name, members in known.sets.items() if model.name in members.models],
        )
        for model in known.models.values()
    ]  # fmt: skip
    by_name = {model.id: model for model in models}
    sets = []
    for name, members in known.sets.items():
        sizes = [by_name[member].bytes for member in members.models]
        sets.append(
            SetBody(
                name=name, description=members.description, models=list(members.models),
                bytes=None if None in sizes else sum(size or 0 for size in sizes),
                complete=all(by_name[member].state == "installed" for member in members.models),
                in_use=name == box.switching.used,
            )
        )  # fmt: skip
    pull, switch = box.pulls.last, box.switching.last
    return AdminModels(
        data=models, sets=sets, set=box.switching.used, settings_set=box.switching.own, folder=str(shelf.root),
        free_bytes=free_bytes(shelf.root), writable=writable(shelf.root), pull=None if pull is None else _pull(pull),
        switch=None if switch is None else _switch(switch),
    )  # fmt: skip


def _pull(errand: Errand) -> PullBody:
    return PullBody(
        names=list(errand.names), state=errand.state, doing=errand.doing, done=errand.done, total=errand.total,
        why=errand.why, installed=list(errand.result.get("installed", ())), began_at=errand.began,
        ended_at=errand.ended,
    )  # fmt: skip


def _switch(switch: Switch) -> SwitchBody:
    return SwitchBody(state=switch.state, before=switch.before, to=switch.to, why=switch.why)
