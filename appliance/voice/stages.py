"""The three stages as a turn sees them: jobs go in, parts stream out. Engine hosts are such stages, and fakes too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from appliance.jobs import AnyJob, AnyPart


class Stage(Protocol):
    """Leaving the block early aborts the job."""

    def stream(
        self, job: AnyJob, payload: bytes = b""
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[AnyPart, bytes]]]:
        """Parts of a job's answer, each with its payload."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Listening, thinking, speaking."""

    stt: Stage
    llm: Stage
    tts: Stage
