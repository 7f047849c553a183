"""What the handlers are given: the appliance as seen from the doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.settings import Settings
from appliance.store.conversations import Conversations
from appliance.store.responses import Responses
from appliance.voice.stages import Stages
from appliance.web.names import Names
from appliance.web.realtime.lines import Lines


@dataclass(frozen=True, slots=True)
class Box:
    """One appliance. `health` gives each stage's status by role."""

    settings: Settings
    stages: Stages
    names: Names
    conversations: Conversations
    health: Callable[[], Mapping[str, Any]]
    responses: Responses = field(default_factory=Responses)
    lines: Lines = field(default_factory=lambda: Lines(64))
