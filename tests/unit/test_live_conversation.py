"""Items of a live conversation, and what the model is told of them."""

from __future__ import annotations

import pytest

from appliance.dialogue.heard import Spoken
from appliance.dialogue.prompt import messages
from appliance.errors import NotFound, RequestError
from appliance.jobs import Mark, Message, ToolCall
from appliance.voice.live import conversation as module
from appliance.voice.live.conduct import Style
from appliance.voice.live.conversation import Conversation, Item, Said
from appliance.voice.live.telling import Telling, leave_out


def said(item_id: str, text: str | None, role: module.Role = "user") -> Item:
    return Item(item_id, role=role, said=[Said(text=text)])


def test_places() -> None:
    talk = Conversation()
    for item_id, after in (("b", None), ("a", "root"), ("d", None), ("c", "b")):
        talk.add(said(item_id, "x"), after)
    assert [item.id for item in talk] == ["a", "b", "c", "d"]
    assert talk.previous("a") is None
    assert talk.previous("c") == "b"
    with pytest.raises(RequestError, match="already"):
        talk.add(said("a", "x"))
    with pytest.raises(NotFound, match="'z'"):
        talk.add(said("e", "x"), "z")
    talk.remove("b")
    with pytest.raises(NotFound):
        talk.remove("b")
    assert "b" not in talk
    assert len(talk) == 3


def test_the_oldest_go_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ITEMS", 2)
    talk = Conversation()
    assert [talk.add(said(item_id, "x")) for item_id in "abcd"] == [[], [], ["a"], ["b"]]
    assert talk.last == "d"


def test_audio_is_forgotten_before_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AUDIO_BYTES", 10)
    talk = Conversation()
    for item_id in "abc":
        talk.add(Item(item_id, said=[Said(text="word" if item_id != "b" else None, audio=bytes(8), aloud=True)]))
    kept = {item.id: item.said[0].audio is not None for item in talk}
    assert kept == {"a": False, "b": True, "c": True}  # what is not understood yet stays
    assert talk.get("b").unheard


def test_what_the_model_is_told() -> None:
    items = [
        said("1", "hi"),
        said("2", None),
        said("3", "", "assistant"),
        Item("4", "function_call", "assistant", call_id="c", name="look", text='{"a":1}'),
        Item("5", "function_call", "assistant", "incomplete", call_id="d", name="look", text='{"a'),
        Item("6", "function_call_output", call_id="c", text="seen"),
        Item("7", "function_call_output", call_id="d", text="for nobody"),
    ]
    assert messages("Be kind.", items, set()) == [
        Message("system", "Be kind."),
        Message("user", "hi"),
        Message("assistant", "", tool_calls=[ToolCall("c", "look", '{"a":1}')]),
        Message("tool", "seen", tool_call_id="c"),
    ]


def test_a_cut_message_says_what_was_heard() -> None:
    spoken = Spoken()
    spoken.clause("One two three.", "One two three.")
    spoken.audio(36_000, [Mark(0, 3, 12_000), Mark(4, 7, 24_000), Mark(8, 14, 36_000)])
    item = Item("a", role="assistant", said=[Said(text="One two three.", aloud=True)], spoken=spoken, sent_ms=1200)
    assert item.cut(600) == 600
    assert item.words == "One"
    assert item.cut(5000) == 1200
    assert item.words == "One two"


def test_a_prompt_that_is_too_long_loses_its_oldest_messages() -> None:
    items = [
        said("rules", "s" * 10, "system"),
        said("first", "u" * 100),
        Item("call", "function_call", "assistant", call_id="c", name="f", text="{}"),
        Item("output", "function_call_output", call_id="c", text="t" * 10),
        said("answer", "a" * 10, "assistant"),
        said("noise", ""),
        said("second", "u" * 20),
        said("last", "last"),
    ]
    left_out: set[str] = set()
    assert leave_out(items, left_out, 0.9, more=False)
    assert left_out == {"first", "call", "output", "answer", "noise"}  # what stays begins with a question
    assert messages("", items, left_out) == [
        Message("system", "s" * 10), Message("user", "u" * 20), Message("user", "last"),
    ]  # fmt: skip
    assert leave_out(items, left_out, 0.1, more=False)
    assert left_out == {item.id for item in items} - {"rules", "last"}
    assert not leave_out(items, left_out, 0.1, more=False)
    assert leave_out(items, left_out, 0.1, more=True)
    assert "last" in left_out


def test_a_telling_gets_shorter_until_nothing_can_go() -> None:
    items, left_out = [said("a", "x" * 50), said("b", "y" * 50)], set[str]()
    telling = Telling(items, left_out, Style(max_tokens=40), 0.8)
    assert telling.generate().room == 40
    assert telling.shorten()
    assert [message.content for message in telling.generate().messages] == ["y" * 50]
    assert telling.shorten()
    assert telling.generate().room == 0  # better a short reply than none
    assert not telling.shorten()
    assert not left_out  # for this reply alone, until there is one
    telling.succeeded()
    assert not Telling(items, set(), Style(), None).shorten()
    assert [message.content for message in Telling(items, left_out, Style(), 0.8).generate().messages] == ["y" * 50]
