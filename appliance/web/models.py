"""`GET /v1/models`: the names that this box answers to, the caller's assistants among them."""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from appliance.callers.caller import Caller
from appliance.callers.names import ALIASES, EMBEDDING_ALIASES
from appliance.errors import NotFound
from appliance.jobs import ROLES, Role
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS
from appliance.web.wire_assistants import owned_by


class ModelBody(msgspec.Struct, frozen=True, kw_only=True):
    """One name. `role` says what it does; `alias_of` whose other name it is; `voices` what it speaks with.

    `languages` are those that it speaks, of a voice's model, as BCP 47 tags.
    """

    id: str
    role: Role
    alias_of: str | None = None
    voices: list[str] = []
    languages: list[str] = []
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "appliance"


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """All names."""

    data: list[ModelBody]
    object: Literal["list"] = "list"


def _models(box: Box) -> list[ModelBody]:
    names = box.names
    bodies = {}
    for role in ROLES:
        for name in names.own(role):
            voices = [short for short, model in names.voices.items() if model == name]
            languages = list(names.languages.get(name, ())) if role == "tts" else []
            bodies[name] = ModelBody(id=name, role=role, voices=voices, languages=languages)
        for alias in (*ALIASES[role], *(EMBEDDING_ALIASES if role == names.embeds else ())):
            voices = list(names.voices) if role == "tts" else []
            bodies.setdefault(alias, ModelBody(id=alias, role=role, alias_of=names.own(role)[0], voices=voices))
    return list(bodies.values())


def _assistant(caller: Caller, name: str, owner: str, created_ms: int) -> ModelBody:
    return ModelBody(id=name, role="llm", created=created_ms // 1000, owned_by=owned_by(owner, caller.owner.user))


@get("/v1/models", opt={NEEDS: "any"}, summary="Models")
async def list_models(box: NamedDependency[Box], caller: NamedDependency[Caller]) -> ModelList:
    """All models, the other names they answer to, and the caller's assistants."""
    models = {body.id: body for body in _models(box)}
    for each in await box.assistants.names(caller.owner):  # a model that came later goes before an assistant
        models.setdefault(each.name, _assistant(caller, each.name, each.owner, each.created_ms))
    return ModelList(data=list(models.values()))


@get("/v1/models/{model:str}", opt={NEEDS: "any"}, summary="One model")
async def get_model(box: NamedDependency[Box], caller: NamedDependency[Caller], model: FromPath[str]) -> ModelBody:
    """One model by its name, or an assistant by its name or id."""
    for body in _models(box):
        if body.id == model:
            return body
    if (found := await box.assistants.called(caller.owner, model)) is not None:
        return _assistant(caller, found.name, found.owner.user, found.created_ms)
    raise NotFound(f"There is no model {model!r}.", code="model_not_found", param="model")
