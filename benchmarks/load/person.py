"""Somebody who uses the box again and again: what all kinds of them share."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests
import websocket
from locust import User

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_SECONDS = 30.0
"""What has not begun to be answered by then is a failure."""
MOST_OUTPUT_TOKENS = 60


class BoxError(Exception):
    """The box refused, or did not answer; the message is a code or a kind, and never what was said."""


@dataclass
class Setup:
    """What the command line says, and what came of it."""

    key: str | None = None
    files: list[bytes] = field(default_factory=list)
    """What is said, as WAV."""
    pcm: list[bytes] = field(default_factory=list)
    """The same as mono 16-bit samples at `RATE`."""
    late: float = 0.0
    """The latest that a microphone was, in seconds."""


SETUP = Setup()


def headers() -> dict[str, str]:
    """Who asks."""
    return {"authorization": f"Bearer {SETUP.key}"} if SETUP.key else {}


def checked(answer: requests.Response) -> requests.Response:
    if answer.status_code != 200:
        raise BoxError(f"status {answer.status_code}")
    return answer


class Person(User):
    """Somebody who uses the box again and again, and thinks in between."""

    abstract = True
    numbers = itertools.count()

    def on_start(self) -> None:
        """They are different from each other."""
        self.number = next(self.numbers)
        self.chance = random.Random(self.number)  # noqa: S311 - a rhythm is no secret
        self.turns = self.number

    def wait_time(self) -> float:
        """Seconds that they think."""
        return float(self.environment.parsed_options.think) * (0.5 + self.chance.random())

    def next_of(self, sounds: list[bytes]) -> bytes:
        """What they say."""
        self.turns += 1
        return sounds[self.turns % len(sounds)]

    def told(self, kind: str, name: str, seconds: float, size: int = 0, error: Exception | None = None) -> None:
        """One thing that was asked, for Locust's statistics."""
        self.environment.events.request.fire(
            request_type=kind, name=name, response_time=1000 * seconds, response_length=size, exception=error,
            context={},
        )  # fmt: skip

    def timed(self, kind: str, name: str, ask: Callable[[], tuple[float, int]]) -> None:
        """Ask, and tell how long the beginning of the answer took."""
        began = time.perf_counter()
        try:
            seconds, size = ask()
        except (BoxError, requests.RequestException, websocket.WebSocketException, OSError) as error:
            self.told(kind, name, time.perf_counter() - began, error=_kind(error))
        else:
            self.told(kind, name, seconds, size)


def _kind(error: Exception) -> BoxError:
    """Without addresses and words."""
    if isinstance(error, websocket.WebSocketBadStatusException):
        return BoxError(f"status {error.status_code}")
    return error if isinstance(error, BoxError) else BoxError(type(error).__name__)
