"""What is thought of an answer to the spoken self-test. Its words are in nothing that is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from appliance.audio import read_wav, seconds
from appliance.probing.wrong_words import error_rate, words

Outcome = Literal["ok", "wrong", "silent", "busy"]
"""`silent`: there was no answer, or no whole one. `busy`: the box had no room for one more, and that is no fault."""

SPOKEN: Final = ("good", "morning")
"""The words in the recording `appliance/probe.flac`."""
MOST_WRONG: Final = 0.5
"""Word error rate at which the recording was not heard: one of its two words."""
MOST_WRONG_REPLY: Final = 0.6
"""The same of the reply. Small models and voices mumble names and numbers, and a rate of 1 has nothing in common."""
LEAST_SECONDS: Final = 0.2
LEAST_PEAK: Final = 1000
"""Of 32767: softer audio is silence."""


class Wrong(Exception):
    """The answer is not what it has to be; the message says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a self-test went."""

    outcome: Outcome
    reason: str
    """In one sentence; empty if all is well."""
    seconds: float
    """Until the answer, with the time for judging it, was complete."""
    wrong_words: float | None = None
    """Word error rate of what the box heard, if it heard anything."""
    wrong_reply_words: float | None = None
    """Word error rate between the reply's words and what is heard in its audio."""
    not_judged: str = ""
    """What was left out, and why; empty if nothing was."""


def heard(transcript: str) -> float:
    """Word error rate of the box's transcript. Raises `Wrong` above `MOST_WRONG`."""
    rate = error_rate(SPOKEN, words(transcript))
    return _bounded(rate, MOST_WRONG, "what was said was not heard")


def audible(audio: bytes) -> None:
    """Whether a WAV file holds something to hear. Raises `Wrong`."""
    try:
        pcm, rate = read_wav(audio)
    except (ValueError, EOFError, OSError) as error:
        raise Wrong("the reply's audio is no WAV file") from error
    if seconds(pcm, rate) < LEAST_SECONDS:
        raise Wrong(f"the reply's audio is shorter than {LEAST_SECONDS:g} s")
    samples = memoryview(pcm).cast("h")
    if max(samples) < LEAST_PEAK and min(samples) > -LEAST_PEAK:
        raise Wrong("the reply's audio is silent")


def worded(text: str) -> None:
    """Whether a reply has words. Raises `Wrong`."""
    if not words(text):
        raise Wrong("the reply has no words")


def understood(text: str, transcript: str) -> float:
    """Word error rate of what was heard in a reply's audio. Raises `Wrong` above `MOST_WRONG_REPLY`."""
    rate = error_rate(words(text), words(transcript))
    return _bounded(rate, MOST_WRONG_REPLY, "the reply's audio does not say its words")


def _bounded(rate: float, most: float, what: str) -> float:
    if rate > most:
        raise Wrong(f"{what}: word error rate {rate:.2f}, at most {most:g}")
    return rate
