"""OpenAI's words for a search in documents that the model may make."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from appliance.errors import RequestError
from appliance.voice.retrieving import PASSAGES

StoreId = Annotated[str, Meta(min_length=1, max_length=128)]
FILE_SEARCH: Final = "file_search"
MOST_STORES: Final = 16
"""That are searched in at once."""


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """Where is searched, and for how many passages."""

    vector_store_ids: Annotated[list[StoreId], Meta(min_length=1, max_length=MOST_STORES)]
    max_num_results: Annotated[int, Meta(ge=1, le=50)] | None = None
    filters: Any = None
    ranking_options: Any = None

    def refuse_unsupported(self, where: str) -> None:
        """Better a clear refusal than results that ignore what was asked for."""
        for name in ("filters", "ranking_options"):
            if getattr(self, name):
                param = f"{where}.{name}"
                raise RequestError(f"{param} is not supported.", code="unsupported_parameter", param=param)


class FileSearchTool(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="file_search"):
    """The tool as a response tells it again."""

    vector_store_ids: list[str]
    max_num_results: int

    @classmethod
    def of(cls, asked: Searched) -> FileSearchTool:
        """As it was asked for."""
        return cls(vector_store_ids=asked.vector_store_ids, max_num_results=asked.max_num_results or PASSAGES)


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """A search that was asked for; `where` is its place in the request. `forced`: the model has to make it first."""

    tool: Searched
    where: str
    forced: bool = False
