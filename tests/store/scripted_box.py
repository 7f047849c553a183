"""A box without models, as a process that can be killed: `scripted_box.py PORT FOLDER`. Doors and disk are real."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from appliance import logs
from appliance import settings as settings_module
from appliance.callers.names import Names
from appliance.jobs import Audio, Generate, Generated, Heard, JobTimes, Segment, Speak, Token, Transcribe
from appliance.store.database import Database
from appliance.voice.stages import Stages
from appliance.web.box import make_box
from appliance.web.doors import open_doors
from appliance.web.heads import BoundedHeads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Echo:
    """Hears the bytes it is sent as words, says "yes" to all that it is told, and speaks silence."""

    @asynccontextmanager
    async def stream(self, job: Any, payload: bytes = b"") -> AsyncIterator[_Answer]:
        yield _Answer(_parts(job, payload))


class _Answer:
    def __init__(self, parts: AsyncIterator[tuple[Any, bytes]]) -> None:
        self._parts = parts

    times = JobTimes()

    def __aiter__(self) -> _Answer:
        return self

    async def __anext__(self) -> tuple[Any, bytes]:
        return await anext(self._parts)

    def promote(self) -> None:
        """Nothing waits here."""


async def _parts(job: Any, payload: bytes) -> AsyncIterator[tuple[Any, bytes]]:
    match job:
        case Transcribe():
            yield Heard(seconds=1.0, language="en", language_probability=1.0), b""
            yield Segment(id=0, start=0.0, end=1.0, text=payload.decode()), b""
        case Generate():
            yield Token(text="Yes, "), b""
            yield Token(text=f"{job.messages[-1].content}."), b""
            yield Generated(finish_reason="stop", prompt_tokens=5, completion_tokens=3), b""
        case Speak():
            yield Audio(samples=2400), bytes(4800)


def main(port: int, folder: str) -> None:
    logs.configure("error", "json")
    overrides: dict[str, dict[str, Any]] = {
        "http": {"open": True}, "store": {"dir": folder}, "limits": {"requests": 1000, "sessions": 1000}
    }  # fmt: skip
    settings = settings_module.load(environ={}, overrides=overrides)
    echo = Echo()
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    box = make_box(settings, Stages(echo, echo, echo, echo), names, Database(settings.database), dict)
    uvicorn.run(
        open_doors(box), port=port, http=BoundedHeads, ws="websockets-sansio", log_config=None, access_log=False
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
