"""What a run of the benchmark ends with: its fingerprint, and the figures of each part with all their samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from benchmarks.figures import Figure

FORMAT: Final = 1
FAILED: Final = "It failed"
"""So begins the note of a part that was not measured whole."""


@dataclass(slots=True)
class Part:
    """One part of the benchmark: what it measured, in how many seconds, and what is to be known of it."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether it was not measured whole."""
        return any(note.startswith(FAILED) for note in self.notes)

    def figure(self, name: str) -> Figure | None:
        """The figure of that name."""
        return next((figure for figure in self.figures if figure.name == name), None)


@dataclass(slots=True)
class Result:
    """A whole run; `quick` ones are not to be quoted."""

    fingerprint: dict[str, Any]
    parts: list[Part] = field(default_factory=list)
    quick: bool = False
    notes: list[str] = field(default_factory=list)
    format: int = FORMAT

    def part(self, name: str) -> Part | None:
        """The part of that name, if it was measured."""
        return next((part for part in self.parts if part.name == name), None)

    def keep(self, file: Path) -> None:
        """Write it as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @property
    def name(self) -> str:
        """For files: when, from which commit, and which parts."""
        when = self.fingerprint["when"].replace(":", "").replace("-", "")[:13]
        of = self.fingerprint.get("commit") or self.fingerprint.get("appliance", "")
        parts = self.parts[0].name if len(self.parts) == 1 else "all"
        return f"run-{when}-{of}-{parts}{'-quick' if self.quick else ''}"


def read(file: Path) -> Result:
    """A result that was kept. Raises click's `ClickException`, which names the file and what is wrong with it."""
    try:
        result = msgspec.json.decode(file.read_bytes(), type=Result)
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise click.ClickException(f"{file}: is not a result of `appliance bench`: {error}") from error
    if result.format != FORMAT:
        raise click.ClickException(f"{file}: has format {result.format}; this appliance reads format {FORMAT}")
    return result
