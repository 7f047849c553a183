"""Guesses from the text itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.engines.llama.lookup import LONGEST, SHORTEST, PromptLookup

if TYPE_CHECKING:
    from collections.abc import Sequence


def slowly(tokens: Sequence[int], most: int) -> list[int]:
    """What followed the latest earlier occurrence of the longest end that occurs again."""
    for length in range(LONGEST, SHORTEST - 1, -1):
        for begin in range(len(tokens) - length - 1, -1, -1):
            if tokens[begin : begin + length] == tokens[len(tokens) - length :]:
                return list(tokens[begin + length : begin + length + most])
    return []


def guess(tokens: Sequence[int], most: int = 3) -> list[int]:
    return list(PromptLookup(4).guess(tokens, most))


def test_what_followed_last_time_is_guessed() -> None:
    assert guess([1, 2, 3, 9, 5, 1, 2]) == [3, 9, 5]


def test_the_latest_of_the_longest_matches_counts() -> None:
    assert guess([7, 8, 1, 7, 8, 2, 5, 7, 8], 1) == [2]
    assert guess([6, 7, 8, 1, 5, 7, 8, 2, 6, 7, 8], 1) == [1]


def test_one_token_alone_says_nothing() -> None:
    assert guess([1, 2, 3, 1]) == []
    assert guess([1, 2]) == []
    assert guess([]) == []


def test_a_text_that_repeats_itself_goes_on_to_do_so() -> None:
    assert guess([4, 4, 4, 4]) == [4]


def test_no_more_is_guessed_than_asked_for_or_than_it_ever_guesses() -> None:
    text = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2]
    assert guess(text, 2) == [3, 4]
    assert guess(text, 9) == [3, 4, 5, 6]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([0, 1, 256, 65_536, 1 << 24, 16_777_217]), max_size=40), st.integers(1, 4))
@example([0, 0, 256, 1, 0, 0], 2)  # the same bytes also stand across the borders of tokens
def test_it_finds_what_a_plain_search_finds(tokens: list[int], most: int) -> None:
    assert guess(tokens, most) == slowly(tokens, most)
