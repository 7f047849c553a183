"""A room with a live conversation in it: somebody speaks in (virtual) real time, and all that happens is noted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import numpy as np
from simulated import World
from virtual_time import run

from appliance.turns.detection import ServerVad
from appliance.voice.live import events
from appliance.voice.live.conduct import Conduct, Style, Transcribing
from appliance.voice.live.session import LiveSession
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from appliance.turns.detection import TurnDetection

RATE = 24_000
PIECE = RATE // 50
SERVER_VAD = ServerVad()
Event = TypeVar("Event")
LONG = "One two three four five. Six seven eight nine ten. Eleven twelve thirteen fourteen fifteen sixteen."


@dataclass(frozen=True)
class Happened:
    """An event and its time in seconds."""

    at: float
    event: Any


class Room:
    """`say` and `pause` take the time that they take."""

    def __init__(self, detection: TurnDetection | None, **changes: Any) -> None:
        self.world = World()
        self.happened: list[Happened] = []
        style = Style(instructions="Be brief.", tools=changes.pop("tools", ()))
        conduct = Conduct(detection=detection, transcribing=Transcribing(), style=style, **changes)
        stages = Stages(self.world.stt, self.world.llm, self.world.tts, self.world.turn)
        self.session = LiveSession(stages, conduct, self._note, most_seconds=60, lead=0.4)

    def _note(self, event: Any) -> None:
        self.happened.append(Happened(anyio.current_time(), event))

    async def say(self, words: str, seconds: float = 1.2) -> float:
        """Speak; the time at which the voice ends."""
        await self.sound(self.world.level(words), seconds)
        return anyio.current_time()

    async def pause(self, seconds: float) -> None:
        """Say nothing, with the microphone on."""
        await self.sound(0, seconds)

    async def sound(self, level: int, seconds: float) -> None:
        """The microphone's pieces, one every 20 ms."""
        piece = np.full(PIECE, level, dtype="<i2").tobytes()
        for _ in range(round(seconds * 50)):
            await self.session.append(piece)
            await anyio.sleep(0.02)

    async def until(self, kind: type[Event], count: int = 1) -> Event:
        """Keep the microphone on until there are so many events of a kind; the last of them."""
        for _ in range(3000):
            if len(self.all(kind)) >= count:
                return self.all(kind)[count - 1]
            await self.pause(0.02)
        raise AssertionError(f"no {kind.__name__}: {self.kinds}")

    def all(self, kind: type[Event]) -> list[Event]:
        """Events of a kind."""
        return [each.event for each in self.happened if isinstance(each.event, kind)]

    async def reply_sounds(self, seconds: float) -> None:
        """Somebody has asked, and the answer, which is long, has been heard for so long."""
        self.world.replies = [LONG, "Yes?"]
        await self.say("count for me please")
        await self.until(events.PartAdded)
        await self.pause(seconds)

    def respond(self) -> None:
        """The client asks for an answer."""
        self.session.respond(self.session.conduct.style, joins=True, given=None, metadata=None)

    def time_of(self, event: Any) -> float:
        """When it happened."""
        return next(each.at for each in self.happened if each.event is event)

    @property
    def kinds(self) -> list[str]:
        """Names of all events but the many small ones."""
        return [type(each.event).__name__ for each in self.happened if not isinstance(each.event, events.Delta)]

    @property
    def sounds(self) -> list[Happened]:
        """Audio that left."""
        return [each for each in self.happened if isinstance(each.event, events.Delta) and each.event.piece == "audio"]

    def told(self, number: int = -1) -> list[tuple[str, str]]:
        """What the model was told with a reply's prompt."""
        job = self.world.llm.asked(_generate())[number]
        return [(message.role, message.content) for message in job.messages]


def _generate() -> type:
    from appliance.jobs import Generate

    return Generate


def visit(
    scene: Callable[[Room], Awaitable[None]], detection: TurnDetection | None = SERVER_VAD, **changes: Any
) -> Room:  # fmt: skip
    """Play a scene in a new room, to its end. Afterwards nothing works any more."""
    rooms: list[Room] = []

    async def play() -> None:
        room = Room(detection, **changes)
        rooms.append(room)
        await room.session.run(lambda: scene(room))
        world = room.world
        assert [stage.open for stage in (world.stt, world.llm, world.tts, world.turn)] == [0, 0, 0, 0]

    run(play())
    return rooms[0]
