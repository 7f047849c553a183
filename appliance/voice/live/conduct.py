"""How a live conversation is conducted: what its client may set, free of any protocol's names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from appliance.jobs import Sampling
from appliance.turns.detection import ServerVad
from appliance.voice.responding import Manner

if TYPE_CHECKING:
    from appliance.jobs import Tool
    from appliance.sound import SoundFormat
    from appliance.turns.detection import TurnDetection


@dataclass(frozen=True, slots=True)
class Style:
    """How replies are made. A response may have a style of its own."""

    instructions: str = ""
    manner: Manner = field(default_factory=Manner)
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] = "auto"
    tool_name: str | None = None
    parallel_tool_calls: bool = True
    max_tokens: int | None = None
    """None: as many as the context holds."""
    temperature: float = 0.6
    top_p: float = Sampling().top_p


@dataclass(frozen=True, slots=True)
class Transcribing:
    """How what the user says is written down."""

    shown: bool = True
    """Whether the client gets transcripts; the model gets them always."""
    language: str | None = None
    prompt: str | None = None
    hotwords: str | None = None


@dataclass(frozen=True, slots=True)
class Conduct:
    """The settings of one session."""

    replies: bool = True
    """False: the session only transcribes."""
    detection: TurnDetection | None = field(default_factory=ServerVad)
    """None: the client says when a turn is over."""
    transcribing: Transcribing = field(default_factory=Transcribing)
    sound_in: SoundFormat = "pcm"
    sound_out: SoundFormat = "pcm"
    style: Style = field(default_factory=Style)
    keep: float | None = 0.8
    """Share of the conversation that stays when it has outgrown the context; None: such a response fails."""

    @property
    def answers(self) -> bool:
        """Whether each turn that the box notices is answered."""
        return self.replies and self.detection is not None and self.detection.create_response
