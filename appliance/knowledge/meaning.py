"""Has a model make vectors of what documents say, in the background, and of questions, in a hurry.

A passage that has been read waits in the database for its vector, so nothing is lost when the box ends in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import anyio
import numpy as np

from appliance.errors import ApplianceError, InternalError
from appliance.jobs import Embed, Embedding
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from numpy.typing import NDArray

    from appliance.jobs import AnyJob, Priority
    from appliance.store.vectors import Vectors

log = logger(__name__)

TOGETHER: Final = 16
"""Passages of one job: a second or two of work."""
LOOK_SECONDS: Final = 60.0
"""Longest time until passages are noticed that nobody has told of."""
RETRY_SECONDS: Final = 10.0
"""After the model or the database has failed."""


class Stage(Protocol):
    """Whoever makes vectors."""

    def stream(self, job: AnyJob, payload: bytes = b"") -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """Send a job; the parts of its answer."""


class Meaning:
    """Without a model (`stage` is None) there is nothing to do, and no question has a vector."""

    def __init__(self, stage: Stage | None, vectors: Vectors, query_ms: int) -> None:
        self._stage, self._vectors, self._seconds = stage, vectors, query_ms / 1000
        self._news = anyio.Event()

    def tell(self) -> None:
        """A document has been read."""
        self._news.set()

    async def of(self, words: str) -> NDArray[np.float32] | None:
        """What a question means; None where there is no model, or none that answers in time."""
        if self._stage is None:
            return None
        with anyio.move_on_after(self._seconds):
            try:
                return (await self._embedded([words], "live"))[0]
            except ApplianceError as error:
                log.debug("question without a vector", code=error.code)
        return None

    async def run(self) -> None:
        """Until cancelled."""
        if self._stage is None:
            return
        while True:
            self._news = anyio.Event()
            try:
                await self._vectors.take_in()
                await self._catch_up()
            except ApplianceError as error:
                log.info("vectors not made now", code=error.code)
                await anyio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - one passage's fault must not end the others
                log.error("vectors not made", **place_of(error))
                await anyio.sleep(RETRY_SECONDS)
            else:
                with anyio.move_on_after(LOOK_SECONDS):
                    await self._news.wait()

    async def _catch_up(self) -> None:
        last = 0
        while meant := await self._vectors.missing(last, TOGETHER):
            made = await self._embedded([each.text for each in meant], "background")
            await self._vectors.put(meant, made)
            await self._vectors.take_in()
            last = meant[-1].number

    async def _embedded(self, texts: Sequence[str], priority: Priority) -> list[NDArray[np.float32]]:
        found: dict[int, NDArray[np.float32]] = {}
        assert self._stage is not None  # noqa: S101 - both callers have looked
        async with self._stage.stream(Embed(texts=list(texts), cut=True, priority=priority)) as parts:
            async for part, vector in parts:
                if isinstance(part, Embedding):
                    found[part.index] = np.frombuffer(vector, np.float32)
        if len(found) != len(texts):
            raise InternalError("The stage left out a vector.")
        return [found[index] for index in sorted(found)]
