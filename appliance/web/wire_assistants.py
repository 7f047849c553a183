"""OpenAI's words for assistants, and ours: `voice`, `language`, `retrieval`, `shared`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.callers.languages import language_code
from appliance.callers.names import Names
from appliance.errors import RequestError
from appliance.store.assistants import PREFIX, Assistant, Preset, Retrieval
from appliance.web.wire_file_search import MOST_STORES, StoreId
from appliance.web.wire_responses import Metadata
from appliance.web.wire_tools import MOST_TOOLS, Function, plain_tools

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Description = Annotated[str, Meta(max_length=512)]
Instructions = Annotated[str, Meta(max_length=32_000)]


class AssistantTool(msgspec.Struct, frozen=True, kw_only=True):
    """A function, or `file_search`, whose ranking options are not applied."""

    type: str
    function: Function | UnsetType = UNSET


class FileSearchResources(msgspec.Struct, frozen=True, kw_only=True):
    """The vector stores that are searched."""

    vector_store_ids: Annotated[list[StoreId], Meta(max_length=MOST_STORES)] | None = None
    vector_stores: Any = None


class ToolResources(msgspec.Struct, frozen=True, kw_only=True):
    """What the tools work with."""

    file_search: FileSearchResources | None = None
    code_interpreter: Any = None

    @property
    def stores(self) -> list[str] | None:
        """Ids of the vector stores, each once; None where nothing is said of them. Raises `RequestError`."""
        if self.code_interpreter:
            raise _unsupported("code_interpreter", "tool_resources.code_interpreter")
        if self.file_search is None:
            return None
        if self.file_search.vector_stores:
            raise RequestError(
                "Vector stores are made at /v1/vector_stores; name them in vector_store_ids.",
                code="unsupported_parameter",
                param="tool_resources.file_search.vector_stores",
            )
        return list(dict.fromkeys(self.file_search.vector_store_ids or ()))


class AssistantFields(msgspec.Struct, kw_only=True):
    """What both bodies may have. null takes a field back to what it is where nobody gives it."""

    model: str | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    instructions: Instructions | UnsetType | None = UNSET
    tools: Annotated[list[AssistantTool], Meta(max_length=MOST_TOOLS + 1)] | UnsetType | None = UNSET
    tool_resources: ToolResources | UnsetType | None = UNSET
    temperature: Annotated[float, Meta(ge=0, le=2)] | UnsetType | None = UNSET
    top_p: Annotated[float, Meta(ge=0, le=1)] | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    voice: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType | None = UNSET
    language: Annotated[str, Meta(min_length=1, max_length=35)] | UnsetType | None = UNSET
    retrieval: Retrieval | UnsetType | None = UNSET
    shared: bool | UnsetType | None = UNSET
    response_format: Any = None
    reasoning_effort: Any = None

    def given(self, names: Names) -> dict[str, Any]:
        """What was given, as the fields of a `Preset`. Raises `RequestError` and `NotFound`, which name the field."""
        if self.response_format not in (None, "auto"):
            raise _unsupported("A form of the reply", "response_format")
        if self.reasoning_effort is not None:
            raise _unsupported("reasoning_effort", "reasoning_effort")
        found = {
            "description": _or(self.description, ""), "instructions": _or(self.instructions, ""),
            "model": _or(self.model, "default"), "voice": self.voice,
            "language": self.language, "temperature": self.temperature, "top_p": self.top_p,
            "metadata": _or(self.metadata, {}), "shared": _or(self.shared, other=False),
        }  # fmt: skip
        given: dict[str, Any] = {name: value for name, value in found.items() if value is not UNSET}
        names.check_model("llm", given.get("model", "default"))
        names.voice(given.get("voice"))
        if given.get("language"):
            given["language"] = language_code(given["language"], "language")
        if self.tools is not UNSET:
            given |= _tools(self.tools or ())
        if self.retrieval:
            given["retrieval"] = self.retrieval
        if self.tool_resources is None:
            given["collection_ids"] = ()
        elif self.tool_resources is not UNSET and (stores := self.tool_resources.stores) is not None:
            given["collection_ids"] = tuple(stores)
        return given


class CreateAssistant(AssistantFields, kw_only=True):
    """Body of `POST /v1/assistants`. The name is what `model` says at the other doors."""

    name: Name

    def given(self, names: Names) -> dict[str, Any]:
        """As of all."""
        return {**super().given(names), "name": _checked(self.name, names)}


class ChangeAssistant(AssistantFields, kw_only=True):
    """What of an assistant can be changed."""

    name: Name | UnsetType = UNSET

    def given(self, names: Names) -> dict[str, Any]:
        """As of all."""
        given = super().given(names)
        return given if self.name is UNSET else {**given, "name": _checked(self.name, names)}


def _checked(name: str, names: Names) -> str:
    if not name.isprintable() or name != name.strip() or "/" in name or not any(map(str.isalnum, name)):
        raise RequestError(
            "A name has 1 to 64 printable characters, a letter or digit among them, no '/', and no space at its ends.",
            param="name",
        )
    if name.lower().startswith(PREFIX) or names.taken(name):
        raise RequestError(f"The name {name!r} means something else here.", param="name")
    return name


def _tools(tools: Sequence[AssistantTool]) -> dict[str, Any]:
    functions: dict[int, Function] = {}
    for number, tool in enumerate(tools):
        if tool.type == "file_search":
            continue
        if tool.type != "function":
            raise RequestError(
                f"Tools of type {tool.type[:64]!r} are not supported; there are function and file_search.",
                code="unsupported_parameter",
                param=f"tools[{number}].type",
            )
        if tool.function is UNSET:
            where = f"tools[{number}].function"
            raise RequestError(f"The field {where!r} is missing.", code="missing_field", param=where)
        functions[number] = tool.function
    plain_tools(list(functions.values()), "tools[{}].function", list(functions))
    searches = len(functions) < len(tools)
    return {
        "tools": tuple(msgspec.to_builtins(function) for function in functions.values()),
        "retrieval": "tool" if searches else "automatic",
    }


def _or(value: Any, other: Any) -> Any:
    return other if value is None else value


def _unsupported(what: str, param: str) -> RequestError:
    return RequestError(f"{what} is not supported.", code="unsupported_parameter", param=param)


class FileSearchShown(msgspec.Struct, frozen=True, kw_only=True):
    """The vector stores that are searched."""

    vector_store_ids: list[str]


class ResourcesShown(msgspec.Struct, frozen=True, kw_only=True):
    """What the tools work with."""

    file_search: FileSearchShown


class AssistantBody(msgspec.Struct, frozen=True, kw_only=True):
    """An assistant. null: as it would be without it. One that somebody else shares is owned by `appliance`."""

    id: str
    created_at: int
    name: str
    description: str | None
    model: str
    instructions: str | None
    tools: list[AssistantTool]
    tool_resources: ResourcesShown
    temperature: float | None
    top_p: float | None
    metadata: dict[str, str]
    voice: str | None
    language: str | None
    retrieval: Retrieval
    shared: bool
    owned_by: str
    response_format: Literal["auto"] = "auto"
    object: Literal["assistant"] = "assistant"


class AssistantList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of assistants."""

    data: list[AssistantBody]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


class AssistantDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """An assistant is gone; its vector stores are not."""

    id: str
    object: Literal["assistant.deleted"] = "assistant.deleted"
    deleted: bool = True


def functions(preset: Preset) -> list[Function]:
    """The functions that it brings."""
    return msgspec.convert(list(preset.tools), list[Function])


def assistant_body(assistant: Assistant, user: str) -> AssistantBody:
    """An assistant as `user` gets it: of somebody else's only what it is for and how to use it."""
    own = assistant.owner.user == user
    stores = list(assistant.collection_ids) if own else []
    tools = [AssistantTool(type="function", function=function) for function in functions(assistant)]
    if assistant.retrieval == "tool":
        tools.append(AssistantTool(type="file_search"))
    return AssistantBody(
        id=assistant.id, created_at=assistant.created_ms // 1000, name=assistant.name,
        description=assistant.description or None, model=assistant.model,
        instructions=(own and assistant.instructions) or None, tools=tools,
        tool_resources=ResourcesShown(file_search=FileSearchShown(vector_store_ids=stores)),
        temperature=assistant.temperature, top_p=assistant.top_p, metadata=dict(assistant.metadata) if own else {},
        voice=assistant.voice, language=assistant.language, retrieval=assistant.retrieval, shared=assistant.shared,
        owned_by=owned_by(assistant.owner.user, user),
    )  # fmt: skip


def owned_by(owner: str, user: str) -> str:
    """Whose it is in the eyes of `user`: what others share is the box's."""
    return owner if owner == user else "appliance"
