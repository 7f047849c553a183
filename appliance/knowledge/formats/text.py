"""Plain text: paragraphs, with the lines of each put together where they were only wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.knowledge.charsets import encoding_of, lines, texts
from appliance.knowledge.paragraphs import paragraphs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from appliance.knowledge.block import Block

PIECE: Final = 8192
"""Characters of a line that are read at once."""


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Its paragraphs."""
    yield from paragraphs(lines((text.replace("\f", "\n\n") for text in texts(file, encoding_of(file))), PIECE))
