"""What form a reply shall have: text, any JSON object, or JSON of a schema."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from appliance.errors import RequestError

FormatType = Literal["text", "json_object", "json_schema"]

DEEPEST: Final = 64
"""Levels of a JSON schema."""

MOST_VALUES: Final = 10_000
"""Values in one JSON schema, nested ones included; the model waits while a grammar is made of it."""

_SMALLEST_INTEGER: Final = -(2**63)
_LARGEST_INTEGER: Final = 2**64 - 1


class ReplyFormat(msgspec.Struct, frozen=True, kw_only=True):
    """A form as `Generate` has it."""

    json: bool = False
    schema: dict[str, Any] | None = None


class NamedSchema(msgspec.Struct, frozen=True, kw_only=True):
    """A schema with a name. Every schema is kept strictly, whatever `strict` says."""

    name: str
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True, kw_only=True):
    """`response_format` of a chat."""

    type: FormatType
    json_schema: NamedSchema | None = None

    def plain(self, param: str = "response_format") -> ReplyFormat:
        """As the engine takes it."""
        if self.type == "json_schema" and self.json_schema is None:
            raise RequestError(
                "A format of type 'json_schema' needs the schema.", code="missing_field", param=f"{param}.json_schema"
            )
        schema = self.json_schema.schema if self.json_schema else None
        return reply_format(self.type, schema, f"{param}.json_schema.schema")


def reply_format(form: FormatType, schema: dict[str, Any] | None, param: str) -> ReplyFormat:
    """The form named `form`; `param` is where the schema stood. A format without a schema takes any JSON object."""
    if form == "text":
        return ReplyFormat()
    if form == "json_object" or schema is None:
        return ReplyFormat(json=True)
    check_schema(schema, param)
    return ReplyFormat(schema=schema)


def check_schema(schema: dict[str, Any], param: str) -> None:
    """Raise `RequestError` for a schema that is too large, too deep, or that cannot cross to a worker."""
    values = 0
    level: list[Any] = [schema]
    for _ in range(DEEPEST):
        values += len(level)
        if values > MOST_VALUES:
            raise RequestError(f"The schema has more than {MOST_VALUES} values.", param=param)
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, int) and not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
                raise RequestError(f"The schema has an integer beyond 64 bits: {value}.", param=param)
        if not below:
            return
        level = below
    raise RequestError(f"The schema is more than {DEEPEST} levels deep.", param=param)
