"""How a session notices turns: what its client may set. Names and defaults are those of OpenAI's Realtime protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Eagerness = Literal["low", "medium", "high", "auto"]


@dataclass(frozen=True, slots=True)
class ServerVad:
    """A turn is over after a fixed silence."""

    threshold: float = 0.5
    """Probability from which a window counts as speech."""
    prefix_padding_ms: int = 300
    """Audio before the first speech that belongs to the turn."""
    silence_duration_ms: int = 500
    create_response: bool = True
    interrupt_response: bool = True
    idle_timeout_ms: int | None = None
    """Silence after a reply that is answered too."""


@dataclass(frozen=True, slots=True)
class SemanticVad:
    """A turn is over when it sounds so: how long the silence has to be depends on what was said and how."""

    eagerness: Eagerness = "auto"
    create_response: bool = True
    interrupt_response: bool = True
    threshold: float = 0.5
    prefix_padding_ms: int = 300


TurnDetection = ServerVad | SemanticVad
