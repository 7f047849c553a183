"""What a soak judges: made-up series that are flat, leak, drift and restart."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from appliance.dialogue.clauses import LATER_MAX, Clauses
from benchmarks.box import Box
from benchmarks.soak import LONG_CLAUSES, Disk, Run, Sample, disk, figures, resident, warmed
from benchmarks.speakers import Report
from benchmarks.trend import FEWEST, MOST, trend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTES = 30
CHANCE = random.Random(7)


def soak(leak: float = 0.0, descriptors: float = 0.0, slower: float = 0.0, errors: int = 0, turns: int = 1200) -> Run:
    """Half an hour; what rises, rises by so much (MB, descriptors, seconds) from beginning to end."""
    end = 60.0 * MINUTES
    samples = []
    for at in range(0, 60 * MINUTES, 10):
        held = 1120 + leak * at / end + CHANCE.gauss(0, 3)
        open_files, tasks = 80 + round(descriptors * at / end), 33 + CHANCE.randint(-3, 3)
        samples.append(Sample(at, held, held + 150, open_files, 30, tasks, {"server": 90 + leak * at / end}))
    times = sorted(CHANCE.uniform(0, end) for _ in range(turns))
    seconds = [(at, 0.8 + slower * at / end + CHANCE.expovariate(5)) for at in times]
    grown = Disk(100_000 + 1500 * turns, 5000)
    return Run(
        5, end, warm_turns=80, warm_seconds=240.0, samples=samples, turns=seconds, errors=errors, said_bytes=80 * turns,
        clients_load=0.2, disk=(Disk(100_000, 0), grown),
    )  # fmt: skip


def missed(run: Run) -> set[str]:
    return {figure.name.removeprefix("soak_") for figure in figures(run) if figure.met is False}


def test_a_quiet_soak_is_flat() -> None:
    run = soak()
    assert missed(run) == set()
    found = {figure.name: figure for figure in figures(run)}
    assert found["soak_memory_pss"].samples
    assert found["soak_memory_pss"].value == pytest.approx(1120, abs=2)
    assert found["soak_database_growth_a_turn"].value == 1500
    assert {"soak_voice_to_voice_p50_slope", "soak_voice_to_voice_p95_slope", "soak_tasks_slope"} <= found.keys()


@pytest.mark.parametrize(
    ("run", "what"),
    [
        (soak(leak=40), {"memory_pss_rise_high", "memory_rss_rise_high"}),
        (soak(descriptors=20), {"descriptors_rise_high"}),
        (soak(errors=2), {"error_share"}),
        (soak(slower=0.5), {"voice_to_voice_p50_rise_high", "voice_to_voice_p95_rise_high"}),
    ],
    ids=["leak", "descriptors", "errors", "slower"],
)
def test_what_rises_is_found(run: Run, what: set[str]) -> None:
    assert missed(run) == what


def test_it_tells_from_where_to_where_each_process_went() -> None:
    found = {figure.name: figure.value for figure in figures(soak(leak=40))}
    assert found["soak_memory_rss_of_server_begin"] == 90
    assert found["soak_memory_rss_of_server"] == pytest.approx(110, abs=1)
    assert found["soak_memory_rss_of_server_end"] == pytest.approx(130, abs=1)


def test_one_error_of_a_thousand_turns_is_borne() -> None:
    assert missed(soak(errors=1, turns=1200)) == set()


def test_other_processes_and_more_disk_than_was_said() -> None:
    run = soak()
    run.replaced = 1
    run.disk = Disk(0, 0), Disk(17_000 * len(run.turns), 0)
    assert missed(run) == {"processes_replaced", "database_growth_a_turn"}


def test_too_few_points_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(1, 30.0, samples=[Sample(0, 1, 1, 1, 1, 1)], turns=[(1.0, 1.0)])
    assert not [figure.name for figure in figures(run) if "slope" in figure.name]
    assert "too few" in capsys.readouterr().err
    with pytest.raises(ValueError, match=str(FEWEST)):
        trend([1.0] * (FEWEST - 1), [1.0] * (FEWEST - 1))


@given(st.floats(-5, 5), st.floats(1, 100), st.integers(FEWEST, 3 * MOST))
def test_the_slope_of_a_line(slope: float, begin: float, count: int) -> None:
    times = list(range(count))
    found = trend(times, [begin + slope * at for at in times])
    for value in (found.rise, found.low, found.high):
        assert value == pytest.approx(slope * (count - 1), abs=1e-6)


def test_an_outlier_is_no_trend_and_the_interval_holds() -> None:
    assert trend(range(30), [1.0] * 29 + [1000.0]).high == 0
    dice, held = np.random.default_rng(3), 0
    for _ in range(300):
        found = trend(range(40), (dice.lognormal(0, 0.5, 40) + np.arange(40) * 0.01).tolist())
        held += found.low <= 0.39 <= found.high
    assert held >= 0.92 * 300


def test_verdicts() -> None:
    assert trend(range(20), [1.0] * 20).verdict(0.5) == "flat"
    assert trend(range(20), range(20)).verdict(0.5) == "rises"
    noise = [CHANCE.gauss(0, 10) for _ in range(20)]
    assert trend(range(20), noise).verdict(0.01) == "cannot tell"


def test_what_counts_as_the_database(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "cache" / "states").write_bytes(bytes(700))
    (tmp_path / "models" / "model.bin").write_bytes(bytes(9000))
    (store / "clip").write_bytes(bytes(30))
    box = Box(0, "", 0.0, store)
    with closing(sqlite3.connect(store / "box.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE said (words TEXT)")
        before = disk(box, tmp_path)
        database.executemany("INSERT INTO said VALUES (?)", [("x" * 1000,)] * 100)
        database.commit()
        after = disk(box, tmp_path)
    assert before.others == after.others == 730
    assert 100_000 <= after.database - before.database <= 150_000


def turns(count: int) -> Iterator[Report]:
    return iter([Report(0.1, 0.1, 0, 0, error="lost"), *(Report(at, 0.1, 0, at, 0.9) for at in range(1, count + 1))])


def test_it_is_warm_after_so_many_turns(capsys: pytest.CaptureFixture[str]) -> None:
    reports, run = turns(200), Run(1)
    warmed(run, reports, 100, 600.0)
    assert (run.warm_turns, run.warm_errors, run.errors, run.turns) == (100, 1, 0, [])
    assert next(reports).turn == 101
    assert "fewer" not in capsys.readouterr().err


def test_time_that_is_up_before_it_is_warm_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(1)
    warmed(run, turns(200), 100, 0.0)
    assert run.warm_turns == 0
    assert "fewer than the 100 that it takes to be warm" in capsys.readouterr().err


def test_errors_count_from_the_beginning_and_turns_from_when_it_is_warm() -> None:
    run = Run(1, 30.0, warm_turns=60, warm_errors=1)
    for report in turns(2):
        run.add(report)
    assert run.turns == [(30.0, 0.9)] * 2
    found = {figure.name: figure.value for figure in figures(run)}
    assert found["soak_turns"] == 2
    assert found["soak_error_share"] == pytest.approx(100 * 2 / (60 + 2 + 2))


def test_the_longest_clause_is_one() -> None:
    assert max(map(len, Clauses().feed(LONG_CLAUSES))) > 0.9 * LATER_MAX


def test_what_each_process_holds_is_read_from_what_the_box_says() -> None:
    told = CollectorRegistry()
    held = Gauge("appliance_process_resident_bytes", "Memory in use.", ["process"], registry=told)
    held.labels("server").set(72e6)
    held.labels("tts").set(148.5e6)
    assert resident(generate_latest(told).decode()) == {"server": 72.0, "tts": 148.5}
