"""A Wyoming door with simulated stages behind it, in this process: real sockets, no models."""

from __future__ import annotations

import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import anyio

from appliance import settings as settings_module
from appliance.callers.names import Names
from appliance.catalog.lineup import Installed, Lineup
from appliance.store.database import Database
from appliance.voice.stages import Stages
from appliance.web.box import Box, make_box
from appliance.wyoming.about import About
from appliance.wyoming.admission import Admission
from appliance.wyoming.listener import Listener
from appliance.wyoming.wake_words import WakeWord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

sys.path += [str(Path(__file__).parents[1] / each) for each in ("voice", "web")]

from simulated import World


@dataclass(frozen=True, slots=True)
class Door:
    """One that is open."""

    port: int
    box: Box
    admission: Admission
    listener: Listener


def installed(name: str, role: str, *languages: str, voice: str | None = None) -> Installed:
    """A model that nobody loads."""
    return Installed(name, role, Path(), Path(), languages, voice, f"{name} of the tests")


VOICES = {
    "joe": installed("en_US-joe", "tts", "en-US", voice="joe"),
    "eva": installed("de_DE-eva", "tts", "de-DE", voice="eva"),
}
LINEUP = Lineup(installed("ears", "stt", "mul"), installed("brain", "llm", "en"), tuple(VOICES.values()))


WAKE_WORDS = [WakeWord(name, name, ("en",), "", "", "1", Path()) for name in ("hey_box", "okay_box")]


@asynccontextmanager
async def door(
    world: World | None = None, *, patience: float = 20.0, keys: bool = False, **wyoming: Any
) -> AsyncIterator[Door]:
    """A door with these settings. `keys`: the box is not open, and the door has the key that is made for it."""
    world = world or World()
    names = Names(stt="ears", llm="brain", voices={voice: model.name for voice, model in VOICES.items()})
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listening:
        overrides: dict[str, dict[str, Any]] = {
            "http": {"open": not keys}, "store": {"dir": folder}, "wyoming": {"enabled": True, **wyoming}
        }  # fmt: skip
        settings = settings_module.load(environ={}, overrides=overrides)
        database = Database(settings.database)
        database.open()
        box = make_box(settings, Stages(world.stt, world.llm, world.tts, world.turn), names, database, dict)
        async with box.database.running(), anyio.create_task_group() as tasks:
            if keys:
                key, _ = await box.keys.create(user="home", name="home assistant", role="user")
                settings = settings_module.load(
                    environ={}, overrides={**overrides, "wyoming": {**overrides["wyoming"], "key": key.id}}
                )
                box = make_box(settings, box.stages, names, database, dict)
            admission, about = Admission(box), About("box", LINEUP, VOICES, WAKE_WORDS)
            listener = Listener(admission, about, most=settings.wyoming.connections, patience=patience)
            tasks.start_soon(listener.run, [listening.dup()])
            yield Door(listening.getsockname()[1], box, admission, listener)
            await listener.leave()
            tasks.cancel_scope.cancel()
