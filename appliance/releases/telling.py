"""What the administrator sees: a line when a step begins and one when it ends, with times; all of it is logged too."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOST_BYTES: Final = 1_000_000
"""Of the log; it is begun anew then, and the one before kept."""


class Telling:
    """To `out` and to the file `log`. Neither may fail a step: a terminal that is gone is told nothing."""

    def __init__(self, log: Path | None, out: Callable[[str], None]) -> None:
        self._log, self._out = log, out
        if log is not None and log.exists() and log.stat().st_size > MOST_BYTES:
            log.replace(log.with_name(log.name + ".1"))

    def say(self, text: str) -> None:
        """One line."""
        line = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}  {text}"
        with suppress(OSError, ValueError):
            self._out(line)
        if self._log is not None:
            with suppress(OSError), self._log.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Around a step: how long it took, or that it failed."""
        self.say(f"{what} …")
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.say(f"{what}: failed after {time.monotonic() - began:.1f} s")
            raise
        self.say(f"{what}: done in {time.monotonic() - began:.1f} s")
