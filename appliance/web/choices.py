"""Several replies to one request: a job each, side by side on one stage, and their parts in one stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectSendStream

from appliance.errors import InternalError, RequestError, one_error
from appliance.jobs import AnyPart, Generate, Generated
from appliance.voice.stages import Stage

AHEAD: Final = 64
"""Parts that may lie unread, all replies together."""

Parts = AsyncIterator[tuple[AnyPart, bytes]]


def check_count(count: int, most: int, param: str) -> None:
    """Raise `RequestError` for more replies than the stage has places for, `most`."""
    if count > most:
        raise RequestError(f"The request asks for {count} replies; the limit is {most}.", param=param)


class Choices:
    """Parts of all replies as they come, each with its reply's number; ends when all of them have."""

    def __init__(self, take: Callable[[], Awaitable[tuple[int, AnyPart]]], count: int) -> None:
        self._take, self._left = take, count

    @property
    def complete(self) -> bool:
        """Whether every reply has ended."""
        return self._left == 0

    def __aiter__(self) -> Choices:
        return self

    async def __anext__(self) -> tuple[int, AnyPart]:
        if self.complete:
            raise StopAsyncIteration
        number, part = await self._take()
        if isinstance(part, Generated):
            self._left -= 1
        return number, part


@asynccontextmanager
async def side_by_side(stage: Stage, jobs: Sequence[Generate]) -> AsyncIterator[Choices]:
    """Send all jobs. One that is refused or fails ends them all with its error; leaving early aborts them all."""
    if len(jobs) == 1:
        async with stage.stream(jobs[0]) as parts:

            async def take() -> tuple[int, AnyPart]:
                return 0, await _take(parts)

            choices = Choices(take, 1)
            yield choices
            if choices.complete:
                await _ended(parts)
        return
    sending, merged = anyio.create_memory_object_stream[tuple[int, AnyPart]](AHEAD)
    with sending, merged, one_error():
        async with anyio.create_task_group() as tasks:
            for number, job in enumerate(jobs):
                await tasks.start(_run, stage, job, number, sending)
            choices = Choices(merged.receive, len(jobs))
            yield choices
            if not choices.complete:
                tasks.cancel_scope.cancel()


async def _run(
    stage: Stage,
    job: Generate,
    number: int,
    out: MemoryObjectSendStream[tuple[int, AnyPart]],
    *,
    task_status: TaskStatus[None],
) -> None:
    async with stage.stream(job) as parts:
        task_status.started()
        ended = False
        while not ended:
            part = await _take(parts)
            await out.send((number, part))
            ended = isinstance(part, Generated)
        await _ended(parts)


async def _take(parts: Parts) -> AnyPart:
    async for part, _ in parts:
        return part
    raise InternalError("The thinking stage ended without an end.")


async def _ended(parts: Parts) -> None:
    """A job that is left before its stage has ended it would count as aborted."""
    async for _ in parts:
        pass
