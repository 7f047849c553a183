"""The unit that readers yield: a paragraph, a heading, an item of a list, a row, some code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

BLOCK_CHARACTERS: Final = 65_536
"""What is longer leaves a reader as several blocks, so that a document without any break costs bounded memory."""

BlockKind = Literal["text", "item", "row", "code"]
"""`text` is prose; an `item` is of a list; a `row` is of a table or a record of data; `code` keeps its line breaks."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a document. `text` holds a newline only where the layout means one."""

    text: str
    level: int | None = None
    """Of a heading: 0 is the document's title, 1 a chapter and so on. None: it is no heading."""
    page: int | None = None
    """From 1, where the format knows pages."""
    kind: BlockKind = "text"
    joined: bool = False
    """Whether it goes on where the block before, no heading, ended, without even a space between the two texts."""
