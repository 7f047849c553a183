"""Finding passages by their words and, where there is a model for it, by what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.knowledge.meaning import Meaning
    from appliance.store.owners import Owner
    from appliance.store.passages import Found, Passages


class Search:
    """In all documents of the box."""

    def __init__(self, passages: Passages, meaning: Meaning) -> None:
        self._passages, self._meaning = passages, meaning

    async def __call__(
        self,
        owner: Owner,
        words: str,
        *,
        collections: Sequence[int] | None = None,
        limit: int = 10,
        around: bool = False,
    ) -> list[Found]:
        """Passages that answer a question, the best first, as `Passages.search` has them."""
        vector = await self._meaning.of(words)
        return await self._passages.search(
            owner, words, collections=collections, limit=limit, around=around, vector=vector
        )
