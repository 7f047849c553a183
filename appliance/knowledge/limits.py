"""What reading one document may cost."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Limits of one document. Whoever takes the passages slowly uses up none of the seconds."""

    seconds: float = 900.0
    """That the reader may be waited for in all, and that it may compute."""
    passage_seconds: float = 120.0
    """That may go by before the first passage and between two."""
    memory: int = 512 << 20
    """Bytes of address space that the reader may take beyond what it has when it begins."""
    characters: int = 400_000_000
    passages: int = 500_000
    pages: int = 10_000
