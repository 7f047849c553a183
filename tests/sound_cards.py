"""A sound server whose two sound cards are software: a test hears what is played, and a microphone what a test says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from appliance.audio import read_wav, wav

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PATIENCE_SECONDS = 60
LISTENING = "--file-format=wav", "--rate=16000", "--channels=1"
HEARD_SECONDS = 50
"""The last of a recording, less than a box's tests let it hear at once."""
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


@contextmanager
def sound_cards(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment of programs that use the two sound cards; a test that finds no sound server is skipped."""
    missing = [each for each in ("pulseaudio", "paplay", "parecord", "pactl") if shutil.which(each) is None]
    if missing:
        pytest.skip(f"needs the packages pulseaudio, pulseaudio-utils and libasound2-plugins: no {missing[0]}")
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


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def ending(recording: Path) -> bytes:
    """The last of it."""
    pcm, rate = read_wav(recording.read_bytes())
    return wav(pcm[-HEARD_SECONDS * rate * 2 :], rate)
