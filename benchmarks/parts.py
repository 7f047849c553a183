"""The parts of the benchmark: what each measures, how long it takes on two cores, and where it is.

Each is imported when it is asked for: a box has no need of what only a checkout can measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.bench import Bench

ENCODER: Final = "all-minilm-l6-v2"
MOST_PEOPLE: Final = 256


@dataclass(frozen=True, slots=True)
class Known:
    """One part. `seconds` are expected on two cores; `usual` ones make up `all`."""

    name: str
    summary: str
    seconds: float
    usual: bool = False

    def measure(self, bench: Bench) -> Iterator[Figure]:
        """Its figures, as they come. Raises click's `ClickException` where it cannot be measured here."""
        adapted = ADAPTED.get(self.name)
        yield from (adapted or module(self.name).measure)(bench)


PARTS: Final = {
    part.name: part
    for part in (
        Known(
            "coldstart", "Process start to ready, each stage's loading, the first turn, memory, idle load.", 100, True
        ),
        Known("stt", "Listening: speed by length of utterance, word errors, several in one pass.", 170, True),
        Known("llm", "Language model: first token, rate, 1 to 16 streams, a shared prompt.", 160, True),
        Known("tts", "Speaking: first audio, real-time factor, what was kept.", 38, True),
        Known("turn", "Voice to voice through the live socket: 1 to N sessions, stages, lower bound.", 225, True),
        Known("bargein", "Interruptions: until it is silent, and what is remembered.", 75, True),
        Known("capacity", "How many people at once keep their turns under a limit.", 1800),
        Known("model", "The same on paper, from what each stage takes alone.", 90),
        Known("soak", "Many conversations for a long time: errors, and what grows.", 5400),
        Known("scheduling", "Language model: long prompts beside replies, priorities, grammars, one-sequence.", 900),
        Known("endpointing", "When turns end, by recorded sentences whole and torn apart.", 120),
        Known("fairness", "One user's turns beside another one's full load.", 500),
        Known("cache", "What need not be done twice: spoken clauses, heard recordings.", 40),
        Known("memory", "The store: a turn on disk, starting and searching over much.", 240),
        Known("retrieval", "Finding documents: how well and how fast.", 300),
        Known("page", "The page in Chromium: until it can be used, what it adds from voice to voice.", 90),
        Known("observed", "What measuring itself costs a turn: all metrics and traces on, against off.", 300),
    )
}
USUAL: Final = tuple(name for name, part in PARTS.items() if part.usual)


def module(name: str) -> Any:
    """A part's module. Raises click's `ClickException` where this version does not have it."""
    try:
        return import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        if error.name == f"benchmarks.{name}":
            raise click.ClickException(f"{name}: this version of the appliance cannot measure it") from error
        raise click.ClickException(f"{name}: needs {error.name}, which is not installed") from error


def _capacity(bench: Bench) -> Iterator[Figure]:
    capacity, rhythm = module("capacity"), module("speakers").Rhythm(think_seconds=bench.think_seconds)
    with bench.box({"APPLIANCE_LIMITS__SESSIONS": str(MOST_PEOPLE + 1)}) as box:
        goal = capacity.Goal(bench.limit_seconds)
        for figure in capacity.measure(box, _files(bench), rhythm, goal, minutes=bench.long_minutes, most=MOST_PEOPLE):
            if figure.name == "capacity_speakers":
                bench.carried = int(figure.value)
            yield figure


def _model(bench: Bench) -> Iterator[Figure]:
    from benchmarks.fingerprint import gpus
    from benchmarks.result import read

    model, stages = module("model"), module("stages")
    if bench.stages is None:
        with bench.box() as box:
            found = stages.measured(box, _files(bench), 1 if bench.quick else 5, shared=not any(gpus()))
    else:
        told = read(bench.stages).part("model")
        try:
            found = model.stages_of({each.name: each.value for each in told.figures} if told else {}, str(bench.stages))
        except ValueError as error:
            raise click.ClickException(str(error)) from error
    yield from model.measure(found, model.Talk(think=bench.think_seconds), bench.limit_seconds, bench.carried)


def _soak(bench: Bench) -> Iterator[Figure]:
    soak, rhythm = module("soak"), module("speakers").Rhythm(think_seconds=bench.think_seconds)
    with bench.box({"APPLIANCE_LIMITS__SESSIONS": str(MOST_PEOPLE + 1)}) as box:
        yield from soak.measure(
            box, _files(bench), box.store.parent, minutes=bench.long_minutes, speakers=bench.speakers,
            carried=bench.carried, rhythm=rhythm,
        )  # fmt: skip


def _files(bench: Bench) -> list[Any]:
    return [each.file for each in bench.speech.turns]


def _endpointing(bench: Bench) -> Iterator[Figure]:
    from benchmarks import endpointing

    if bench.lineup.turn is None or bench.recordings is None or bench.speech.source != "recorded":
        raise click.ClickException("endpointing: needs a turn model, and recorded speech (--speech)")
    yield from endpointing.figures(str(bench.lineup.turn.main), bench.recordings)


def _memory(bench: Bench) -> Iterator[Figure]:
    from benchmarks import memory

    with bench.folder() as folder:
        yield from memory.measure(folder, memory.QUICK if bench.quick else memory.FULL)


def _retrieval(bench: Bench) -> Iterator[Figure]:
    from appliance.catalog.lineup import catalog
    from appliance.catalog.shelf import Shelf
    from benchmarks import retrieval

    encoder = bench.encoder or (bench.lineup.embed.main if bench.lineup.embed else None)
    if encoder is None:
        model, shelf = catalog(bench.settings).models[ENCODER], Shelf(bench.settings.models_dir)
        encoder = shelf.folder(model.name) / model.main if shelf.state(model) == "installed" else None
    with bench.folder() as folder:
        yield from retrieval.measure(folder, retrieval.QUICK if bench.quick else retrieval.FULL, encoder)


def _cache(bench: Bench) -> Iterator[Figure]:
    from benchmarks import cache

    files = _files(bench)
    with bench.box(cache.SETTINGS) as box:
        yield from cache.measure(box, files, cache.QUICK if bench.quick else cache.FULL)


def _fairness(bench: Bench) -> Iterator[Figure]:
    from benchmarks import fairness
    from benchmarks.box import key_of

    files = _files(bench)
    with bench.box(keys=True) as box:
        keys = key_of(box, "loud"), key_of(box, "quiet")
        yield from fairness.measure(box, keys, files, fairness.QUICK if bench.quick else fairness.FULL)


ADAPTED: Final[dict[str, Callable[[Bench], Iterator[Figure]]]] = {
    "capacity": _capacity,
    "model": _model,
    "soak": _soak,
    "endpointing": _endpointing,
    "memory": _memory,
    "retrieval": _retrieval,
    "cache": _cache,
    "fairness": _fairness,
}
"""Parts that know nothing of the bench; all others have `measure(bench)`."""
