"""A file to passages, in this process: for the worker, which is confined."""

from __future__ import annotations

import dataclasses
import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

from appliance.knowledge import chunking, kinds
from appliance.knowledge.cleaning import clean
from appliance.knowledge.faults import empty, too_large

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from appliance.knowledge.block import Block
    from appliance.knowledge.kinds import Kind
    from appliance.knowledge.limits import Limits
    from appliance.knowledge.passage import Passage

# The library behind a format is imported in the worker only: nothing else may pay for it.
READERS: Final = MappingProxyType[kinds.Kind, str](
    {
        "txt": "text",
        "md": "markdown",
        "html": "html",
        "pdf": "pdf",
        "docx": "word",
        "csv": "table",
        "json": "records",
        "jsonl": "json_lines",
    }
)


class Reader(Protocol):
    """What a format's module has."""

    def blocks(self, file: BinaryIO) -> Iterator[Block]:
        """What is in the file, in order."""
        ...


def reader(kind: Kind) -> Reader:
    """The reader of a kind of file; loads its library."""
    found: Reader = importlib.import_module(f"appliance.knowledge.formats.{READERS[kind]}")
    return found


def passages(file: BinaryIO, kind: Kind, limits: Limits) -> Iterator[Passage]:
    """The passages of a file that can be sought. Raises `RequestError` with one of the `document_…` codes."""
    kinds.check(file, kind)
    number = 0
    for passage in chunking.passages(_bounded(reader(kind).blocks(file), limits)):
        number += 1
        if number > limits.passages:
            raise too_large(f"The document has more than {limits.passages:,} passages.")
        yield passage
    if not number:
        raise empty("There is no text in the file.")


def _bounded(blocks: Iterable[Block], limits: Limits) -> Iterator[Block]:
    """The blocks with clean texts, as long as there are not too many characters or pages."""
    characters = 0
    for block in blocks:
        characters += len(block.text)
        if characters > limits.characters:
            raise too_large(f"The document has more than {limits.characters:,} characters.")
        if block.page is not None and block.page > limits.pages:
            raise too_large(f"The document has more than {limits.pages:,} pages.")
        yield dataclasses.replace(block, text=clean(block.text))
