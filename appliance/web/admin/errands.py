"""Long work in the background, one piece at a time: what runs now or has run last, and how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
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

    number: int
    """No other of its kind has it."""
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


@dataclass(frozen=True, slots=True)
class _Begun:
    number: int
    work: Work
    seconds: float


class Errands:
    """The one that does them, as long as `run` runs."""

    def __init__(self) -> None:
        self.last: Errand | None = None
        self._asked = anyio.Event()
        self._begun: _Begun | None = None
        self._scope: anyio.CancelScope | None = None

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self.last is not None and self.last.state == "running"

    def begin(self, names: Sequence[str], work: Work, seconds: float) -> Errand:
        """Have `work` done: an async function that is given whom to tell, and returns what it failed with.

        It is ended after `seconds`. Raises `Conflict` while another one is under way.
        """
        if self.running:
            raise Conflict("One is under way already; wait until it is over, or cancel it.")
        self.last = Errand(number=self.last.number + 1 if self.last is not None else 0, names=tuple(names))
        self._begun = _Begun(self.last.number, work, seconds)
        self._asked.set()
        return self.last

    def cancel(self) -> Errand:
        """End the one that is under way. Raises `NotFound` if there is none."""
        if self.last is None or not self.running:
            raise NotFound("There is none under way.")
        self._change(self.last.number, state="cancelled", ended=time.time())
        if self._scope is not None:
            self._scope.cancel()
        return self.last

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            begun, self._begun = self._begun, None
            if begun is not None and self._is_open(begun.number):
                with anyio.CancelScope() as self._scope:
                    await self._do(begun)
                self._scope = None

    async def _do(self, begun: _Begun) -> None:
        why = f"It was not over after {begun.seconds / 3600:g} hours, and was ended."
        try:
            with anyio.move_on_after(begun.seconds):
                why = await begun.work(partial(self._hear, begun.number))
        except Exception as error:  # noqa: BLE001 - one errand's fault must not end the one that does them
            log.error("errand failed", **logs.place_of(error))
            why = "It could not be done; the appliance's log has the place."
        self._change(begun.number, state="failed" if why else "done", why=why, ended=time.time())

    def _hear(self, number: int, news: News) -> None:
        if news.what:
            self._change(number, doing=news.what, done=news.done, total=news.total)
        if news.result is not None:
            self._change(number, result=news.result)

    def _is_open(self, number: int) -> bool:
        return self.last is not None and self.last.number == number and self.running

    def _change(self, number: int, **changes: Any) -> None:
        """One that is cancelled may end late, when another one is under way: what it says then counts no more."""
        if self.last is not None and self._is_open(number):
            self.last = replace(self.last, **changes)
