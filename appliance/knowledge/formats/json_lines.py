"""JSON lines: a record a line. A record may as well have several lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.knowledge.formats import records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from appliance.knowledge.block import Block


def blocks(file: BinaryIO) -> Iterator[Block]:
    """A block a record. Raises `document_unreadable`."""
    yield from records.blocks(file, lines=True)
