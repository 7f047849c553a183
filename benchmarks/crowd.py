"""Many chats at once with a running box, by a client in a process of its own; and the prompts that they have."""

from __future__ import annotations

import itertools
import statistics
from typing import TYPE_CHECKING, Any, Final

import click

from benchmarks.chats import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.talker import Talker

TOPICS: Final = (
    "dogs", "the sea", "old clocks", "mountains", "bread", "trains", "birds", "a garden", "winter", "the moon",
    "music", "a market", "stones", "rivers", "letters", "the forest",
)  # fmt: skip


class Crowd:
    """`ends` are the tokens that would end a reply: none of these replies ends before it is long enough."""

    def __init__(self, port: int, client: Talker, ends: Sequence[int]) -> None:
        self._port, self._client = port, client
        self._endless = {str(token): -100 for token in ends}

    def body(self, messages: list[dict[str, str]], tokens: int) -> dict[str, Any]:
        """A greedy chat of exactly so many tokens."""
        return {"messages": messages, "max_tokens": tokens, "temperature": 0, "logit_bias": self._endless}

    def chats(self, bodies: list[dict[str, Any]], delays: list[float] | None = None) -> list[Stream]:
        """All at once. Raises click's `ClickException` if one is refused."""
        answers = self._client.ask({"port": self._port, "bodies": bodies, "delays": delays})
        streams = [Stream(**answer) for answer in answers]
        for stream in streams:
            if stream.error or not stream.times:
                raise click.ClickException(f"a request of the benchmark failed: {stream.error}")
        return streams


def steady_rate(streams: Sequence[Stream]) -> float:
    """Tokens a second while all streams write: from the last one's first token to the first one's end."""
    begin, end = max(stream.times[0] for stream in streams), min(stream.times[-1] for stream in streams)
    if end <= begin:
        raise click.ClickException("the replies were too short to be written at the same time")
    return sum(
        sum(begin < at <= end for at in stream.times) * stream.tokens / len(stream.times) for stream in streams
    ) / (end - begin)


def rate(streams: Sequence[Stream]) -> float:
    """Tokens a second, the prompts' reading included."""
    return sum(stream.tokens / (stream.times[-1] - stream.sent) for stream in streams)


def gaps(stream: Stream) -> list[float]:
    """Seconds between one token and the next."""
    return [later - at for at, later in itertools.pairwise(stream.times)]


def running_median(values: Sequence[float], reach: int = 25) -> list[float]:
    """Of each value and its neighbours."""
    return [statistics.median(values[max(0, at - reach) : at + reach + 1]) for at in range(len(values))]


def prompt(words: str, system: str | None = None) -> list[dict[str, str]]:
    """What a user says, and what the model was told before."""
    told = [] if system is None else [{"role": "system", "content": system}]
    return [*told, {"role": "user", "content": words}]


def long_text(tokens: int, seed: int) -> str:
    """About so many tokens that no other seed begins with: numbers and short words, a token each or two."""
    words = [TOPICS[(seed * 7 + index * index) % len(TOPICS)] for index in range(tokens // 2)]
    return f"Case {seed}. " + " ".join(words)
