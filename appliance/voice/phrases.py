"""Phrases that are kept ready: spoken once in spare time, so that they can be said at once later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from appliance.errors import ApplianceError
from appliance.jobs import Speak
from appliance.logs import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.voice.stages import Stage

log = logger(__name__)

RETRY_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 3600.0
"""After so long they are asked for again, in case they have gone or grown old."""
SPLITS: Final = (True, False)
"""As a text of its own, and as a clause of a reply."""


async def keep_ready(stage: Stage, phrases: Sequence[str]) -> None:
    """Have them said, until cancelled."""
    while phrases:
        for phrase in phrases:
            for split in SPLITS:
                await _say(stage, Speak(text=phrase, split=split, priority="background"))
        log.debug("phrases are ready", count=len(phrases))
        await anyio.sleep(AGAIN_SECONDS)


async def _say(stage: Stage, job: Speak) -> None:
    """Once the stage is ready and has room."""
    while True:
        try:
            async with stage.stream(job) as parts:
                async for _ in parts:
                    pass
        except ApplianceError as error:
            if error.status < 500:
                log.warning("phrase cannot be said", code=error.code)
                return
            await anyio.sleep(RETRY_SECONDS)
        else:
            return
