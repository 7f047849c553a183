"""A run: part after part, its figures shown as they come, and all of it kept whatever happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click
import httpx

from appliance.cli.line import LineError
from benchmarks.figures import HEAD
from benchmarks.fingerprint import doubts, fingerprint
from benchmarks.parts import PARTS
from benchmarks.progress import Progress, shown
from benchmarks.result import Part, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.bench import Bench

QUICKER: Final = 5
"""So many times shorter a quick part is, or nearly."""
FAILED: Final = (click.ClickException, LineError, httpx.HTTPError, RuntimeError, OSError, ExceptionGroup)


def run(bench: Bench, names: Sequence[str]) -> tuple[Result, bool]:
    """Measure these parts; whether all of them were measured whole.

    A part that fails is left out, which its notes say, and the others go on. What was measured until Ctrl-C is kept.
    """
    expected = {name: _seconds(bench, name) for name in names}
    whole = True
    with shown(Progress(expected)) as progress:
        about = fingerprint(bench.settings, bench.lineup, {})
        result = Result(about, quick=bench.quick)
        for doubt in doubts(about):
            progress.say(f"warning: {doubt}")
        try:
            about["speech"] = bench.speech.about()
            for name in names:
                part = Part(name)
                result.parts.append(part)
                progress.part(name)
                whole = _measure(bench, part, progress) and whole
        except KeyboardInterrupt:
            progress.say("broken off; what was measured is kept")
            result.notes.append("This run was broken off.")
            whole = False
    return result, whole


def _measure(bench: Bench, part: Part, progress: Progress) -> bool:
    bench.notes = part.notes
    began = time.monotonic()
    try:
        for figure in PARTS[part.name].measure(bench):
            part.figures.append(figure)
    except FAILED as error:
        message = error.message if isinstance(error, click.ClickException) else f"{type(error).__name__}: {error}"
        part.notes.append(f"It failed: {message}")
    finally:
        part.seconds = round(time.monotonic() - began, 1)
        progress.close()
        for line in table(part):
            click.echo(line)
    return not any(note.startswith("It failed") for note in part.notes)


def table(part: Part) -> list[str]:
    """A part's figures and notes as lines."""
    lines = [f"\n{part.name} ({part.seconds:.0f} s)", *([HEAD] if part.figures else [])]
    return [*lines, *(figure.row() for figure in part.figures), *(f"note: {note}" for note in part.notes)]


def _seconds(bench: Bench, name: str) -> float:
    if bench.minutes is not None and not PARTS[name].usual:
        return 60 * bench.minutes
    return PARTS[name].seconds / (QUICKER if bench.quick else 1)
