"""The sound of a live conversation: what users said, and what was heard of the replies, become their items' clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.voice.recorder import Cut, Place, Sound
from appliance.voice.tape import Tape

if TYPE_CHECKING:
    from appliance.store.owners import Owner
    from appliance.voice.live.conversation import Item
    from appliance.voice.live.events import Delta
    from appliance.voice.recorder import Recorder, What


class Tapes:
    """Of one conversation. A reply's tape is held until the next reply sounds, as its client may say what was heard."""

    def __init__(self, recorder: Recorder, owner: Owner, conversation: str) -> None:
        self._recorder, self._owner, self._conversation = recorder, owner, conversation
        self._tapes: dict[str, Tape] = {}
        """By the id of the item, those that may still grow or be cut."""
        self._kept: dict[str, float | None] = {}
        """By the id of an item whose sound was given to the recorder, how much of it was heard."""

    def hear(self, delta: Delta) -> None:
        """A part of a reply leaves."""
        if not self._recorder.on or delta.piece != "audio" or not delta.response.joins:
            return
        if delta.item.id not in self._tapes:
            self._tapes = {delta.item.id: Tape()}
        self._tapes[delta.item.id].add(delta.pcm)

    def keep(self, item: Item, *, again: bool = False) -> None:
        """An item is on its way to disk, for the first time, as it was cut, or (`again`) since that failed before."""
        done = item.id in self._kept and self._kept[item.id] == item.heard_ms
        if not self._recorder.on or (done and not again):
            return
        what = self._sound(item)
        if what is not None:
            self._kept[item.id] = item.heard_ms
            self._recorder.keep(Place(self._owner, self._conversation, item.id), what)

    def forget(self, item_id: str) -> None:
        """The item is gone."""
        self._tapes.pop(item_id, None)
        self._kept.pop(item_id, None)

    def _sound(self, item: Item) -> What | None:
        if item.id in self._tapes:
            return self._tapes[item.id].sound(item.heard_ms)
        if item.role == "assistant":
            return Cut(item.heard_ms) if item.id in self._kept and item.heard_ms is not None else None
        said = [each for each in item.said if each.audio]
        return Sound(b"".join(each.audio or b"" for each in said), said[0].rate) if said else None
