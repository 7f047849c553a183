"""`appliance talk` with a microphone and a loudspeaker: a sound server whose two sound cards are software."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from caller import transcribe
from sound_cards import LISTENING, PATIENCE_SECONDS, ask, ending, sound_cards, words_of

from appliance.audio import read_wav, wav

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

QUIET_SECONDS = 20
"""After so long without a word from it no (more of a) reply comes: an empty one, or one that cannot be spoken, ends
like any line of a reply."""
TRIES = 4
LONG = r"box: ((?!pause)\S+\s+){5}"
"""A reply that can be interrupted; now and then the model says four words, and what comes then is "pause noticed"."""
ENDED = r"audio sent|\((?:failed|incomplete)\)"
"""One that has ended by itself."""


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


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment of programs that use two sound cards."""
    try:
        import sounddevice  # noqa: F401
    except OSError as error:
        pytest.skip(f"needs the package libportaudio2: {error}")
    with sound_cards(tmp_path) as environ:
        yield environ


def listeners(environ: Mapping[str, str]) -> int:
    """How many programs have a microphone open."""
    return len(ask(environ, "pactl", "list", "short", "source-outputs").stdout.splitlines())


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
