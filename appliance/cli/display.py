"""What a command shows of long work, and how it writes sizes."""

from __future__ import annotations

import sys

import click


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


def mb(size: int) -> str:
    """Bytes as megabytes of 1,000,000."""
    return f"{size / 1e6:,.1f} MB"
