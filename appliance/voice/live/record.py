"""What of a live conversation is remembered: after each event that ends something, whatever has changed is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import RequestError
from appliance.logs import logger
from appliance.store.conversations import Addition
from appliance.store.items import Item as Kept
from appliance.voice.live.conversation import Item, Said
from appliance.voice.live.events import (
    Delta,
    ItemDeleted,
    ItemDone,
    ItemTruncated,
    ResponseDone,
    TranscriptDone,
    TurnTimed,
)
from appliance.voice.live.tapes import Tapes
from appliance.voice.live.turn_story import story_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from appliance.store.conversations import Conversations
    from appliance.store.owners import Owner
    from appliance.store.writing import Writing
    from appliance.voice.live.conversation import Conversation
    from appliance.voice.live.events import LiveEvent
    from appliance.voice.recorder import Recorder
    from appliance.voice.stories import Stories, Telling

log = logger(__name__)


class Record:
    """Of one conversation, `conversation` by its id. Items that only fell out of the live one stay in it."""

    def __init__(
        self, conversations: Conversations, recorder: Recorder, stories: Stories, owner: Owner, conversation: str
    ) -> None:  # fmt: skip
        self._conversations, self._owner, self.conversation = conversations, owner, conversation
        self._tapes, self._stories = Tapes(recorder, owner, conversation), stories
        self._known: dict[str, Kept] = {}
        """As they were written last."""
        self._timings: dict[str, dict[str, float]] = {}
        """By the id of a response, until it is over, and then by that of its message."""

        self._writing: list[tuple[Writing[None], Addition]] = []
        """What was queued and, as far as was seen, is not on disk yet."""

    def resumed(self, history: Iterable[Kept]) -> Iterator[Item]:
        """Items as they were remembered, to go on from."""
        for kept in history:
            if kept.kind == "reasoning":
                continue
            said = [Said(text=kept.words, aloud=kept.aloud)] if kept.kind == "message" else []
            self._timings[kept.id] = dict(kept.timings)
            item = Item(
                kept.id, kept.kind, kept.role, kept.status, said, kept.call_id, kept.name, kept.text,
                source=kept.source, sources=tuple(kept.sources),
            )  # fmt: skip
            self._known[kept.id] = self._kept(item)
            yield item

    def note(self, event: LiveEvent, conversation: Conversation) -> Sequence[Writing[None] | Telling]:
        """Something has happened. All that is being written by now."""
        match event:
            case Delta():
                self._tapes.hear(event)
            case TurnTimed(response_id, timings):
                self._timings[response_id] = timings
            case ResponseDone(response):
                if response.id in self._timings and response.message is not None:
                    self._timings[response.message.id] = self._timings.pop(response.id)
                self.write(conversation)
                story = self._stories.tell(
                    self._owner, self.conversation, story_of(response), remembered=response.joins
                )
                return (*self._now, story) if story is not None else self._now
            case ItemDeleted(item_id, evicted):
                self._tapes.forget(item_id)
                if self._known.pop(item_id, None) is not None and not evicted:
                    self._timings.pop(item_id, None)
                    self._add(Addition(removed=[item_id]))
            case ItemDone() | ItemTruncated() | TranscriptDone():
                self.write(conversation)
            case _:
                pass
        return self._now

    @property
    def _now(self) -> tuple[Writing[None], ...]:
        return tuple(writing for writing, _ in self._writing)

    def write(self, conversation: Conversation) -> None:
        """Queue all that has changed, and once more what could not be written."""
        before_now, self._writing = self._writing, []
        for writing, addition in before_now:
            if not writing.ended.is_set():
                self._writing.append((writing, addition))
            elif isinstance(writing.error, RequestError):  # it would be refused again
                log.warning("items not kept", code=writing.error.code)
            elif writing.error is not None:
                self._add(addition)
                for written in addition.items:
                    if written.id in conversation:
                        self._tapes.keep(conversation.get(written.id), again=True)
        changed: dict[str, Kept] = {}
        after, items = "root", list(conversation)
        last_known = max((at for at, item in enumerate(items) if item.id in self._known), default=-1)
        for at, item in enumerate(items):
            if item.status != "in_progress" and not item.unheard:
                kept = self._kept(item)
                before = self._known.get(item.id)
                if before is None and at < last_known:
                    self._add(Addition(items=[kept], known="renew", after=after))
                elif kept != before and (before is not None or kept.words or kept.text):
                    changed[item.id] = kept
            after = item.id if item.id in self._known else after
        if changed:
            self._add(Addition(items=list(changed.values()), known="renew"))
        for item in items:
            if item.id in self._known:
                self._tapes.keep(item)

    def _add(self, addition: Addition) -> None:
        self._writing.append((self._conversations.add(self._owner, self.conversation, addition), addition))
        self._known |= {item.id: item for item in addition.items}

    def _kept(self, item: Item) -> Kept:
        return Kept(
            id=item.id,
            kind=item.kind,
            role=item.role,
            status=item.status,
            words=item.words,
            text=item.text,
            source=item.source if item.source != item.words else "",
            call_id=item.call_id,
            name=item.name,
            aloud=any(said.aloud for said in item.said),
            timings=self._timings.get(item.id, {}),
            sources=item.sources,
        )
