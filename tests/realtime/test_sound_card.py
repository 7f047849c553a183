"""`appliance talk` with a microphone and a loudspeaker: a sound server whose two sound cards are software."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from caller import transcribe

from appliance.audio import read_wav, wav

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PATIENCE_SECONDS = 60
LISTENING = "--file-format=wav", "--rate=16000", "--channels=1"
QUIET_SECONDS = 20
"""After so long without a word from it no (more of a) reply comes: an empty one, or one that cannot be spoken, ends
like any line of a reply."""
HEARD_SECONDS = 50
"""The last of a recording, less than a box's tests let it hear at once."""
TRIES = 4
LONG = r"box: ((?!pause)\S+\s+){5}"
"""A reply that can be interrupted; now and then the model says four words, and what comes then is "pause noticed"."""
ENDED = r"audio sent|\((?:failed|incomplete)\)"
"""One that has ended by itself."""
CARDS = "\n".join(
    [
        "load-module module-null-sink sink_name=loudspeaker",
        "load-module module-null-sink sink_name=mouth",  # what is played here the microphone hears
        "set-default-sink loudspeaker",
        "set-default-source mouth.monitor",
        "load-module module-native-protocol-unix auth-anonymous=1 socket={socket}",
    ]
)


def ask(environ: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Have something done that takes a moment."""
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )  # fmt: skip


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment of programs that use the two sound cards."""
    missing = [each for each in ("pulseaudio", "paplay", "parecord", "pactl") if shutil.which(each) is None]
    if missing:
        pytest.skip(f"needs the packages pulseaudio, pulseaudio-utils and libasound2-plugins: no {missing[0]}")
    try:
        import sounddevice  # noqa: F401
    except OSError as error:
        pytest.skip(f"needs the package libportaudio2: {error}")
    (tmp_path / "cards.pa").write_text(CARDS.format(socket=tmp_path / "socket"))
    (tmp_path / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    command = ["pulseaudio", "-n", f"--file={tmp_path / 'cards.pa'}", "--exit-idle-time=-1", "--disable-shm=yes"]
    environ["PULSE_SERVER"] = f"unix:{tmp_path / 'socket'}"
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, env=environ, stderr=log) as server:
        try:
            while ask(environ, "pactl", "info").returncode:
                assert server.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
            yield environ
        finally:
            server.terminate()


@contextmanager
def program(*command: str, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """One that is told to end by Ctrl-C, and is killed if it takes too long."""
    # Who starts the tests in the background has Ctrl-C ignored, and what is ignored is inherited.
    hearing = "env", "--default-signal=INT", *command
    with subprocess.Popen(hearing, env=environ, stdout=subprocess.PIPE) as running:
        watchdog = threading.Timer(TRIES * PATIENCE_SECONDS, running.kill)
        watchdog.start()
        try:
            yield running
        finally:
            running.send_signal(signal.SIGINT)
            running.wait()
            watchdog.cancel()
        assert running.returncode == 0, "it had to be killed"


def until(running: subprocess.Popen[bytes], pattern: str) -> str:
    """What it writes up to some words, or until it writes nothing more."""
    assert running.stdout is not None
    pipe, written = running.stdout.fileno(), b""
    while re.search(pattern, written.decode(errors="ignore")) is None:
        if not select.select([pipe], [], [], QUIET_SECONDS)[0]:
            break
        piece = os.read(pipe, 1)
        assert piece, written  # it has ended
        written += piece
    return written.decode(errors="ignore")


def listeners(environ: Mapping[str, str]) -> int:
    """How many programs have a microphone open."""
    return len(ask(environ, "pactl", "list", "short", "source-outputs").stdout.splitlines())


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def ending(recording: Path) -> bytes:
    """The last of it."""
    pcm, rate = read_wav(recording.read_bytes())
    return wav(pcm[-HEARD_SECONDS * rate * 2 :], rate)


def test_somebody_talks_with_the_box_and_interrupts_it(
    box: str, question: bytes, cards: Mapping[str, str], tmp_path: Path
) -> None:  # fmt: skip
    asked, later, heard = (tmp_path / name for name in ("question.wav", "later.wav", "heard.wav"))
    asked.write_bytes(question)
    pcm, rate = read_wav(question)
    later.write_bytes(wav(bytes(2 * 2 * rate) + pcm, rate))  # the reply is listened to for two seconds
    say = "paplay", "--device=mouth"
    talk = [sys.executable, "-m", "appliance", "talk", "--url", box, "--language", "en", "--detection", "server_vad"]
    talk += ["--instructions", "Tell a long story of many sentences."]
    for _ in range(TRIES):
        with (
            program("parecord", "-d", "loudspeaker.monitor", *LISTENING, str(heard), environ=cards),
            program(*talk, environ=cards) as talking,
        ):
            while listeners(cards) < 2:
                assert talking.poll() is None
                time.sleep(0.1)
            assert ask(cards, *say, str(asked)).returncode == 0
            begun, ended = until(talking, rf"{LONG}|{ENDED}"), ""
            if re.search(LONG, begun):
                assert ask(cards, *say, str(later)).returncode == 0
                ended = until(talking, rf"cancelled|{ENDED}")
        shown = begun + ended
        sounded, said = words_of(transcribe(box, ending(heard))), words_of(shown.partition("box:")[2])
        interrupted, understood = "cancelled" in ended, "the grass is green" in shown.lower()
        if interrupted and understood and len(sounded & said) > len(sounded) / 2:
            break
    assert interrupted, shown
    assert understood, shown
    assert len(sounded & said) > len(sounded) / 2, (sounded, said)
