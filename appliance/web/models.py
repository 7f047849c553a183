"""`GET /v1/models`: the names that this box answers to."""

from __future__ import annotations

from typing import Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from appliance.errors import NotFound
from appliance.jobs import ROLES, Role
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS
from appliance.web.names import ALIASES, EMBEDDING_ALIASES


class ModelBody(msgspec.Struct, frozen=True, kw_only=True):
    """One name. `role` says what it does; `alias_of` whose other name it is; `voices` what it speaks with."""

    id: str
    role: Role
    alias_of: str | None = None
    voices: list[str] = []
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "appliance"


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """All names."""

    data: list[ModelBody]
    object: Literal["list"] = "list"


def _all(box: Box) -> list[ModelBody]:
    names = box.names
    bodies = {}
    for role in ROLES:
        for name in names.own(role):
            voices = [short for short, model in names.voices.items() if model == name]
            bodies[name] = ModelBody(id=name, role=role, voices=voices)
        for alias in (*ALIASES[role], *(EMBEDDING_ALIASES if role == "llm" else ())):
            voices = list(names.voices) if role == "tts" else []
            bodies.setdefault(alias, ModelBody(id=alias, role=role, alias_of=names.own(role)[0], voices=voices))
    return list(bodies.values())


@get("/v1/models", opt={NEEDS: "any"}, summary="Models")
async def list_models(box: NamedDependency[Box]) -> ModelList:
    """All models, and the other names they answer to."""
    return ModelList(data=_all(box))


@get("/v1/models/{model:str}", opt={NEEDS: "any"}, summary="One model")
async def get_model(box: NamedDependency[Box], model: FromPath[str]) -> ModelBody:
    """One model by its name."""
    for body in _all(box):
        if body.id == model:
            return body
    raise NotFound(f"There is no model {model!r}.", code="model_not_found", param="model")
