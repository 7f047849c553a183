"""What two results can and cannot tell, and what the command says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from made_up import about, drawn, result

from benchmarks.command import bench
from benchmarks.compare import compare, judge, warnings
from benchmarks.figures import Figure, made_of
from benchmarks.result import FAILED, FORMAT, Part, Result, read

if TYPE_CHECKING:
    from pathlib import Path


def figure(middle: float, unit: str = "s", count: int = 12, seed: int = 1, **more: bool | None) -> Figure:
    return made_of("a", drawn(middle, count, seed), unit, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (figure(1), figure(2, seed=2), "slower"),
        (figure(2), figure(1, seed=2), "faster"),
        (figure(1), figure(1, seed=2), "cannot tell"),
        (figure(100, "tokens/s"), figure(150, "tokens/s", seed=2), "faster"),
        (figure(150, "tokens/s"), figure(100, "tokens/s", seed=2), "slower"),
        (figure(1, "times", lower_is_better=False), figure(2, "times", seed=2, lower_is_better=False), "better"),
        (figure(1, "times", lower_is_better=True), figure(2, "times", seed=2, lower_is_better=True), "worse"),
        (figure(1, "MB"), figure(2, "MB", seed=2), "differs"),
        (figure(1, count=3), figure(2, count=12), "cannot tell"),  # too few of one
        (Figure("a", 1, "s"), Figure("a", 5, "s"), "cannot tell"),  # no samples at all
        (Figure("a", 0, "s"), figure(5), "cannot tell"),
    ],
)
def test_verdicts(before: Figure, after: Figure, verdict: str) -> None:
    assert judge("part", before, after).verdict == verdict


def test_a_small_change_is_the_machines_mood() -> None:
    before = made_of("a", [1.0 + 0.0001 * n for n in range(12)], "s")
    after = replace(before, samples=tuple(1.03 * each for each in before.samples), value=1.03 * before.value)
    assert judge("part", before, after).verdict == "cannot tell"
    told = judge("part", before, after, floor_percent=1)
    assert told.verdict == "slower"
    assert told.loss_percent == pytest.approx(3)
    assert "+3.0 %" in told.row()


def test_figures_that_only_one_has_or_has_in_another_unit_are_left_out() -> None:
    one = Result(about(), [Part("p", [Figure("a", 1, "s"), Figure("b", 1, "s"), Figure("c", 1)]), Part("q")])
    other = Result(about(), [Part("p", [Figure("b", 1, "s"), Figure("a", 1, "ms"), Figure("d", 1)]), Part("r")])
    assert [each.after.name for each in compare(one, other)] == ["b"]


def test_it_warns_of_what_makes_two_hard_to_compare() -> None:
    usual = result()
    assert list(warnings(usual, result(when="later", commit="another", load={}))) == []
    cores = {"model": "A Processor", "architecture": "x86_64", "cores": 64}
    other = result(processor=cores, dirty=True, gpus=[], load={"at_start": 9.0, "busy": True, "another_box": True})
    other.quick = True
    other.parts.pop()
    told = "\n".join(warnings(usual, other))
    for words in ("processor.cores: 2, 64", "A Card, not there", "quick", "busy", "Another appliance", "bargein"):
        assert words in told, words


def test_the_command_fails_on_what_is_slower(tmp_path: Path) -> None:
    before, after, again = tmp_path / "before.json", tmp_path / "after.json", tmp_path / "again.json"
    result().keep(before)
    result(1.5, seed=2).keep(after)
    result(seed=3).keep(again)
    run = CliRunner().invoke
    slower = run(bench, ["compare", str(before), str(after), "--fail-on-slower", "20"])
    assert slower.exit_code == 1, slower.output
    assert "slower" in slower.output
    assert "worse by more than 20 %" in slower.output
    for one, other, *options in (
        (before, after),
        (before, after, "--fail-on-slower", "90"),
        (after, before, "--fail-on-slower", "0"),
        (before, again, "--fail-on-slower", "0"),
    ):
        told = run(bench, ["compare", str(one), str(other), *map(str, options)])
        assert told.exit_code == 0, told.output


def test_what_is_not_measured_any_more_is_told_and_fails(tmp_path: Path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    broken = result()
    result().keep(before)
    broken.parts[0].notes.append(f"{FAILED}: no more")
    (name, *_) = (figure.name for figure in broken.parts[0].figures)
    broken.parts[0].figures = broken.parts[0].figures[1:]
    broken.keep(after)
    run = CliRunner().invoke
    told = run(bench, ["compare", str(before), str(after)])
    assert told.exit_code == 0, told.output
    assert f"{broken.parts[0].name} was not measured whole: " in told.output
    failed = run(bench, ["compare", str(before), str(after), "--fail-on-slower", "1000"])
    assert failed.exit_code == 1
    assert f"not measured any more: {broken.parts[0].name} {name}" in failed.output


def test_files_come_back_as_they_were_kept_and_others_are_refused_with_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    result().keep(file)
    assert read(file) == result()
    file.write_text('{"fingerprint": {}, "parts": [{"name": 3}]}')
    with pytest.raises(
        click.ClickException, match=r"a\.json: is not a result.*parts\[0\]\.name|a\.json: is not a result"
    ):
        read(file)
    file.write_text(f'{{"fingerprint": {{}}, "format": {FORMAT + 1}}}')
    with pytest.raises(click.ClickException, match=f"format {FORMAT + 1}"):
        read(file)
    with pytest.raises(click.ClickException, match="cannot be read"):
        read(tmp_path / "nothing.json")
