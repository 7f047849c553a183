"""A job whose prompt may be too long for the model: it is tried with less and less of what was said before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from appliance.errors import RequestError
from appliance.jobs import AnyPart, Generate
from appliance.voice.stages import Stage
from appliance.web.choices import Choices, side_by_side
from appliance.web.renaming import fields_named
from appliance.web.response_prompt import ever_shorter


@asynccontextmanager
async def opened(
    stage: Stage, job: Generate, *, shorten: bool, **fields: str
) -> AsyncIterator[tuple[AnyPart, Choices]]:
    """The job's first part, and those after it. With `shorten`, one whose prompt is too long is tried with less.

    `fields`: what the fields that the engine names are called at the door.
    """
    less: Iterator[Any] = ever_shorter(job.messages) if shorten else iter(())
    begun = False
    while True:
        messages = next(less, None)
        job = replace(job, shortens=messages is not None)
        try:
            with fields_named(**fields):
                async with side_by_side(stage, [job]) as parts:
                    _, first = await anext(parts)
                    begun = True
                    yield first, parts
                    return
        except RequestError as error:
            if begun or error.code != "context_length_exceeded" or messages is None:
                raise
            job = replace(job, messages=messages)
