"""What happens in a live conversation, in the order in which it happens. Free of any protocol's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.dialogue.heard import Caption
    from appliance.errors import ApplianceError
    from appliance.jobs import Source
    from appliance.voice.live.conversation import Item
    from appliance.voice.live.response import Response


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user speaks; milliseconds of the session's audio."""

    item_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The user's turn is over."""

    item_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class IdleTimeout:
    """Nobody has said anything for as long as the client set."""

    item_id: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class BufferCommitted:
    """The audio so far becomes an item."""

    item_id: str
    previous: str | None


@dataclass(frozen=True, slots=True)
class BufferCleared:
    """The audio so far is forgotten."""


@dataclass(frozen=True, slots=True)
class ItemAdded:
    """An item is in the conversation."""

    item: Item
    previous: str | None


@dataclass(frozen=True, slots=True)
class ItemDone:
    """An item will not change any more, but for being cut."""

    item: Item
    previous: str | None


@dataclass(frozen=True, slots=True)
class ItemRetrieved:
    """The client asked for an item."""

    item: Item


@dataclass(frozen=True, slots=True)
class ItemDeleted:
    """An item is gone. `evicted`: from the live conversation only, as it has too many."""

    item_id: str
    evicted: bool = False


@dataclass(frozen=True, slots=True)
class ItemTruncated:
    """An assistant's message ends where its audio was cut."""

    item_id: str
    content_index: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class TranscriptDelta:
    """More of what the user said, as far as it is certain."""

    item_id: str
    delta: str


@dataclass(frozen=True, slots=True)
class TranscriptDone:
    """All that the user said."""

    item_id: str
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TranscriptFailed:
    """What the user said could not be written down."""

    item_id: str
    error: ApplianceError


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    """A response begins."""

    response: Response


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """A response is over, whatever became of it."""

    response: Response


@dataclass(frozen=True, slots=True)
class OutputAdded:
    """Item `index` of a response begins."""

    response: Response
    index: int
    item: Item


@dataclass(frozen=True, slots=True)
class OutputDone:
    """Item `index` of a response is over."""

    response: Response
    index: int
    item: Item


Piece = Literal["text", "transcript", "audio", "arguments"]


@dataclass(frozen=True, slots=True)
class PartAdded:
    """The content of a message begins."""

    response: Response
    index: int
    item: Item


@dataclass(frozen=True, slots=True)
class PartDone:
    """The content of a message is over; all of its text."""

    response: Response
    index: int
    item: Item
    text: str


@dataclass(frozen=True, slots=True)
class Delta:
    """More of an item: text, or (of audio) samples at `jobs.SPEECH_RATE`."""

    response: Response
    index: int
    item: Item
    piece: Piece
    text: str = ""
    pcm: bytes = b""


@dataclass(frozen=True, slots=True)
class Captioned:
    """When each word of clause `clause` sounds, as far as it is made: again and longer with more of its audio."""

    response: Response
    index: int
    item: Item
    clause: int
    captions: Callable[[], Sequence[Caption]]
    """Finds them, for who wants them: as long as nobody has waited since. There may be none yet."""


@dataclass(frozen=True, slots=True)
class PieceDone:
    """No more of it will follow; all of its text."""

    response: Response
    index: int
    item: Item
    piece: Piece
    text: str = ""


@dataclass(frozen=True, slots=True)
class Cited:
    """A message rests on a passage of a document: source `number` of it."""

    response: Response
    index: int
    item: Item
    number: int
    source: Source


@dataclass(frozen=True, slots=True)
class TurnTimed:
    """A reply's first audio leaves: milliseconds from the user's last voice to what led to it.

    `voice_end_ms`: where that voice was, in the session's audio.
    """

    response_id: str
    timings: dict[str, float]
    voice_end_ms: int


@dataclass(frozen=True, slots=True)
class OutputCleared:
    """Audio that waited to be sent is forgotten."""

    response_id: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something went wrong; the conversation goes on. `cause`: the client's own id of what it sent."""

    error: ApplianceError
    cause: str | None = None


LiveEvent = (
    SpeechStarted | SpeechStopped | IdleTimeout | BufferCommitted | BufferCleared
    | ItemAdded | ItemDone | ItemRetrieved | ItemDeleted | ItemTruncated
    | TranscriptDelta | TranscriptDone | TranscriptFailed
    | ResponseCreated | ResponseDone | OutputAdded | OutputDone | PartAdded | PartDone | Delta | Captioned
    | PieceDone | Cited | TurnTimed | OutputCleared | Fault
)  # fmt: skip
