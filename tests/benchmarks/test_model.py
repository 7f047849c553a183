"""The capacity model: against closed forms, against a simulation, and its table on paper against the docs."""

from __future__ import annotations

import math
import os
import random
import statistics
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import paper
from benchmarks.command import bench
from benchmarks.model import Stages, Talk, carried, measure, stages_of, stations, voice_to_voice
from benchmarks.network import Station, first_audio, solve
from benchmarks.order_statistics import nearest_rank
from benchmarks.result import Part, Result, read
from benchmarks.simulation import Line, played

STATE = Path(os.environ.get("STATE", ".state"))
CORES = Stages("made up", True, {1: 0.25, 2: 0.4, 4: 0.7}, {1: 100, 4: 180}, 1000, 0.05, 0.06, 0.02)
CARD = replace(CORES, shared=False, speak=0.05, speak_factor=0.03, detect=0.0)


@pytest.mark.parametrize(("speakers", "work", "away"), [(1, 0.5, 4.0), (10, 0.5, 4.0), (40, 0.2, 9.0)])
def test_one_server_is_the_machine_repairman(speakers: int, work: float, away: float) -> None:
    def states(count: int) -> list[float]:
        weights = [math.perm(count, number) * (work / away) ** number for number in range(count + 1)]
        return [weight / sum(weights) for weight in weights]

    solved = solve([Station("one", 1.0, lambda count: count * work)], away, speakers)
    assert solved.busy["one"] == pytest.approx(1 - states(speakers)[0])
    assert solved.turns_a_second == pytest.approx((1 - states(speakers)[0]) / work)
    assert solved.found["one"].tolist() == pytest.approx(states(speakers - 1))  # one fewer, as who arrives sees it


def test_enough_servers_leave_nobody_waiting() -> None:
    each = Station("each has their own", 1.0, lambda _: 0.5, lambda _: 0.5)
    solved = solve([each], 4.5, 20)
    assert solved.turns_a_second == pytest.approx(20 / 5)
    assert first_audio([each], solved, 0.99) == pytest.approx(0.5, abs=0.003)


def test_two_stations_obey_littles_law_and_utilisation() -> None:
    work = {"a": 0.3, "b": 0.15}
    two = [
        Station("a", 1.0, lambda count: count * work["a"]),
        Station("b", 2.0, lambda count: count * work["b"]),
    ]
    solved = solve(two, 3.0, 25)
    assert solved.turns_a_second <= 1 / 0.3
    assert solved.busy["a"] == pytest.approx(solved.turns_a_second * 0.3)
    assert solved.busy["a"] == pytest.approx(solved.busy["b"])  # the same demand
    for found in solved.found.values():
        assert sum(found) == pytest.approx(1)


@pytest.mark.parametrize("speakers", [4, 12, 24])
def test_a_simulation_agrees(speakers: int) -> None:
    work, away = 0.25, 5.0
    line = Line(lambda chance, _: chance.expovariate(1 / work), lambda chance, _: chance.expovariate(1 / away))
    seen = played(line, speakers, 6000 // speakers, spread=5.0, seed=1)
    station = Station("one", 1.0, lambda count: count * work, lambda count: count * work)
    solved = solve([station], away, speakers)
    mean = speakers / solved.turns_a_second - away  # Little's law
    assert statistics.mean(seen) == pytest.approx(mean, rel=0.1)
    # What an arrival finds is right; that each of those takes its mean time leaves out the spread of the work itself.
    even = Line(lambda _, __: work, line.away)
    tails = [nearest_rank(played(each, speakers, 6000 // speakers, spread=5.0), 0.95) for each in (even, line)]
    assert 0.9 * tails[0] <= first_audio([station], solved, 0.95) <= 1.1 * tails[1]


def test_one_speaker_waits_for_their_own_work_only() -> None:
    for stages in (CORES, CARD):
        talk = Talk()
        work = sum(one.to_audio(1) for one in stations(stages, talk, 1) if one.to_audio is not None)
        for share in (0.5, 0.95):
            said, _ = voice_to_voice(stages, talk, 1, share)
            assert said == pytest.approx(max(talk.over, talk.paused + work) + 0.02, abs=0.01)
    idle = replace(CARD, listen={1: 0.01}, write={1: 10_000}, speak=0.001, speak_factor=0.0)
    assert voice_to_voice(idle, Talk(), 1)[0] == pytest.approx(0.54)  # it is silence that is waited for


@hypothesis.settings(max_examples=25)
@given(st.floats(0.8, 5), st.floats(1.05, 3))
def test_more_time_and_quicker_stages_carry_no_fewer(limit: float, quicker: float) -> None:
    slow = carried(CORES, Talk(), limit)
    assert carried(CORES, Talk(), limit * quicker).speakers >= slow.speakers
    better = replace(CORES, listen={count: seconds / quicker for count, seconds in CORES.listen.items()})
    assert carried(better, Talk(), limit).speakers >= slow.speakers
    if slow.speakers:
        assert slow.p95 <= limit < voice_to_voice(CORES, Talk(), slow.speakers + 1)[0]


def test_the_bottleneck_is_named() -> None:
    assert carried(replace(CARD, speak=0.5), Talk(), 2.0).bottleneck == "voice"
    assert carried(replace(CARD, write={1: 20}), Talk(), 2.0).bottleneck == "language"
    assert carried(replace(CARD, listen={1: 1.0, 2: 2.0}), Talk(), 2.0).bottleneck == "listening"
    assert carried(replace(CORES, write={1: 20}), Talk(), 4.0).bottleneck == "language"


def test_stages_go_through_a_result() -> None:
    figures = {figure.name: figure.value for figure in measure(CORES, found=4)}
    back = stages_of(figures, CORES.where)
    assert back.detect == pytest.approx(CORES.detect)
    assert replace(back, detect=CORES.detect) == CORES
    assert figures["model_over_capacity"] == figures["model_speakers"] / 4
    del figures["model_read"], figures["model_listen_1"]
    with pytest.raises(ValueError, match="result lacks model_read, model_listen_1"):
        stages_of(figures, "result")


def test_the_command_starts_from_the_stages_of_a_result(tmp_path: Path) -> None:
    def asked(name: str, *parts: Part) -> tuple[int, str, Result]:
        given, made = tmp_path / f"{name}.json", tmp_path / f"{name}-made.json"
        Result({}, list(parts)).keep(given)
        options = ["--stages", str(given), "--carried", "4", "--json", str(made), "--no-report"]
        done = CliRunner().invoke(bench, ["model", "--state-dir", str(STATE), *options])
        return done.exit_code, done.output, read(made)

    code, said, made = asked("whole", Part("stt"), Part("model", list(CORES.figures())))
    assert code == 0, said
    found = {figure.name: figure.value for figure in made.parts[0].figures}
    assert found["model_speakers"] == carried(CORES, Talk(), 2.0).speakers
    assert found["model_over_capacity"] == found["model_speakers"] / 4
    for name, parts in {"none": (Part("stt"),), "empty": (Part("model"),)}.items():
        code, said, made = asked(name, *parts)
        assert code == 1
        assert f"{name}.json lacks model_read" in said
        assert not made.parts[0].figures


def test_the_tables_on_paper_are_those_of_the_docs() -> None:
    done = CliRunner().invoke(bench, ["cards"])
    assert done.exit_code == 0, done.output
    assert done.output.strip() in (Path(__file__).parents[2] / "docs" / "capacity.md").read_text()


def test_the_run_on_a_gpu_is_as_far_off_as_is_said() -> None:
    errors = {sessions: said / median - 1 for sessions, median, said, _, _ in paper.compared()}
    assert max(abs(errors[sessions]) for sessions in (1, 4, 16)) < 0.05
    assert errors[32] < -0.3 < 0.3 < errors[64]


def test_the_simulation_alone_is_right() -> None:
    chance = random.Random(1)
    lone = played(Line(lambda _, __: 0.5, lambda *_: chance.random()), 1, 50, spread=1.0)
    assert lone == pytest.approx([0.5] * 50)
    two = played(Line(lambda _, __: 1.0, lambda _, __: 0.0), 2, 10, spread=0.0)
    assert set(two) == {2.0}
