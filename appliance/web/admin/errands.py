"""Long work in the background, one piece at a time: what runs now or has run last, and how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import anyio

from appliance import logs
from appliance.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from appliance.web.admin.child import Hear, News

    Work = Callable[[Hear], Awaitable[str]]

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One piece of work, about `names`. It has done `done` of `total` bytes of `doing`; times are Unix seconds."""

    names: tuple[str, ...]
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    began: float = field(default_factory=time.time)
    ended: float | None = None
    doing: str = ""
    done: int = 0
    total: int | None = None
    why: str = ""
    """What it failed with."""
    result: Mapping[str, Any] = field(default_factory=dict)


class Errands:
    """The one that does them, as long as `run` runs."""

    def __init__(self) -> None:
        self.last: Errand | None = None
        self._asked = anyio.Event()
        self._work: Work | None = None
        self._scope: anyio.CancelScope | None = None

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self.last is not None and self.last.state == "running"

    def begin(self, names: Sequence[str], work: Work) -> Errand:
        """Have `work` done: an async function that is given whom to tell, and returns what it failed with.

        Raises `Conflict` while another one is under way.
        """
        if self.running:
            raise Conflict("One is under way already; wait until it is over, or cancel it.")
        self.last, self._work = Errand(names=tuple(names)), work
        self._asked.set()
        return self.last

    def cancel(self) -> Errand:
        """End the one that is under way. Raises `NotFound` if there is none."""
        if self.last is None or not self.running:
            raise NotFound("There is none under way.")
        self._over("cancelled")
        if self._scope is not None:
            self._scope.cancel()
        return self.last

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            work, self._work = self._work, None
            if work is not None and self.running:
                with anyio.CancelScope() as self._scope:
                    await self._do(work)
                self._scope = None

    async def _do(self, work: Work) -> None:
        mine = self.last and self.last.began

        def hear(news: News) -> None:
            if self.last is not None and self.last.began == mine:
                self._hear(news)

        try:
            why = await work(hear)
        except Exception as error:  # noqa: BLE001 - one errand's fault must not end the one that does them
            log.error("errand failed", **logs.place_of(error))
            why = "It could not be done; the appliance's log has the place."
        if self.running:
            self._over("failed" if why else "done", why)

    def _hear(self, news: News) -> None:
        if self.last is None or not self.running:
            return
        if news.what:
            self.last = replace(self.last, doing=news.what, done=news.done, total=news.total)
        if news.result is not None:
            self.last = replace(self.last, result=news.result)

    def _over(self, state: Literal["done", "failed", "cancelled"], why: str = "") -> None:
        if self.last is not None:
            self.last = replace(self.last, state=state, why=why, ended=time.time())
