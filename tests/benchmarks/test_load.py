"""Load from outside: what it says, and a real Locust against a real box for as long as each user does one thing."""

from __future__ import annotations

import io
import re
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from benchmarks.load.recordings import RATE, RecordingError, samples

ROOT = Path(__file__).parents[2]
LOCUST = ROOT / ".load" / "bin" / "locust"
needs_locust = pytest.mark.skipif(not LOCUST.is_file(), reason="no .load: `make load` makes it")


def wav_of(sound: np.ndarray[tuple[int, ...], np.dtype[np.int16]], rate: int, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(sound.shape[1] if sound.ndim > 1 else 1)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(sound.tobytes())
    return file.getvalue()


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 48_000])
def test_any_rate_is_said_at_the_right_speed(rate: int) -> None:
    tone = (20_000 * np.sin(2 * np.pi * 220 * np.arange(rate) / rate)).astype(np.int16)
    pcm = np.frombuffer(samples(wav_of(tone, rate)), dtype=np.int16)
    assert len(pcm) == RATE
    wanted = 20_000 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)
    assert np.abs(pcm - wanted)[:-10].max() < 400
    both = np.stack([tone, np.zeros_like(tone)], axis=1)
    assert samples(wav_of(both, rate)) == pcm.tobytes()
    loud = np.where(tone > 0, 32_767, -32_768).astype(np.int16)
    assert np.abs(np.frombuffer(samples(wav_of(loud, rate)), dtype=np.int16).astype(int)).max() <= 32_768


def test_what_is_no_recording_is_named() -> None:
    with pytest.raises(RecordingError, match="no WAV"):
        samples(b"ID3")
    with pytest.raises(RecordingError, match="16 bits, not 8"):
        samples(wav_of(np.zeros(10, np.int16), 8000, width=1))


def locust(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(LOCUST), "--headless", "--only-summary", "-f", str(ROOT / "benchmarks/load/locustfile.py")]
    return subprocess.run([*command, "--host", url, *arguments], capture_output=True, text=True, timeout=240)


@needs_locust
def test_a_box_under_load(box: str, question: bytes, tmp_path: Path) -> None:
    (tmp_path / "q.wav").write_bytes(question)
    often = ("--speech", str(tmp_path), "--think", "0.1", "--users", "5", "--spawn-rate", "5", "--run-time", "2s")
    done = locust(box, *often, "--stop-timeout", "120", "--goal-p95", "100")  # what each has begun, it ends
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the goals are kept" in done.stdout
    assert "errors: 0 of" in done.stdout
    for name in ("voice to voice", "first audio of a turn", "first token of a chat"):
        assert f" {name} " in done.stderr + done.stdout, name


@needs_locust
def test_a_box_that_refuses_misses_the_goals(box: str, question: bytes, tmp_path: Path) -> None:
    (tmp_path / "q.wav").write_bytes(question)
    few = ("--speech", str(tmp_path), "--users", "4", "--spawn-rate", "4", "--run-time", "2s")
    done = locust(f"{box}/nothing", *few)
    assert done.returncode == 1
    assert "the goals are NOT kept" in done.stdout
    for name in ("begin a conversation", "first audio of a turn"):
        assert re.search(f"{name}: .*status 40[0-9]", done.stdout + done.stderr), name
    missing = locust(box, "--speech", str(tmp_path / "none"), "--users", "1", "--run-time", "2s")
    assert missing.returncode
    assert "has no WAV file" in missing.stdout + missing.stderr
