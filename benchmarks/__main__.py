"""`make bench`: starts a box of its own, prints its figures as a table, and keeps them as JSON."""

from __future__ import annotations

import os
import statistics
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import httpx

from appliance import settings
from appliance.catalog.lineup import catalog, lineup
from appliance.catalog.shelf import Shelf
from appliance.engines.specs import Whisper
from benchmarks import (
    bargein,
    box,
    cache,
    endpointing,
    fairness,
    figures,
    footprint,
    live,
    llm,
    memory,
    retrieval,
    stt,
    turn,
)
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.box import Box

IDLE_SECONDS: Final = 20.0
ENCODER: Final = "all-minilm-l6-v2"
QUESTIONS: Final = (
    "Why is the sky blue?", "What is the best part of the week?", "Tell me about the sea.", "How do birds fly?",
)  # fmt: skip
PARTS: Final = ("turn", "live", "bargein", "stt", "endpointing", "llm", "memory", "retrieval", "cache", "fairness")


@click.command()
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure this part; may be repeated.")
@click.option("--quick", is_flag=True, help="Few rounds: to see that it works, not to quote.")
@click.option("--turns", default=20, show_default=True, help="Turns of each kind; medians are shown.")
@click.option(
    "--sessions", type=click.IntRange(2), multiple=True, default=(2, 4), show_default=True,
    help="Live conversations at once, beside one alone; may be repeated.",
)  # fmt: skip
@click.option("--state-dir", type=click.Path(path_type=Path), default=Path(os.environ.get("STATE", ".state")))
@click.option(
    "--speech", type=click.Path(file_okay=False, path_type=Path), default=Path("../shared/speech"), show_default=True,
    help="Folder of recorded speech; without it the box's own voice asks.",
)  # fmt: skip
@click.option(
    "--encoder", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="GGUF file that makes vectors, for `retrieval`; the box's own, or else MiniLM if it is installed.",
)  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Keep the figures here.")
def main(
    only: tuple[str, ...], quick: bool, turns: int, sessions: tuple[int, ...], state_dir: Path, speech: Path,
    encoder: Path | None, json_file: Path | None,
) -> None:  # fmt: skip
    """Measure the box on this machine: a spoken turn and what it takes, the engines, the store, and many users.

    Medians of several rounds; where something is demanded, the table says whether it is met.
    """
    about = figures.machine()
    measured = []
    for part in only or PARTS:
        match part:
            case "turn":
                each = _turn(state_dir, 3 if quick else turns)
            case "live" | "bargein":
                each = _live(part, state_dir, speech, sessions, quick=quick)
            case "endpointing" | "stt":
                each = _recorded(part, state_dir, speech, quick=quick)
            case "memory":
                each = memory.measure(state_dir, memory.QUICK if quick else memory.FULL)
            case "retrieval":
                each = retrieval.measure(
                    state_dir, retrieval.QUICK if quick else retrieval.FULL, encoder or _encoder(state_dir)
                )
            case "cache":
                each = _cache(state_dir, speech, quick=quick)
            case "fairness":
                each = _fairness(state_dir, speech, quick=quick)
            case _:
                each = _llm(state_dir, quick=quick)
        for figure in each:
            measured.append(figure)
            click.echo(figure.row())
    file = json_file or Path("benchmarks/results") / f"{about['when'][:10]}-{about['commit']}.json"
    figures.keep(measured, file, about)
    click.echo(f"kept in {file}")


def _encoder(state_dir: Path) -> Path | None:
    """The model that the settings name for vectors, or the one that setup.sh fetches, if it is there."""
    known = settings.load(environ=os.environ, state_dir=state_dir)
    if (chosen := lineup(known).embed) is not None:
        return chosen.main
    model, shelf = catalog(known).models[ENCODER], Shelf(known.models_dir)
    return shelf.folder(model.name) / model.main if shelf.state(model) == "installed" else None


def _llm(state_dir: Path, *, quick: bool) -> Iterator[Figure]:
    model = lineup(settings.load(environ={}, state_dir=state_dir)).llm
    with box.running(state_dir, llm.SETTINGS) as running:
        yield from llm.measure(running, llm.spec_of(str(model.main), model.name), llm.QUICK if quick else llm.FULL)


def _live(
    part: str, state_dir: Path, speech: Path, sessions: tuple[int, ...], *, quick: bool
) -> Iterator[Figure]:  # fmt: skip
    whisper = str(lineup(settings.load(environ={}, state_dir=state_dir)).stt.main)
    with (
        box.running(state_dir, {"APPLIANCE_LIMITS__SESSIONS": str(max(64, *sessions))}) as running,
        httpx.Client(base_url=running.url, timeout=300) as client,
        tempfile.TemporaryDirectory() as made,
    ):
        files = _recordings(client, speech, Path(made))
        if part == "live":
            yield from live.measure(running, client, files, whisper, sessions, quick=quick)
        else:
            yield from bargein.measure(running, client, files, quick=quick)


def _recordings(client: httpx.Client, speech: Path, made: Path) -> list[Path]:
    """Recorded speech, or what the box itself says of `QUESTIONS`."""
    files = sorted(speech.glob("*.wav")) if speech.is_dir() else []
    if not files:
        click.echo(f"no recorded speech in {speech}: the box's own voice asks, which is easier to tell the end of")
        for number, text in enumerate(QUESTIONS):
            asked = client.post("/v1/audio/speech", json={"input": text, "response_format": "wav"})
            file = made / f"{number}.wav"
            file.write_bytes(asked.raise_for_status().content)
            files.append(file)
    return files


@contextmanager
def _fresh(state_dir: Path, environ: Mapping[str, str], *, keys: bool = False) -> Iterator[Box]:
    """A box with the models of `state_dir` and nothing else of it: it has neither been told nor kept anything."""
    models = settings.load(environ={}, state_dir=state_dir).models_dir
    with (
        tempfile.TemporaryDirectory(dir=state_dir) as own,
        box.running(Path(own), {"APPLIANCE_MODELS__DIR": str(models), **environ}, keys=keys) as running,
    ):
        yield running


def _cache(state_dir: Path, speech: Path, *, quick: bool) -> Iterator[Figure]:
    with (
        _fresh(state_dir, cache.SETTINGS) as running,
        httpx.Client(base_url=running.url, timeout=300) as client,
        tempfile.TemporaryDirectory() as made,
    ):
        files = _recordings(client, speech, Path(made))
        yield from cache.measure(running, files, cache.QUICK if quick else cache.FULL)


def _fairness(state_dir: Path, speech: Path, *, quick: bool) -> Iterator[Figure]:
    with _fresh(state_dir, {}, keys=True) as running, tempfile.TemporaryDirectory() as made:
        loud, quiet = box.key_of(running, "loud"), box.key_of(running, "quiet")
        shown = {"authorization": f"Bearer {quiet}"}
        with httpx.Client(base_url=running.url, timeout=300, headers=shown) as client:
            files = _recordings(client, speech, Path(made))
        yield from fairness.measure(running, (loud, quiet), files, fairness.QUICK if quick else fairness.FULL)


def _recorded(part: str, state_dir: Path, speech: Path, *, quick: bool) -> Iterator[Figure]:
    models = lineup(settings.load(environ={}, state_dir=state_dir))
    if models.turn is None or not speech.is_dir():
        click.echo(f"{part}: needs a turn model and --speech with recorded speech; left out")
    elif part == "stt":
        whisper = Whisper(name=models.stt.name, path=str(models.stt.main))
        yield from stt.measure(speech, whisper, stt.QUICK if quick else stt.FULL)
    else:
        yield from endpointing.figures(str(models.turn.main), speech)


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
