"""A language stage that answers from documents: what it is asked is looked up first, or when the model asks for it.

It stands around another stage, so that no door has to know of it. What is found is quoted last, behind everything that
the model has read before. A search that fails is no reason to say nothing: the reply goes on without.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

import anyio

from appliance.jobs import Generate
from appliance.logs import logger, place_of
from appliance.voice.retrieved import RetrievedAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from appliance.jobs import AnyJob
    from appliance.store.owners import Owner
    from appliance.store.passages import Found
    from appliance.voice.stages import Answer, Stage

log = logger(__name__)

SEARCH_SECONDS: Final = 3.0
"""Longest wait for a search; the database's own deadline comes first."""
MOST_ASKED: Final = 2000
"""Characters that are looked for."""

PASSAGES: Final = 5
"""That are quoted, where nobody says how many."""

Mode = Literal["automatic", "tool"]


class Search(Protocol):
    """As `store.passages.Passages.search`."""

    async def __call__(
        self, owner: Owner, words: str, *, collections: Sequence[int] | None = None, limit: int = 10
    ) -> Sequence[Found]:
        """Passages that answer a question, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """What is looked up, and how. `collections`: numbers of the owner's; with none nothing is looked up."""

    owner: Owner
    collections: tuple[int, ...]
    mode: Mode = "automatic"
    """`automatic`: before each reply, for what the user said; `tool`: when the model asks for it."""
    passages: int = PASSAGES
    """Most that are quoted of one search."""
    characters: int = 3000
    """Most that are quoted of their texts, in UTF-8's bytes: some 750 tokens."""
    aloud: bool = False
    """The reply is spoken: it names its sources."""
    forced: bool = False
    """In mode `tool`: the model has to look something up first."""


class Retrieving:
    """A stage whose replies rest on documents; `Prepare`, `Embed` and prompts without messages pass."""

    def __init__(self, llm: Stage, search: Search, how: Retrieval) -> None:
        self.plain = llm
        """The stage that looks nothing up."""
        self._search, self._how = search, how

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[Answer]:
        """Send a job. Nothing is looked up before its answer is asked for, so that it can be promoted at once."""
        if not isinstance(job, Generate) or not self._wanted(job):
            async with self.plain.stream(job, payload) as answer:
                yield answer
            return
        async with AsyncExitStack() as stack:
            yield RetrievedAnswer(self.plain, self._look_up, self._how, job, stack)

    def _wanted(self, job: Generate) -> bool:
        if not job.messages or job.text is not None or job.tokens is not None or not self._how.collections:
            return False
        return self._how.mode == "automatic" or job.tool_choice != "none" or job.tool_name is not None

    async def _look_up(self, *asked: str) -> Sequence[Found]:
        """What documents say to the first question that they say anything to; nothing where the search fails."""
        how = self._how
        found: Sequence[Found] = ()
        try:
            with anyio.fail_after(SEARCH_SECONDS):
                for words in filter(None, asked):
                    found = await self._search(
                        how.owner, words[:MOST_ASKED], collections=how.collections, limit=how.passages
                    )
                    if found:
                        break
        except Exception as error:  # noqa: BLE001 - whatever it is, the reply goes on without
            log.warning("documents not searched", **place_of(error))
        return found
