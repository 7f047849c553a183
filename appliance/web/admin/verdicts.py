"""Which backups have been read whole since the box was started, and whether they were sound."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 1_000
"""The oldest go."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`sound` is None where it cannot be told here, as of an encrypted one; `why` says what is wrong, or why not."""

    sound: bool | None
    why: str
    at: float
    """Unix seconds."""


class Verdicts:
    """By name of the backup."""

    def __init__(self) -> None:
        self._verdicts: dict[str, Verdict] = {}
        self._reading = False

    def of(self, name: str) -> Verdict | None:
        """The last one."""
        return self._verdicts.get(name)

    def note(self, name: str, sound: bool | None, why: str = "") -> Verdict:
        """A backup has been read."""
        self._verdicts.pop(name, None)
        while len(self._verdicts) >= MOST:
            del self._verdicts[next(iter(self._verdicts))]
        self._verdicts[name] = Verdict(sound, why, time.time())
        return self._verdicts[name]

    def forget(self, name: str) -> None:
        """It is gone."""
        self._verdicts.pop(name, None)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One backup is being read: it needs as much room as the database. Raises `Conflict` while another one is."""
        if self._reading:
            raise Conflict("Another backup is being verified; wait until that is over.")
        self._reading = True
        try:
            yield
        finally:
            self._reading = False
