"""A command of the appliance's own in a process of its own, which tells how far it is in lines of JSON.

So what is long costs the server neither memory nor its turn, and ends at once when nobody wants it any more.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.abc
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anyio.abc import ByteReceiveStream

    from appliance.settings import Settings

COMMAND: Final = (sys.executable, "-m", "appliance")
MOST_LINE: Final = 65_536
MOST_SAID: Final = 4_000
"""Bytes of what it says of a failure that are kept: the last ones."""
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


async def run(
    arguments: Sequence[str], settings: Settings, config: Path | None, hear: Hear, command: Sequence[str] = COMMAND
) -> str:
    """Run a command on what the box works with, until its end; what it failed with, or nothing.

    Whoever is cancelled meanwhile ends it. Raises `OSError` if it cannot be started.
    """
    options = ["--json", "--state-dir", str(settings.state_dir), *(["--config", str(config)] if config else [])]
    process = await anyio.open_process(
        [*command, *arguments, *options], stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        env={**os.environ, **_places(settings)}, start_new_session=True,
    )  # fmt: skip
    said = bytearray()
    try:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_keep_last, process.stderr, said)
            await _listen(process.stdout, hear)
        code = await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
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


async def _keep_last(stream: ByteReceiveStream | None, said: bytearray) -> None:
    if stream is None:
        raise TypeError("the command has no output")
    with suppress(anyio.EndOfStream, anyio.ClosedResourceError):
        while True:
            said += await stream.receive()
            del said[:-MOST_SAID]


async def _end(process: anyio.abc.Process) -> None:
    """It and whatever it has started, if it has not ended by itself."""
    if process.returncode is None:
        _signal(process.pid, signal.SIGINT)  # Python's own way to be told: it removes what is half done
        with anyio.move_on_after(LEAVE_SECONDS):
            await process.wait()
        _signal(process.pid, signal.SIGKILL)
        await process.wait()
    await process.aclose()


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _sentence(said: bytes) -> str:
    """The last thing that it said as an error, of whatever came before it."""
    text = said.decode(errors="replace").strip()
    return text.rpartition("Error: ")[2]
