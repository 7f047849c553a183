"""`make bench`: starts a box of its own, prints its figures as a table, and keeps them as JSON."""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import httpx

from appliance import settings
from appliance.catalog.lineup import lineup
from benchmarks import box, figures, footprint, llm, turn
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

IDLE_SECONDS: Final = 20.0
PARTS: Final = ("turn", "llm")


@click.command()
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure this part; may be repeated.")
@click.option("--quick", is_flag=True, help="Few rounds: to see that it works, not to quote.")
@click.option("--turns", default=20, show_default=True, help="Turns of each kind; medians are shown.")
@click.option("--state-dir", type=click.Path(path_type=Path), default=Path(os.environ.get("STATE", ".state")))
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Keep the figures here.")
def main(only: tuple[str, ...], quick: bool, turns: int, state_dir: Path, json_file: Path | None) -> None:
    """Measure the box on this machine: a spoken turn and what it takes, and the language engine.

    Medians of several rounds; where something is demanded, the table says whether it is met.
    """
    about = figures.machine()
    measured = []
    for part in only or PARTS:
        each = _turn(state_dir, 3 if quick else turns) if part == "turn" else _llm(state_dir, quick=quick)
        for figure in each:
            measured.append(figure)
            click.echo(figure.row())
    file = json_file or Path("benchmarks/results") / f"{about['when'][:10]}-{about['commit']}.json"
    figures.keep(measured, file, about)
    click.echo(f"kept in {file}")


def _llm(state_dir: Path, *, quick: bool) -> Iterator[Figure]:
    model = lineup(settings.load(environ={}, state_dir=state_dir)).llm
    with box.running(state_dir, llm.SETTINGS) as running:
        yield from llm.measure(running, llm.spec_of(str(model.main), model.name), llm.QUICK if quick else llm.FULL)


def _turn(state_dir: Path, turns: int) -> Iterator[Figure]:
    environ = {"APPLIANCE_VOICE__TEMPERATURE": "0", "APPLIANCE_VOICE__HISTORY_MESSAGES": "0"}
    with box.running(state_dir, environ) as running:
        yield Figure("ready", running.ready_seconds, "s")
        voice = settings.Settings().voice
        streamed, staged = [], []
        with httpx.Client(base_url=running.url, timeout=300) as client:
            spoken = {"input": "Why is the sky blue?", "response_format": "wav"}
            question = client.post("/v1/audio/speech", json=spoken).content
            for number in range(turns + 1):
                click.echo(f"turn {number} of {turns}", err=True)
                fast = turn.streamed(client, question)
                slow = turn.staged(client, question, voice.instructions, voice.max_reply_tokens)
                if number:  # the first of each warms
                    streamed.append(fast)
                    staged.append(slow)
        fast_s = statistics.median(sample.seconds for sample in streamed)
        slow_s = statistics.median(sample.seconds for sample in staged)
        yield Figure("turn_first_audio_streamed", fast_s, "s")
        yield Figure("turn_first_audio_staged", slow_s, "s")
        yield Figure("turn_staged_over_streamed", slow_s / fast_s, "", at_least=2.5)
        yield Figure("reply_characters_streamed", statistics.median(sample.characters for sample in streamed))
        yield Figure("reply_characters_staged", statistics.median(sample.characters for sample in staged))
        yield Figure("memory_pss", footprint.pss_bytes(running.pid) / 1e6, "MB")
        yield Figure("idle_load", 100 * footprint.idle_share(running.pid, IDLE_SECONDS), "% of core")


if __name__ == "__main__":
    main()
