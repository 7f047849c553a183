"""The door to live conversations with simulated stages behind it: a real socket, no models."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from appliance import settings as settings_module
from appliance.store.conversations import Conversations
from appliance.voice.stages import Stages
from appliance.web import faults
from appliance.web.box import Box
from appliance.web.names import Names
from appliance.web.realtime import door
from appliance.web.realtime.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path += [str(Path(__file__).parents[1] / each) for each in ("voice", "web")]

from scripted import served
from simulated import World


@contextmanager
def simulated_doors(sessions: int = 64, world: World | None = None) -> Iterator[str]:
    """Address of a box whose stages answer at once."""
    world = world or World()
    world.levels = {2000: "some words"}
    settings = settings_module.load(environ={})
    box = Box(
        settings=settings,
        stages=Stages(world.stt, world.llm, world.tts, world.turn),
        names=Names(stt="ears", llm="brain", voices={"joe": "mouth"}),
        conversations=Conversations(8, 8),
        health=dict,
        lines=Lines(sessions),
    )
    app = Litestar(
        route_handlers=[door.realtime, door.client_secrets],
        dependencies={"box": Provide(lambda: box, sync_to_thread=False)},
        state=State({"box": box}),
        exception_handlers={Exception: faults.handle},
        logging_config=None,
    )
    with served(app) as url:
        yield url
