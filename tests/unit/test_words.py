"""Where the words of a text are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dialogue.words import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello, world – (yes) 1,000.", ["Hello,", "world", "(yes)", "1,000."]),
        ("don't … a", ["don't", "a"]),
        ("你好。我是GPT 4吗？", ["你", "好。", "我", "是", "GPT", "4", "吗？"]),
        ("「你好」", ["「你", "好」"]),
        ("コーヒー", ["コー", "ヒー"]),
        ("วันนี้เป็น", ["วั", "น", "นี้", "เป็", "น"]),
        ("नमस्ते जी", ["नमस्ते", "जी"]),
        ("*** …", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in words(text)] == found


@given(st.text(alphabet=st.one_of(st.sampled_from("ab1 .,你好。เป็น"), st.characters(codec="utf-8")), max_size=60))
def test_words_are_in_order_and_have_every_letter(text: str) -> None:
    found = words(text)
    assert all(start < end for start, end in found)
    assert all(before[1] <= after[0] for before, after in pairwise(found))
    inside = "".join(text[start:end] for start, end in found)
    assert [c for c in inside if c.isalnum()] == [c for c in text if c.isalnum()]
