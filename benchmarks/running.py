"""A run: part after part, its figures shown as they come, and all of it kept whatever happens."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from benchmarks.figures import HEAD
from benchmarks.fingerprint import doubts, fingerprint
from benchmarks.parts import PARTS
from benchmarks.progress import Progress, shown
from benchmarks.result import FAILED, Part, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.bench import Bench

QUICKER: Final = 5
"""So many times shorter a quick part is, or nearly."""


def run(bench: Bench, names: Sequence[str]) -> tuple[Result, bool]:
    """Measure these parts; whether all of them were measured whole.

    A part that fails is left out, which its notes say, and the others go on. What was measured until Ctrl-C or SIGTERM
    is kept, and nothing that was started stays.
    """
    expected = {name: _seconds(bench, name) for name in names}
    whole = True
    with _ended_like_ctrl_c(), shown(Progress(expected)) as progress:
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


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM, as `timeout` and CI send it, unwinds too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _measure(bench: Bench, part: Part, progress: Progress) -> bool:
    bench.notes = part.notes
    began = time.monotonic()
    try:
        for figure in PARTS[part.name].measure(bench):
            part.figures.append(figure)
    except Exception as error:  # noqa: BLE001 - the other parts can be measured, and what was is kept
        part.notes.append(f"{FAILED}: {_reason(error)}")
    finally:
        part.seconds = round(time.monotonic() - began, 1)
        progress.close()
        for line in table(part):
            click.echo(line)
    return not part.failed


def _reason(error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error.message if isinstance(error, click.ClickException) else f"{type(error).__name__}: {error}"


def table(part: Part) -> list[str]:
    """A part's figures and notes as lines."""
    lines = [f"\n{part.name} ({part.seconds:.0f} s)", *([HEAD] if part.figures else [])]
    return [*lines, *(figure.row() for figure in part.figures), *(f"note: {note}" for note in part.notes)]


def _seconds(bench: Bench, name: str) -> float:
    if bench.minutes is not None and not PARTS[name].usual:
        return 60 * bench.minutes
    return PARTS[name].seconds / (QUICKER if bench.quick else 1)
