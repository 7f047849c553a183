"""A reply's text taken apart: the same parts however it comes in pieces."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.engines.llama.sections import Sections
from appliance.engines.llama.tools import as_text
from appliance.jobs import Arguments, Called, Thought, Token, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.engines.llama.sections import Section

NESTED = '{"a": {"b": {}}, "c": [{}, {"d": "}</tool_call>"}]}'


def call(name: str = "weather", arguments: str = "{}") -> str:
    return as_text(ToolCall("", name, arguments))


def joined(parts: Iterable[Section]) -> list[tuple[str, str]]:
    """Neighbours of one kind as one."""
    whole: list[tuple[str, str]] = []
    for part in parts:
        text = part.name if isinstance(part, Called) else part.text
        kind = type(part).__name__
        if whole and whole[-1][0] == kind and kind != "Called":
            whole[-1] = kind, whole[-1][1] + text
        else:
            whole.append((kind, text))
    return whole


def read(
    pieces: Iterable[str], *, thinking: bool = False, thinks: bool = False, calls: bool = True
) -> Sequence[Section]:
    sections = Sections(thinking=thinking, thinks=thinks, calls=calls)
    parts: list[Section] = []
    for piece in pieces:
        parts += sections.feed(piece)
    parts += sections.finish()
    assert all(part.text for part in parts if not isinstance(part, Called))
    return parts


REPLIES = {
    "words": ("Hello\n\nyou \n", False, [("Token", "Hello\n\nyou \n")]),
    "nothing": ("", False, []),
    "blank": ("\n \n", False, [("Token", "\n \n")]),
    "a thought": ("<think>\nHm.\n</think>\n\nYes\nno.", True, [("Thought", "Hm.\n"), ("Token", "Yes\nno.")]),
    "a thought after blanks": (" \n<think>Hm.</think>Yes.", True, [("Thought", "Hm."), ("Token", "Yes.")]),
    "no thought": ("\n<thin ice>", True, [("Token", "<thin ice>")]),
    "an empty thought": ("<think>\n\n</think>\n\nYes.", True, [("Token", "Yes.")]),
    "a thought cut off": ("<think>Hm.</thin", True, [("Thought", "Hm.</thin")]),
    "a mark that is not meant": (
        "I <think> so </think> <tool_ca",
        False,
        [("Token", "I <think> so </think> <tool_ca")],
    ),
    "a call": (call(), False, [("Called", "weather"), ("Arguments", "{}")]),
    "words and a call": ("Wait.\n\n" + call(), False, [("Token", "Wait."), ("Called", "weather"), ("Arguments", "{}")]),
    "a thought and a call": (
        f"<think>\nHm.</think>\n\n{call(arguments=NESTED)}\n",
        True,
        [("Thought", "Hm."), ("Called", "weather"), ("Arguments", NESTED)],
    ),
    "calls": (
        f"{call()}\n{call('time', NESTED)}\n",
        False,
        [("Called", "weather"), ("Arguments", "{}"), ("Called", "time"), ("Arguments", NESTED)],
    ),
    "words after a call": (
        f"{call()}\nOne\n\ntwo\n{call('time')}\n  three\n",
        False,
        [
            *[("Called", "weather"), ("Arguments", "{}"), ("Token", "One\n\ntwo")],
            *[("Called", "time"), ("Arguments", "{}"), ("Token", "three")],
        ],
    ),
    "a call cut off in its arguments": (
        call(arguments='{"a": {"b": 1}}')[:-14],
        False,
        [("Called", "weather"), ("Arguments", '{"a": {"b": 1}')],
    ),
    "a call cut off in its name": ('Hm.\n<tool_call>\n{"name": "wea', False, [("Token", "Hm.")]),
    "a name with quotes": (call('we"a\\ther'), False, [("Called", 'we"a\\ther'), ("Arguments", "{}")]),
    "nearly a call": ("a <tool_cal> <<tool_call b", False, [("Token", "a <tool_cal> <<tool_call b")]),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_has_the_same_parts_wherever_it_is_cut(name: str) -> None:
    text, thinks, expected = REPLIES[name]
    assert joined(read([text], thinks=thinks)) == expected
    assert joined(read(text, thinks=thinks)) == expected
    for first in range(len(text) + 1):
        assert joined(read([text[:first], text[first:]], thinks=thinks)) == expected


marks = st.sampled_from(["<think>", "</think>", "<tool_call>", "</tool_call>", "\n", " ", "}", "{", '"', "a", call()])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    text=st.lists(marks, max_size=12).map("".join),
    cuts=st.lists(st.integers(0, 200), max_size=6),
    thinking=st.booleans(),
    thinks=st.booleans(),
    calls=st.booleans(),
)
@example(text=f"{call()}\na\n\nb", cuts=[54], thinking=False, thinks=False, calls=True)
def test_any_text_has_the_same_parts_wherever_it_is_cut(
    text: str, cuts: list[int], thinking: bool, thinks: bool, calls: bool
) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[begin:end] for begin, end in pairwise(places)]
    whole = read([text], thinking=thinking, thinks=thinks, calls=calls)
    assert joined(read(pieces, thinking=thinking, thinks=thinks, calls=calls)) == joined(whole)
    if not (thinking or thinks or calls):
        assert joined(whole) == ([("Token", text)] if text else [])


def test_a_reply_that_begins_inside_a_thought() -> None:
    sections = Sections(thinking=True, thinks=True, calls=False)
    before = sections.thinking
    assert sections.feed("\nHm.</think>\n") == [Thought(text="Hm.")]
    assert (before, sections.thinking) == (True, False)
    assert sections.feed("\nYes.") == [Token(text="Yes.")]


def test_what_is_certain_leaves_at_once() -> None:
    sections = Sections(thinking=False, thinks=False, calls=True)
    assert sections.feed("Hello <") == [Token(text="Hello ")]
    assert sections.feed("b> <tool_call>\n") == [Token(text="<b> ")]
    assert sections.feed('{"name": "weather", "argum') == []
    (called,) = sections.feed('ents": ')
    assert isinstance(called, Called)
    assert (called.index, called.name) == (0, "weather")
    assert sections.feed('{"city": "U') == [Arguments(index=0, text='{"city": "U')]
    assert sections.feed('lm"}}') == [Arguments(index=0, text='lm"}')]
    assert sections.called == 0
    assert sections.feed("\n</tool_call>") == []
    assert sections.called == 1


def test_calls_have_numbers_and_ids_of_their_own() -> None:
    parts = read([f"{call()}\n{call(arguments=NESTED)}"])
    called = [part for part in parts if isinstance(part, Called)]
    assert [part.index for part in called] == [0, 1]
    assert called[0].id != called[1].id
    assert [part.index for part in parts if isinstance(part, Arguments)] == [0, 1]


def test_without_calls_their_marks_are_words() -> None:
    assert joined(read([call()], calls=False)) == [("Token", call())]


@pytest.mark.parametrize("thought", ["", "<think>Hm.</think>\n\n"])
def test_in_a_reply_of_a_form_a_call_comes_first_or_not_at_all(thought: str) -> None:
    def reply(text: str) -> list[Section]:
        sections = Sections(thinking=False, thinks=True, calls=True, formed=True)
        return [each for letter in thought + text for each in sections.feed(letter)] + sections.finish()

    text = '{"markup": "<tool_call> here"}'
    assert "".join(part.text for part in reply(text) if isinstance(part, Token)) == text
    made = reply(f"{call()}\n{call()}")
    assert sum(isinstance(part, Called) for part in made) == 2
    assert not [part for part in made if isinstance(part, Token)]
