"""A command of the appliance's own in a process of its own, which tells how far it is in lines of JSON.

So what is long costs the server neither memory nor its turn, and ends at once when nobody wants it any more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import anyio
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream

from appliance.web.admin.running import COMMAND, keep_last, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.abc import ByteReceiveStream

    from appliance.settings import Settings

MOST_LINE: Final = 65_536
LEAVE_SECONDS: Final = 5.0
"""To clean up after itself."""
NICE: Final = 10
"""Turns go first, as they do beside the nightly backup."""


class News(msgspec.Struct, frozen=True):
    """A line: something to `say`, `done` of `total` bytes of `what`, or the `result`."""

    say: str = ""
    what: str = ""
    done: int = 0
    total: int | None = None
    result: dict[str, Any] | None = None


Hear = Callable[[News], object]


async def run(arguments: Sequence[str], settings: Settings, hear: Hear, command: Sequence[str] = COMMAND) -> str:
    """Run a command on what the box works with, until its end; what it failed with, or nothing.

    Whoever is cancelled meanwhile ends it. Raises `OSError` if it cannot be started.
    """
    options = [
        "--json",
        "--state-dir",
        str(settings.state_dir),
        *(["--config", str(settings.file)] if settings.file else []),
    ]
    said = bytearray()
    async with running([*command, *arguments, *options], _places(settings), LEAVE_SECONDS) as process:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_last, process.stderr, said)
            await _listen(process.stdout, hear)
        code = await process.wait()
    return "" if code == 0 else _sentence(bytes(said)) or f"It ended with status {code} and said nothing."


def _places(settings: Settings) -> dict[str, str]:
    """Those that the server works with, wherever it has them from."""
    manifests = settings.models.manifests
    return {
        "APPLIANCE_STORE__DIR": str(settings.database.parent.absolute()),
        "APPLIANCE_STORE__BACKUPS": str(settings.backups.absolute()),
        "APPLIANCE_MODELS__DIR": str(settings.models_dir.absolute()),
        **({"APPLIANCE_MODELS__MANIFESTS": manifests} if manifests else {}),
    }


async def _listen(stream: ByteReceiveStream | None, hear: Hear) -> None:
    if stream is None:
        raise TypeError("the command has no output")
    lines = BufferedByteReceiveStream(stream)
    with suppress(anyio.IncompleteRead, anyio.EndOfStream, anyio.ClosedResourceError, anyio.DelimiterNotFound):
        while True:
            line = await lines.receive_until(b"\n", MOST_LINE)
            with suppress(msgspec.DecodeError):
                hear(msgspec.json.decode(line, type=News))


def _sentence(said: bytes) -> str:
    """The last thing that it said as an error, of whatever came before it."""
    text = said.decode(errors="replace").strip()
    return text.rpartition("Error: ")[2]
