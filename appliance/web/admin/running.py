"""A command in a process of its own, and in a group of its own, so that all that it starts ends with it."""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import asynccontextmanager, suppress
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Final

import anyio
import anyio.abc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from anyio.abc import ByteReceiveStream

COMMAND: Final = (sys.executable, "-P", "-m", "appliance")
"""This very appliance, whatever lies in the folder that the server works in."""
MOST_SAID: Final = 4_000
"""Bytes of what it says of a failure that are kept: the last ones."""
FRAME: Final = re.compile(rb'^ +File "(?:[^"\n]*/)?([^"/\n]+)", line (\d+), in (\S+)$', re.MULTILINE)
RAISED: Final = re.compile(rb"^([A-Za-z_][\w.]*)(?::|$)", re.MULTILINE)


@asynccontextmanager
async def running(
    command: Sequence[str], environment: Mapping[str, str], leave_seconds: float = 0.0
) -> AsyncIterator[anyio.abc.Process]:
    """One that is not over when the block ends is told so, and has `leave_seconds` to clean up after itself.

    `environment` goes before the server's own. Raises `OSError` if it cannot be started.
    """
    process = await anyio.open_process(
        command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env={**os.environ, **environment}, start_new_session=True
    )
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None and leave_seconds:
                _signal(process.pid, signal.SIGINT)  # Python's own way to be told: it removes what is half done
                with anyio.move_on_after(leave_seconds):
                    await process.wait()
            _signal(process.pid, signal.SIGKILL)  # also where it is over: what it started need not be
            await process.wait()
            await process.aclose()


async def keep_last(stream: ByteReceiveStream | None, said: bytearray) -> None:
    """Read to the end, and keep what came last."""
    if stream is None:
        raise TypeError("the command has no output")
    with suppress(anyio.EndOfStream, anyio.ClosedResourceError):
        while True:
            said += await stream.receive()
            del said[:-MOST_SAID]


def place_in(said: bytes) -> dict[str, str]:
    """Type and innermost place of an error that ended it, as fields for a log line: no message, which may quote."""
    frames = list(FRAME.finditer(said))
    if not frames:
        return {}
    file, line, name = (part.decode(errors="replace") for part in frames[-1].groups())
    raised = RAISED.findall(said, frames[-1].end())
    return {"error": raised[0].decode() if raised else "", "at": f"{file}:{line} {name}"}


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
