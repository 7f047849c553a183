"""`appliance bench`: its help, its progress, and what happens to a run whose part fails or is broken off."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from appliance.cli.main import main
from benchmarks import parts, running, speech
from benchmarks.bench import Bench
from benchmarks.coldstart import dropped
from benchmarks.command import bench
from benchmarks.figures import Figure
from benchmarks.parts import PARTS, USUAL, Known
from benchmarks.progress import Progress, rounds, shown
from benchmarks.result import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.catalog.lineup import Lineup
    from appliance.settings import Settings

ROOT = Path(__file__).parents[2]
STATE = Path(os.environ.get("STATE", ".state"))
SPEECH = ROOT.parent / "shared/speech"


def test_help_names_every_part_and_each_has_help_of_its_own() -> None:
    told = CliRunner().invoke(main, ["bench", "--help"])
    assert told.exit_code == 0
    assert USUAL == ("coldstart", "stt", "llm", "tts", "turn", "bargein")
    assert {*PARTS, "all", "cards", "compare", "report", "readme"} == set(bench.commands)
    for name in bench.commands:
        assert re.search(rf"^  {name} ", told.output, re.MULTILINE), name
        assert CliRunner().invoke(main, ["bench", name, "--help"]).exit_code == 0
    assert "--sessions" in CliRunner().invoke(main, ["bench", "turn", "--help"]).output


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = str(tmp_path / "file" / "r.json")
    told = CliRunner().invoke(main, ["bench", "tts", "--state-dir", str(STATE), "--json", file])
    assert told.exit_code == 1
    assert f"{tmp_path / 'file'}: " in told.output
    assert "begins" not in told.output


def test_help_loads_no_engine_and_no_plots() -> None:
    code = (
        "import sys; from benchmarks.command import bench\n"
        "assert not {'matplotlib', 'llama_cpp', 'faster_whisper', 'ctranslate2', 'piper'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_part_that_this_version_lacks_is_refused_with_a_sentence() -> None:
    with pytest.raises(Exception, match="nothing_like_it: this version of the appliance cannot measure it"):
        parts.module("nothing_like_it")


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """What is written, as if somebody watched."""

    def isatty(self) -> bool:
        return True


def test_progress_says_what_runs_how_far_it_is_and_how_long_is_left() -> None:
    clock, out = Clock(), Terminal()
    with shown(Progress({"stt": 120.0, "turn": 300.0}, out, clock)) as progress:
        progress.part("stt")
        clock.now = 60.0
        for number in rounds("utterances", 3, 1000.0, warm=1, clock=clock):
            clock.now += number
    text = out.getvalue()
    assert "[ 0:00] stt: begins; about 7 min left" in text
    assert "[ 1:00] stt: utterances, warming, 1 of 1; about 6 min left" in text
    assert "stt: utterances, 2 of 3" in text
    assert text.endswith("\r\033[K")  # nothing of the line stays


def test_without_a_terminal_progress_is_sparse() -> None:
    clock, out = Clock(), io.StringIO()
    progress = Progress({"stt": 60.0}, out, clock)
    progress.part("stt")
    for _ in range(40):
        clock.now += 1
        progress.step("utterances")
    assert 2 <= out.getvalue().count("\n") <= 4


def test_a_slow_machine_has_fewer_rounds_but_enough() -> None:
    clock = Clock()

    def taken(each: float) -> int:
        count = 0
        for _ in rounds("a", 10, 20.0, least=3, clock=clock):
            clock.now += each
            count += 1
        return count

    assert [taken(each) for each in (1.0, 4.0, 100.0)] == [10, 5, 3]


@pytest.fixture
def at_hand(settings: Settings, models: Lineup, tmp_path: Path) -> Bench:
    made = Bench(settings, models, scratch=tmp_path, quick=True)
    made._speech = speech.Speech("recorded", ())
    return made


def pretend(monkeypatch: pytest.MonkeyPatch, *measures: Any) -> list[str]:
    """Parts that do as they are told, by name."""
    names = [f"part{number}" for number, _ in enumerate(measures)]
    monkeypatch.setattr(running, "PARTS", {name: Known(name, "", 1.0, usual=True) for name in names})
    monkeypatch.setattr(parts, "ADAPTED", dict(zip(names, measures, strict=True)))
    return names


def good(bench: Bench) -> Iterator[Figure]:
    bench.notes.append("a note")
    yield Figure("a", 1.0, "s")


def bad(bench: Bench) -> Iterator[Figure]:
    yield from good(bench)
    raise RuntimeError("no more")


def lost(bench: Bench) -> Iterator[Figure]:
    yield from good(bench)
    raise ExceptionGroup("several", [ExceptionGroup("more", [KeyError("text")])])


def broken_off(bench: Bench) -> Iterator[Figure]:
    yield from good(bench)
    raise KeyboardInterrupt


def terminated(bench: Bench) -> Iterator[Figure]:
    yield from good(bench)
    os.kill(os.getpid(), signal.SIGTERM)
    yield Figure("b", 1.0, "s")


def test_a_part_that_fails_is_told_and_the_others_go_on(at_hand: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    result, whole = running.run(at_hand, pretend(monkeypatch, good, bad, lost, good))
    assert not whole
    assert [len(part.figures) for part in result.parts] == [1, 1, 1, 1]
    assert [part.notes for part in result.parts] == [
        ["a note"],
        ["a note", "It failed: RuntimeError: no more"],
        ["a note", "It failed: KeyError: 'text'"],
        ["a note"],
    ]
    assert [part.failed for part in result.parts] == [False, True, True, False]
    assert running.run(at_hand, pretend(monkeypatch, good))[1]


@pytest.mark.parametrize("end", [broken_off, terminated])
def test_what_was_measured_until_it_was_broken_off_is_kept(
    at_hand: Bench, monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:  # fmt: skip
    before = signal.getsignal(signal.SIGTERM)
    result, whole = running.run(at_hand, pretend(monkeypatch, good, end, good))
    assert signal.getsignal(signal.SIGTERM) is before
    assert not whole
    assert [len(part.figures) for part in result.parts] == [1, 1]
    assert [part.name for part in result.parts] == ["part0", "part1"]
    assert result.notes == ["This run was broken off."]


def test_words_of_recordings_come_from_a_table_or_from_beside_them(tmp_path: Path) -> None:
    sound = (ROOT / "appliance/probe.flac").read_bytes()
    for name in ("a.flac", "b.flac", "c.flac"):
        (tmp_path / name).write_bytes(sound)
    (tmp_path / "transcripts.tsv").write_text("file\ttranscript\na.flac\tAsk not!\n")
    (tmp_path / "b.txt").write_text("What your country\n")
    found = speech.recorded(tmp_path)
    assert found is not None
    assert [each.words for each in found.recordings] == [["ask", "not"], ["what", "your", "country"], None]
    assert len(found.known) == 2
    assert found.about()["source"] == "recorded"
    assert found.about() == speech.recorded(tmp_path).about()  # type: ignore[union-attr]
    (tmp_path / "transcripts.tsv").write_text("name\twords\na.flac\tAsk not!\n")
    with pytest.raises(Exception, match="file, transcript"):
        speech.recorded(tmp_path)
    (tmp_path / "transcripts.tsv").unlink()
    (tmp_path / "d.wav").write_bytes(b"no sound")
    with pytest.raises(Exception, match="--speech"):
        speech.recorded(tmp_path)
    assert speech.recorded(tmp_path / "nowhere") is None


def test_pages_that_nobody_uses_are_dropped(tmp_path: Path) -> None:
    file = tmp_path / "big"
    with file.open("wb") as out:
        out.write(bytes(4_000_000))
        out.flush()
        os.fsync(out.fileno())  # what is not on the disk yet cannot be dropped
    assert 0 <= dropped([file]) <= 1
    assert dropped([]) == 0


def test_a_real_part_through_the_real_command(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    command = [
        sys.executable,
        "-m",
        "appliance",
        "bench",
        "tts",
        "--quick",
        "--state-dir",
        str(STATE),
        "--json",
        str(file),
    ]
    command += ["--speech", str(SPEECH)] if SPEECH.is_dir() else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    result = read(file)
    assert result.quick
    (part,) = result.parts
    first, kept = part.figure("tts_first_audio_clause"), part.figure("tts_first_audio_kept")
    assert first is not None
    assert kept is not None
    assert len(first.samples) == len(kept.samples) == 3
    assert min(first.samples) > 0
    assert result.fingerprint["models"]["tts joe"]["name"] == "en_US-joe-medium"
    assert "tts_first_audio_clause" in done.stdout
    assert (tmp_path / "kept.html").is_file()
    assert not list(STATE.glob("bench-*"))
