"""What is looked at when somebody asks for the figures, and the page that they get.

Nothing of it may hold up the event loop: each source has a thread or a wait of its own, and a deadline. One that fails
or is late leaves its figures out this time, and is counted. A question to the database alone cannot be left: the page
waits for it until the database gives it up. Who asks meanwhile shares what is being looked at.
"""

from __future__ import annotations

import asyncio
import threading
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

import anyio
from anyio import CapacityLimiter, to_thread
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from appliance.logs import logger, place_of
from appliance.metrics.health import SCRAPE_FAILURES, TASKS
from appliance.metrics.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from prometheus_client.core import Metric

    from appliance.metrics.families import Family

log = logger(__name__)

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
SECONDS: Final = 2.0
"""That a source may take. Prometheus itself waits for ten."""


class Source(Protocol):
    """Something that can be looked at. `families`: all the figures that may come of it."""

    @property
    def name(self) -> str:
        """A label's value."""

    @property
    def families(self) -> Sequence[Family]:
        """All that may come of it."""

    async def look(self) -> Iterable[Metric]:
        """The figures as they are now; whatever it raises leaves them out."""


class Seen:
    """A source that is looked at by a function which does not wait: of this process's own objects."""

    def __init__(self, name: str, families: Sequence[Family], look: Callable[[], Iterable[Metric]]) -> None:
        self.name, self.families, self._look = name, families, look

    async def look(self) -> Iterable[Metric]:
        """At once."""
        return list(self._look())


class Asked:
    """A source that has to be waited for."""

    def __init__(
        self, name: str, families: Sequence[Family], look: Callable[[], Awaitable[Iterable[Metric]]]
    ) -> None:  # fmt: skip
        self.name, self.families, self._look = name, families, look

    async def look(self) -> Iterable[Metric]:
        """When it has answered."""
        return await self._look()


class Probed:
    """A source that is looked at in a thread: a system's call may take long, or hang with its disk or driver.

    While one look hangs there is no other, so that it costs one thread.
    """

    def __init__(self, name: str, families: Sequence[Family], look: Callable[[], Iterable[Metric]]) -> None:
        self.name, self.families, self._look = name, families, look
        self._thread = CapacityLimiter(1)
        self._one = threading.Lock()
        """Held by the thread that looks, and by nobody who only means to."""

    async def look(self) -> Iterable[Metric]:
        """Raises `TimeoutError` while an earlier look hangs."""
        if self._one.locked():
            raise TimeoutError
        return await to_thread.run_sync(self._all, abandon_on_cancel=True, limiter=self._thread)

    def _all(self) -> list[Metric]:
        if not self._one.acquire(blocking=False):  # another look has begun meanwhile
            raise TimeoutError
        try:
            return list(self._look())
        finally:
            self._one.release()


class Scrape(Collector):
    """The sources of one box."""

    def __init__(self, sources: Sequence[Source] = (), seconds: float = SECONDS) -> None:
        self._sources, self._seconds = sources, seconds
        self._found: dict[str, list[Metric]] = {}
        self._missing: set[str] = set()
        self._over: anyio.Event | None = None
        """While somebody looks."""
        self._whole = 0
        """Looks that came to their end."""
        self._looked_at = -inf
        """When the last of them began."""
        self._thread = CapacityLimiter(1)
        for source in sources:
            SCRAPE_FAILURES.labels(source.name)

    @property
    def families(self) -> list[Family]:
        """All that may come of the sources."""
        return [family for source in self._sources for family in source.families]

    @property
    def missing(self) -> list[str]:
        """Names of the sources whose figures were left out the last time."""
        return sorted(self._missing)

    def collect(self) -> Iterator[Metric]:
        """What was found the last time."""
        for metrics in self._found.values():
            yield from metrics

    async def page(self) -> bytes:
        """All figures, the process's and those of the sources, in Prometheus' text format."""
        await self.look()
        TASKS.set(len(asyncio.all_tasks()))
        # Thousands of lines: beside the loop, which would stand still meanwhile.
        return await to_thread.run_sync(self._written, limiter=self._thread)

    def _written(self) -> bytes:
        return generate_latest(REGISTRY) + generate_latest(self)

    async def look(self, age: float = 0.0) -> None:
        """Look at all sources, or wait for whoever does; who leaves before the end has looked for nobody.

        What was found is good enough where whoever found it began no more than `age` seconds ago.
        """
        if anyio.current_time() - self._looked_at < age:
            return
        before = self._whole
        while self._over is not None:
            await self._over.wait()
            if self._whole > before:
                return
        self._over, began = (over := anyio.Event()), anyio.current_time()
        try:
            async with anyio.create_task_group() as tasks:
                for source in self._sources:
                    tasks.start_soon(self._ask, source)
            self._whole, self._looked_at = self._whole + 1, began
        finally:
            self._over = None
            over.set()

    async def _ask(self, source: Source) -> None:
        found: Iterable[Metric] = ()
        try:
            with anyio.fail_after(self._seconds):
                found = await source.look()
            self._missing.discard(source.name)
        except Exception as error:  # noqa: BLE001 - one source's fault must not take the others' figures away
            SCRAPE_FAILURES.labels(source.name).inc()
            self._missing.add(source.name)
            log.warning("figures left out", source=source.name, **place_of(error))
        self._found[source.name] = list(found)
