"""The parent's side: a file to its passages, read by a child process that is confined.

    async with parsed(path, "manual.pdf") as passages:
        async for passage in passages: ...

A document costs nobody anything but its own reader: leaving the block ends the child, whatever it is doing. Every wait
has a deadline; what the child dies of becomes an error that says so.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import asynccontextmanager
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Final

import anyio
import anyio.abc
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream

from appliance import logs
from appliance.errors import from_code
from appliance.knowledge import frames, kinds
from appliance.knowledge.faults import unreadable
from appliance.knowledge.limits import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path
    from typing import Self

    from appliance.errors import RequestError
    from appliance.knowledge.passage import Passage

log = logs.logger(__name__)

COMMAND: Final = (sys.executable, "-m", "appliance.knowledge.worker")
KEPT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
"""The child hears of nothing else that is in the environment: keys, for instance."""
ENVIRONMENT: Final = {"MALLOC_ARENA_MAX": "1", "PYTHONDONTWRITEBYTECODE": "1"}


class Passages:
    """The passages of one document, in order; an async iterator."""

    def __init__(self, process: anyio.abc.Process, limits: Limits) -> None:
        if process.stdout is None:
            raise TypeError("the reader has no output")
        self._process, self._limits = process, limits
        self._stream = BufferedByteReceiveStream(process.stdout)
        self._seconds_left = limits.seconds
        self.peak: int | None = None
        """The child's largest resident memory in bytes, once all passages have been taken."""

    @property
    def pid(self) -> int:
        """The child's."""
        return self._process.pid

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Passage:
        """Raises `RequestError` with one of the `document_…` codes."""
        if self.peak is not None:
            raise StopAsyncIteration
        match await self._next():
            case frames.Done(peak=peak):
                self.peak = peak
                raise StopAsyncIteration
            case frames.Failed(code=code, message=message, place=place):
                if place:
                    log.warning("document not read", **place)
                raise from_code(code, message, "file")
            case passage:
                return passage

    async def _next(self) -> frames.Message:
        began = anyio.current_time()
        patience = min(self._limits.passage_seconds, self._seconds_left)
        try:
            with anyio.fail_after(patience):
                return await frames.receive(self._stream)
        except TimeoutError as error:
            raise unreadable(f"Reading the file took too long: nothing more came within {patience:.0f} s.") from error
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError) as error:
            raise await self._death() from error
        except (ValueError, msgspec.DecodeError) as error:
            raise unreadable("The file upset its reader.") from error
        finally:
            self._seconds_left -= anyio.current_time() - began

    async def _death(self) -> RequestError:
        """What the child died of."""
        code = await _ended(self._process)
        log.warning("reader ended", code=code)
        if code == -signal.SIGXCPU:
            return unreadable(f"Reading the file took more than {self._limits.seconds:.0f} s.")
        if code == -signal.SIGKILL:
            return unreadable("Reading the file was ended by the system, most likely as it needed too much memory.")
        return unreadable(
            "Its reader broke down over the file. It is damaged, or reading it needs more memory than the "
            f"{self._limits.memory >> 20} MB it may have."
        )


@asynccontextmanager
async def parsed(
    path: Path, name: str, limits: Limits | None = None, *, command: Sequence[str] = COMMAND
) -> AsyncIterator[Passages]:
    """The passages of the file at `path`, which its sender calls `name`.

    Raises `document_unsupported` at once, and `OSError` if there is no file at `path`.
    """
    limits = limits or Limits()
    kind = kinds.kind_of(name)
    arguments = [kind, "--parent", str(os.getpid()), "--limits", msgspec.json.encode(limits).decode()]
    environment = {key: os.environ[key] for key in KEPT if key in os.environ} | ENVIRONMENT
    with await anyio.to_thread.run_sync(path.open, "rb") as file:
        process = await anyio.open_process(
            [*command, *arguments], stdin=file, stdout=PIPE, stderr=DEVNULL, env=environment
        )
    try:
        yield Passages(process, limits)
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await _ended(process)
            await process.aclose()


async def _ended(process: anyio.abc.Process) -> int:
    """Its exit code. A child that has closed its output but does not end is ended."""
    if process.returncode is None:
        with anyio.move_on_after(1):
            return await process.wait()
        process.kill()
    return await process.wait()
