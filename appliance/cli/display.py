"""What a command shows of long work, and how it writes sizes."""

from __future__ import annotations

import sys
from typing import Any, Final

import click
import msgspec

STEP_BYTES: Final = 10_000_000
"""Of what is so long that nobody knows."""


class Display:
    """Progress on a terminal is one line that changes, elsewhere a line every 10 %, or none if it is `quiet` there."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._terminal = sys.stdout.isatty()
        self._quiet = quiet
        self._shown: dict[str, int] = {}
        self._open = False

    def say(self, text: str) -> None:
        """Print one line."""
        self.close()
        click.echo(text)

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Show how far `what` has come."""
        if not total or (self._quiet and not self._terminal):
            return
        percent = 100 * done // total
        step = percent if self._terminal else percent // 10 * 10
        if self._shown.get(what) == step:
            return
        self._shown[what] = step
        line = f"  {what}: {step:3d} % of {mb(total)}"
        if not self._terminal:
            click.echo(line)
            return
        click.echo(f"\r\033[K{line}", nl=False)
        self._open = True
        if done >= total:
            self.close()

    def close(self) -> None:
        """End a line of progress that was broken off."""
        if self._open:
            click.echo()
        self._open = False


class Lines:
    """News as JSON, one object a line, for a program that waits: at most one for each percent of anything."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def say(self, text: str) -> None:
        """Tell one line."""
        self._tell(say=text)

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Tell how far `what` has come."""
        step = 100 * done // total if total else done // STEP_BYTES
        if self._told.get(what) != step:
            self._told[what] = step
            self._tell(what=what, done=done, total=total)

    def result(self, **fields: Any) -> None:
        """Tell what came of it."""
        self._tell(result=fields)

    def close(self) -> None:
        """Nothing is left open."""

    def _tell(self, **news: Any) -> None:
        click.echo(msgspec.json.encode(news).decode())


def mb(size: int) -> str:
    """Bytes as megabytes of 1,000,000."""
    return f"{size / 1e6:,.1f} MB"
