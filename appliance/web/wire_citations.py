"""What a reply rests on, in OpenAI's words: annotations of type `file_citation`, with more about the place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from appliance.jobs import Source


class FileCitation(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that `text[start_index:end_index]` rests on; `index` is OpenAI's, the end of it. The rest is ours."""

    file_id: str
    filename: str
    index: int
    page: int | None = None
    passage: int = 0
    heading: str = ""
    quote: str = ""
    start_index: int = 0
    end_index: int = 0
    named: Annotated[int, Meta(ge=0)] | None = None
    """Where the reply names its sources aloud, as `Source` has it."""
    type: Literal["file_citation"] = "file_citation"

    @classmethod
    def of(cls, source: Source, before: int = 0) -> FileCitation:
        """`before`: characters of the reply that stand before the text in question."""
        return cls(
            file_id=source.document, filename=source.name, index=source.end - before, page=source.page,
            passage=source.ordinal, heading=source.heading, quote=source.quote, start_index=source.start - before,
            end_index=source.end - before, named=source.named,
        )  # fmt: skip

    @property
    def source(self) -> Source:
        """As the box remembers it."""
        return Source(
            document=self.file_id, name=self.filename, page=self.page, heading=self.heading, ordinal=self.passage,
            quote=self.quote, start=self.start_index, end=self.end_index, named=self.named,
        )  # fmt: skip


class CitedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A passage of a file, and the part of the content that rests on it."""

    file_id: str
    filename: str
    page: int | None
    passage: int
    heading: str
    quote: str
    start_index: int
    end_index: int


class ChatCitation(msgspec.Struct, frozen=True, kw_only=True):
    """One of a chat's annotations. OpenAI's own chats have URLs only; this is in their manner."""

    file_citation: CitedFile
    type: Literal["file_citation"] = "file_citation"


def citations(sources: Sequence[Source], before: int = 0) -> list[FileCitation]:
    """Of a text that stands behind so many characters of the reply."""
    return [FileCitation.of(source, before) for source in sources if source.start >= before]


def cited(sources: Sequence[Source], text: str) -> list[Source]:
    """Those of a reply that was not heard to its end: what begins in the text that was."""
    return [replace(source, end=min(source.end, len(text))) for source in sources if source.start < len(text)]


def chat_citations(sources: Sequence[Source]) -> list[ChatCitation]:
    """Of a chat's reply."""
    return [
        ChatCitation(
            file_citation=CitedFile(
                file_id=each.document, filename=each.name, page=each.page, passage=each.ordinal, heading=each.heading,
                quote=each.quote, start_index=each.start, end_index=each.end,
            )
        )
        for each in sources
    ]  # fmt: skip
