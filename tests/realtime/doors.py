"""The door to live conversations with simulated stages behind it: a real socket, no models."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.callers.names import Names
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

sys.path += [str(Path(__file__).parents[1] / each) for each in ("voice", "web")]

from scripted import furnished
from simulated import World


@contextmanager
def simulated_doors(
    sessions: int = 64, world: World | None = None, folder: Path | None = None, store: Mapping[str, Any] | None = None
) -> Iterator[str]:  # fmt: skip
    """Address of a box whose stages answer at once, and which remembers in `folder`, as `store` says."""
    world = world or World()
    world.levels = {2000: "some words"}
    overrides: dict[str, dict[str, Any]] = {"http": {"open": True}, "limits": {"sessions": sessions}}
    if folder is not None:
        overrides["store"] = {"dir": str(folder), **(store or {})}
    stages = Stages(world.stt, world.llm, world.tts, world.turn)
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth", "eva": "other mouth"})
    with furnished(overrides, stages, names) as url:
        yield url
