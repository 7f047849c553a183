"""A satellite as others have made it, that a real box calls: somebody says its name and asks, and it answers aloud."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import QUESTION, until
from foreign import alike, environment, recording, say, speaking_wyoming, words_in, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foreign import Box

pytestmark = pytest.mark.long

PARTS = Path(__file__).parent / "satellite"
RATE = 22_050
"""Of its loudspeaker, which is not the box's."""
PAUSE = bytes(32_000)
"""A second between its name and the question."""
SHORT = {"APPLIANCE_VOICE__MAX_REPLY_TOKENS": "24"}


class Satellite:
    """What is heard and said in its room. Its commands leave files in a folder."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def command(self, *, hears_its_name: bool) -> list[str]:
        commands = {"mic": self._part("microphone.py"), "snd": self._left("sound")}
        commands |= {name: self._left(name) for name in ("detect", "detection", "transcript", "error")}
        if hears_its_name:
            commands["wake"] = self._part("ear.py")
        given = [part for name, command in commands.items() for part in (f"--{name}-command", command)]
        python, uri = environment(".satellite", "a satellite"), f"tcp://127.0.0.1:{self.port}"
        return [str(python), "-m", "wyoming_satellite", "--uri", uri, "--no-zeroconf", "--name", "Shelf",
                "--snd-command-rate", str(RATE), *given]  # fmt: skip

    def _part(self, script: str) -> str:
        return shlex.join([sys.executable, str(PARTS / script), str(self.folder)])

    def _left(self, name: str) -> str:
        """A command that leaves all that it is given in a file, which is whole as soon as it is there."""
        file = shlex.quote(str(self.folder / name))
        return shlex.join(["sh", "-c", f"cat > {file}.part && mv {file}.part {file}"])

    def give(self, name: str, what: bytes) -> None:
        """Leave something for a part of it."""
        part = self.folder / f"{name}.given"
        part.write_bytes(what)
        part.rename(self.folder / name)

    def left(self, name: str) -> bytes:
        """What a command was given, once it was."""
        file = self.folder / name
        until(file.exists)
        given = file.read_bytes()
        file.unlink()
        return given


@contextmanager
def satellite(tmp_path: Path, *, hears_its_name: bool = False) -> Iterator[tuple[Satellite, Box]]:
    """One that runs, and the box that calls it."""
    environment(".satellite", "a satellite")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
    room = tmp_path / "room"
    room.mkdir()
    made = Satellite(room, port)
    command = made.command(hears_its_name=hears_its_name)
    address = {"APPLIANCE_WYOMING__SATELLITES": f"127.0.0.1:{port}"}
    with (tmp_path / "satellite.log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            with speaking_wyoming(tmp_path / "log", **SHORT, **address) as box:
                yield made, box
        finally:
            process.terminate()


def test_its_name_and_a_question_are_answered_aloud_and_so_are_the_next_ones(tmp_path: Path) -> None:
    with satellite(tmp_path) as (shelf, box):
        asked = say(box.url, "Hey Jarvis.") + PAUSE + say(box.url, QUESTION)
        for _ in range(2):
            shelf.left("detect")
            shelf.give("say", asked)
            assert shelf.left("detection") == b"hey_jarvis"
            assert alike(words_of(shelf.left("transcript").decode()), words_of(QUESTION))
            assert words_in(box.url, recording(shelf.left("sound"), RATE))
        assert not (shelf.folder / "error").exists()


def test_one_that_hears_its_name_itself_is_answered_aloud(tmp_path: Path) -> None:
    with satellite(tmp_path, hears_its_name=True) as (shelf, box):
        asked = say(box.url, QUESTION)
        for _ in range(2):
            shelf.left("detect")
            shelf.give("called", b"its name")
            shelf.left("detection")
            shelf.give("say", asked)
            assert alike(words_of(shelf.left("transcript").decode()), words_of(QUESTION))
            assert words_in(box.url, recording(shelf.left("sound"), RATE))
        assert not (shelf.folder / "error").exists()
