"""The order of a live conversation's events as a state machine: what may come when, and what has to have come before.

It knows nothing of the box but what a client sees.
"""

from __future__ import annotations

from typing import Any

DELTAS = {
    "response.output_audio.delta": "response.output_audio.done",
    "response.output_audio_transcript.delta": "response.output_audio_transcript.done",
    "response.output_text.delta": "response.output_text.done",
    "response.function_call_arguments.delta": "response.function_call_arguments.done",
}
FINAL = {"completed", "cancelled", "failed", "incomplete"}


class Protocol:
    """Feed it every server event; it raises `AssertionError` at the first that is out of order."""

    def __init__(self) -> None:
        self.begun = False
        self.ids: set[str] = set()
        self.items: list[str] = []
        self.open_items: set[str] = set()
        self.speaking: str | None = None
        self.stopped: set[str] = set()
        self.committed: set[str] = set()
        self.texts: dict[str, str] = {}
        self.transcribed: set[str] = set()
        self.responses: dict[str, _Response] = {}

    def check(self, event: dict[str, Any]) -> None:
        """One more event."""
        kind = event["type"]
        assert event["event_id"] not in self.ids, "an id twice"
        self.ids.add(event["event_id"])
        if not self.begun:
            assert kind == "session.created"
            self.begun = True
            return
        assert kind != "session.created"
        if kind.startswith("response."):
            self._response(kind, event)
        elif kind.startswith("input_audio_buffer."):
            self._buffer(kind, event)
        elif kind.startswith("conversation.item.input_audio_transcription."):
            self._transcript(kind, event)
        elif kind.startswith("conversation.item."):
            self._item(kind, event)
        else:
            assert kind in (
                "session.updated", "conversation.created", "rate_limits.updated", "error",
                "output_audio_buffer.cleared",
            ), kind  # fmt: skip

    def _buffer(self, kind: str, event: dict[str, Any]) -> None:
        match kind:
            case "input_audio_buffer.speech_started":
                self.speaking = event["item_id"]
                assert event["audio_start_ms"] >= 0
            case "input_audio_buffer.speech_stopped":
                assert self.speaking == event["item_id"]
                self.speaking = None
                self.stopped.add(event["item_id"])
            case "input_audio_buffer.committed":
                assert event["item_id"] not in self.committed
                assert event.get("previous_item_id") == (self.items[-1] if self.items else None)
                self.committed.add(event["item_id"])
                if self.speaking == event["item_id"]:
                    self.speaking = None
            case "input_audio_buffer.cleared":
                self.speaking = None
            case _:
                assert kind == "input_audio_buffer.timeout_triggered", kind

    def _transcript(self, kind: str, event: dict[str, Any]) -> None:
        item = event["item_id"]
        assert item not in self.transcribed
        match kind.rpartition(".")[2]:
            case "delta":
                assert event["delta"]
                self.texts[item] = self.texts.get(item, "") + event["delta"]
            case "completed" | "failed":
                assert item in self.committed
                self.transcribed.add(item)

    def _item(self, kind: str, event: dict[str, Any]) -> None:
        match kind:
            case "conversation.item.added":
                item = event["item"]["id"]
                assert item not in self.items
                previous = event.get("previous_item_id")
                place = self.items.index(previous) + 1 if previous is not None else 0
                self.items.insert(place, item)
                self.open_items.add(item)
            case "conversation.item.done":
                self.open_items.remove(event["item"]["id"])
            case "conversation.item.deleted":
                self.items.remove(event["item_id"])
                self.open_items.discard(event["item_id"])
            case "conversation.item.truncated":
                assert event["item_id"] in self.items
            case _:
                assert kind == "conversation.item.retrieved", kind

    def _response(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "response.created":
            response = event["response"]
            assert response["id"] not in self.responses
            if response.get("conversation_id") is not None:
                assert not [each for each in self.responses.values() if each.joins and not each.done]
            self.responses[response["id"]] = _Response(joins=response.get("conversation_id") is not None)
            return
        known = self.responses[event["response"]["id"] if kind == "response.done" else event["response_id"]]
        assert not known.done, f"{kind} after response.done"
        known.check(kind, event)

    @property
    def quiet(self) -> bool:
        """Whether every response has ended."""
        return all(each.done for each in self.responses.values())


class _Response:
    def __init__(self, *, joins: bool) -> None:
        self.joins, self.done = joins, False
        self.outputs: list[str] = []
        self.open: set[str] = set()
        self.parts: set[str] = set()
        self.text: dict[tuple[str, str], str] = {}
        self.over: set[tuple[str, str]] = set()

    def check(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "response.done":
            assert not self.open
            assert event["response"]["status"] in FINAL
            assert [item["id"] for item in event["response"]["output"]] == self.outputs
            self.done = True
            return
        if kind == "response.output_item.added":
            assert event["output_index"] == len(self.outputs)
            self.outputs.append(event["item"]["id"])
            self.open.add(event["item"]["id"])
            return
        if kind == "response.output_item.done":
            assert event["item"]["id"] not in self.parts
            self.open.remove(event["item"]["id"])
            return
        item = event["item_id"]
        assert item in self.open
        assert self.outputs[event["output_index"]] == item
        if kind == "response.content_part.added":
            self.parts.add(item)
        elif kind == "response.content_part.done":
            self.parts.remove(item)
        elif kind in DELTAS:
            assert (item, DELTAS[kind]) not in self.over
            assert item in self.parts or "arguments" in kind
            key = (item, DELTAS[kind])
            self.text[key] = self.text.get(key, "") + event["delta"]
        elif kind.endswith(".annotation.added"):
            assert item in self.parts
        else:
            assert kind in DELTAS.values(), kind
            assert (item, kind) not in self.over
            self.over.add((item, kind))
            whole = event.get("transcript", event.get("text", event.get("arguments")))
            if kind != "response.output_audio.done":
                assert whole == self.text.get((item, kind), "")
