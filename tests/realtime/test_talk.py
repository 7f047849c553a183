"""`appliance talk` against a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from doors import simulated_doors
from simulated import World

from appliance.audio import read_wav, wav
from appliance.cli.main import main
from appliance.cli.waterfall import waterfall
from appliance.errors import EngineDown, InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulated_doors() as url:
        yield url


def test_a_recording_is_a_turn(url: str, tmp_path: Path) -> None:
    question, out = tmp_path / "q.wav", tmp_path / "r.wav"
    question.write_bytes(wav(np.full(16_000, 2000, dtype="<i2").tobytes(), 16_000))
    done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(question), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "you: some words" in done.output
    assert "box: I heard you." in done.output
    assert "words understood" in done.output
    pcm, rate = read_wav(out.read_bytes())
    assert rate == 24_000
    assert len(pcm) / 2 / rate == pytest.approx(0.9)  # three words


def test_a_fault_is_shown_and_the_conversation_goes_on(tmp_path: Path) -> None:
    question, world = tmp_path / "q.wav", World()
    question.write_bytes(wav(np.full(16_000, 2000, dtype="<i2").tobytes(), 16_000))
    world.turn.failing = [EngineDown("The turn stage is being replaced.")]
    with simulated_doors(world=world) as url:
        done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(question)])
    assert done.exit_code == 0, done.output
    assert "box says: The turn stage is being replaced." in done.output
    assert "box: I heard you." in done.output


def test_a_recording_that_is_not_answered_is_an_error(tmp_path: Path) -> None:
    question, world = tmp_path / "q.wav", World()
    question.write_bytes(wav(np.full(16_000, 2000, dtype="<i2").tobytes(), 16_000))
    world.llm.failing = [InternalError("The engine failed.")] * 10
    with simulated_doors(world=world) as url:
        done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(question)])
    assert done.exit_code == 1
    assert "Not every recording was answered." in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "http://127.0.0.1:9"], "cannot be reached"),
        (["--key-file", "key"], "secret"),
        (["--voice", "nobody"], "no voice"),
    ],
)
def test_what_is_wrong_is_said(url: str, tmp_path: Path, arguments: list[str], words: str) -> None:
    question = tmp_path / "q.wav"
    question.write_bytes(wav(bytes(32_000), 16_000))
    (tmp_path / "key").write_text("ek_nobody\n")
    given = [str(tmp_path / "key") if each == "key" else each for each in arguments]
    done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(question), *given])
    assert done.exit_code == 1
    assert words in done.output


def test_a_file_that_is_no_audio(url: str, tmp_path: Path) -> None:
    file = tmp_path / "q.wav"
    file.write_text("hello")
    done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(file)])
    assert done.exit_code == 1
    assert "not audio" in done.output


def test_a_waterfall_begins_each_bar_where_the_one_before_ended() -> None:
    lines = waterfall({"paused": 100.0, "understood": 300.0, "first_audio": 500.0, "over": 600.0, "sent": 600.0})
    assert [line.split("█")[0].rstrip() for line in lines] == [
        "  pause noticed", "  words understood", "  first audio", "  turn over", "  audio sent",
    ]  # fmt: skip
    assert lines[1].index("█") == 19 + round(100 / 600 * 40)
    assert lines[-1].endswith("600 ms")
    assert waterfall({}) == []
