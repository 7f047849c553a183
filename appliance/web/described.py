"""What the OpenAPI schema says of the doors beyond their signatures: keys, errors, answers of several kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar.config.app import AppConfig
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPIMediaType, Operation, Schema, SecurityScheme
from litestar.openapi.spec.enums import OpenAPIType

from appliance import __version__
from appliance.errors import CODES
from appliance.web.faults import ErrorAnswer
from appliance.web.identity.guard import NEEDS

TEXT: Final = Schema(type=OpenAPIType.STRING)
EVENTS: Final = Schema(description="Server-sent events.")


def json_of(body: Any) -> ResponseSpec:
    """A success with this body."""
    return ResponseSpec(body, generate_examples=False, description="Done")


def answers(*kinds: str) -> type[Operation]:
    """For `operation_class`: a success of one of these media types; JSON is as the door describes it."""

    @dataclass
    class Answers(Operation):
        def __post_init__(self) -> None:
            done: Any = (self.responses or {})["200"]
            told = done.content["application/json"]
            done.content = {k: told if k == "application/json" else OpenAPIMediaType(schema=_form(k)) for k in kinds}

    return Answers


def errors() -> Mapping[int, ResponseSpec]:
    """All statuses of the table of codes, with what they mean. A door that is there takes its method."""
    told: dict[int, list[str]] = {}
    for code, (status, meaning) in CODES.items():
        told.setdefault(status, []).append(f"`{code}`: {meaning}")
    return {
        status: ResponseSpec(ErrorAnswer, generate_examples=False, description="\n".join(lines))
        for status, lines in sorted(told.items())
        if status != 405
    }


def describe(config: AppConfig) -> AppConfig:
    """On start: each door that answers can also answer with an error, and some want no key."""
    for door in config.route_handlers:
        if isinstance(door, HTTPRouteHandler):
            door.responses = {**errors(), **(door.responses or {})}
            door.security = [{}] if door.opt.get(NEEDS) == "open" else None
    return config


def openapi() -> OpenAPIConfig:
    """The schema at `/schema/openapi.json`. Operations are called as their functions are."""
    return OpenAPIConfig(
        title="Voice appliance",
        version=__version__,
        path="/schema",
        render_plugins=[JsonRenderPlugin()],
        operation_id_creator=lambda door, *_: door.handler_name,
        components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"key": []}],
    )


def _form(kind: str) -> Schema:
    """What an answer that is no JSON looks like."""
    return EVENTS if kind == "text/event-stream" else TEXT
