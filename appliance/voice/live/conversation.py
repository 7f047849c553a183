"""What was said, called and answered in a live conversation, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from appliance.errors import NotFound, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.dialogue.heard import Spoken
    from appliance.jobs import Source

MOST_ITEMS: Final = 2_000
MOST_AUDIO_BYTES: Final = 16_000_000
"""Of the users' audio that can be fetched again: eight minutes."""

MOST_UNHEARD_BYTES: Final = 64_000_000
"""Of audio in items that nobody has asked an answer to: half an hour."""
MOST_ITEM_CHARACTERS: Final = 500_000
MOST_CHARACTERS: Final = 4_000_000
"""Of all texts of a conversation."""

Role = Literal["system", "user", "assistant"]
Status = Literal["in_progress", "completed", "incomplete"]


@dataclass(slots=True)
class Said:
    """A piece of a message: text, or audio with its transcript (None while it is not known)."""

    text: str | None = None
    audio: bytes | None = None
    """Mono 16-bit samples at `rate` Hz; None if it was not kept."""
    rate: int = 0
    aloud: bool = False


@dataclass(slots=True)
class Item:
    """One item. `kind` says which of the fields it has."""

    id: str
    kind: Literal["message", "function_call", "function_call_output"] = "message"
    role: Role = "user"
    status: Status = "completed"
    said: list[Said] = field(default_factory=list)
    call_id: str = ""
    name: str = ""
    text: str = ""
    """Arguments of a call as JSON text, or what a call gave."""
    spoken: Spoken | None = None
    """What of an assistant's message was given to the voice, and when each word was over."""
    sent_ms: float = 0.0
    """So much of its audio has left."""
    heard_ms: float | None = None
    """So much of it was heard; None: all that has left."""
    source: str = ""
    """The whole text of an assistant's message, whatever was heard of it."""
    sources: Sequence[Source] = ()
    """What of documents it rests on, in `source`."""

    @property
    def words(self) -> str:
        """All text of a message."""
        return " ".join(said.text for said in self.said if said.text)

    @property
    def unheard(self) -> list[Said]:
        """The user's audio whose words are not known yet."""
        return [said for said in self.said if said.aloud and said.text is None and said.audio]

    def cut(self, milliseconds: float) -> int:
        """An assistant's message was heard up to here only; clamped to what has left, and returned."""
        self.heard_ms = end = max(0.0, min(milliseconds, self.sent_ms))
        if self.spoken is not None and self.said:
            self.said[0].text = self.spoken.heard(end)
        return int(end)


class Conversation:
    """Items in their order; the oldest go where there are too many."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self.left_out: set[str] = set()
        """Ids of the oldest, which the model is not told of any more."""
        self.changes = 0
        """Counts them, to see whether something is still so."""

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Item]:
        return (self._items[item_id] for item_id in self._order)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def get(self, item_id: str) -> Item:
        """Raises `NotFound`."""
        try:
            return self._items[item_id]
        except KeyError:
            raise NotFound(f"There is no item {item_id[:128]!r} in the conversation.", param="item_id") from None

    def previous(self, item_id: str) -> str | None:
        """Id of the item before."""
        place = self._order.index(item_id)
        return self._order[place - 1] if place else None

    @property
    def last(self) -> str | None:
        """Id of the last item."""
        return self._order[-1] if self._order else None

    @property
    def ends_with_reply(self) -> bool:
        """Whether the last words are the assistant's."""
        return next((item.role == "assistant" for item in reversed(list(self)) if item.words or item.text), False)

    def check_room(self, item: Item) -> None:
        """Raise `RequestError` where an item of the client's is one too many."""
        unheard = sum(len(said.audio or b"") for each in (*self, item) for said in each.unheard)
        if unheard > MOST_UNHEARD_BYTES:
            raise RequestError("There is half an hour of audio already that nobody asked an answer to.", param="item")
        if len(item.words) + len(item.text) > MOST_ITEM_CHARACTERS:
            raise RequestError(f"The item has more than {MOST_ITEM_CHARACTERS} characters.", param="item")
        if sum(len(each.words) + len(each.text) for each in (*self, item)) > MOST_CHARACTERS:
            raise RequestError(f"The conversation has more than {MOST_CHARACTERS} characters.", param="item")

    def add(self, item: Item, after: str | None = None) -> list[str]:
        """Put an item at the end, or after another ("root": before all). Ids of those that had to go for it."""
        if item.id in self._items:
            raise RequestError(f"There is an item {item.id[:128]!r} already.", param="item.id")
        place = len(self._order)
        if after == "root":
            place = 0
        elif after is not None:
            if after not in self._items:
                raise NotFound(f"There is no item {after[:128]!r} to put it after.", param="previous_item_id")
            place = self._order.index(after) + 1
        self._order.insert(place, item.id)
        self._items[item.id] = item
        self.changes += 1
        gone = [old for old in self._order[: max(0, len(self._order) - MOST_ITEMS)] if old != item.id]
        for old in gone:
            self.remove(old)
        if any(said.audio for said in item.said):
            self._forget_audio()
        return gone

    def remove(self, item_id: str) -> None:
        """Raises `NotFound`."""
        self.get(item_id)
        del self._items[item_id]
        self.changes += 1
        self._order.remove(item_id)
        self.left_out.discard(item_id)

    def _forget_audio(self) -> None:
        left = MOST_AUDIO_BYTES
        for item in reversed(list(self)):
            for said in item.said:
                left -= len(said.audio or b"")
                if left < 0 and said.text is not None:
                    said.audio = None
