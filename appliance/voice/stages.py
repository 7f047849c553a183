"""The stages as a turn sees them: jobs go in, parts stream out. Engine hosts are such stages, and fakes too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from appliance.jobs import AnyJob, AnyPart, JobTimes


class Answer(Protocol):
    """The parts of a job's answer, each with its payload."""

    @property
    def times(self) -> JobTimes:
        """When the job got how far."""

    def __aiter__(self) -> AsyncIterator[tuple[AnyPart, bytes]]:
        """Iterate once."""

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        """The next one."""

    def promote(self) -> None:
        """Somebody listens for it now: it goes before all that is not live."""


class Stage(Protocol):
    """Leaving the block early aborts the job."""

    def stream(self, job: AnyJob, payload: bytes = b"") -> AbstractAsyncContextManager[Answer]:
        """Send a job; its answer."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Listening, thinking, speaking, and noticing turns; `embed` makes vectors of documents, where there is a model."""

    stt: Stage
    llm: Stage
    tts: Stage
    turn: Stage
    embed: Stage | None = None
