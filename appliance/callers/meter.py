"""What one key has used, and what it may still use: the limits of users and admins, or of the key itself.

Requests a minute are a bucket that is filled evenly. What is counted by the day starts anew at midnight, UTC.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance import metrics
from appliance.errors import RateLimited
from appliance.settings import Allowance
from appliance.store.database import DAY_MS, now_ms
from appliance.store.usage import Amount, day_of

if TYPE_CHECKING:
    from appliance.callers.caller import Caller
    from appliance.store.usage import Usage

MINUTE: Final = 60.0
MOST_METERS: Final = 20_000
"""More than there can be keys."""


@dataclass(slots=True)
class Meter:
    """Of one key. `role` and `user` are its owner's; `note` writes down what is used."""

    role: str = "admin"
    allowance: Allowance = field(default_factory=Allowance)
    note: Callable[[str, Amount], None] = lambda _day, _amount: None
    used: Amount = field(default_factory=Amount)
    """Of `day`."""
    day: str = ""
    at_once: int = 0
    _left: float = 0.0
    _filled_ms: int = 0

    def enter(self) -> None:
        """A request begins. Raises `RateLimited`."""
        most, left = self.allowance.requests_minute, self._fill()
        if self.allowance.requests_at_once and self.at_once >= self.allowance.requests_at_once:
            self._refuse("requests at once", f"{self.allowance.requests_at_once} requests at once", 1)
        if most:
            if left < 1:
                self._refuse("requests", f"{most} requests a minute", math.ceil((1 - left) * MINUTE / most))
            self._left -= 1
        self.at_once += 1
        self.count(Amount(requests=1))

    def leave(self) -> None:
        """A request is over."""
        self.at_once -= 1

    def check_tokens(self) -> None:
        """Raise `RateLimited` where no tokens are left today."""
        self._check("tokens", self.allowance.tokens_day, self._today().tokens, "tokens")

    def check_audio(self) -> None:
        """Raise `RateLimited` where no audio is left today."""
        used = self._today().audio_seconds
        self._check("audio", self.allowance.audio_seconds_day, used, "seconds of audio")

    def check_documents(self) -> None:
        """Raise `RateLimited` where no documents are left today."""
        self._check("documents", self.allowance.documents_day, self._today().documents, "documents")

    def _check(self, limit: str, most: int, used: float, what: str) -> None:
        if most and used >= most:
            self._refuse(limit, f"{most} {what} a day", seconds_of_day())

    def count(self, amount: Amount) -> None:
        """So much was used."""
        self.used = self._today() + amount
        self.note(self.day, amount)
        metrics.USED_TOKENS.labels(self.role).inc(amount.tokens)
        metrics.USED_AUDIO.labels(self.role, "heard").inc(amount.heard_ms / 1000)
        metrics.USED_AUDIO.labels(self.role, "spoken").inc(amount.spoken_ms / 1000)

    def headers(self) -> dict[str, str]:
        """What is left, in OpenAI's headers. Tokens are the day's."""
        told: dict[str, str] = {}
        if most := self.allowance.requests_minute:
            left = self._fill()
            told |= _header("requests", most, int(left), (most - left) * MINUTE / most)
        if most := self.allowance.tokens_day:
            told |= _header("tokens", most, max(0, most - self._today().tokens), seconds_of_day())
        return told

    def _fill(self) -> float:
        """Let into the bucket what has come since the last time; the requests that are left in it."""
        most, now = self.allowance.requests_minute, now_ms()
        elapsed = (now - self._filled_ms) / 1000
        self._left = min(float(most), self._left + elapsed * most / MINUTE) if self._filled_ms else float(most)
        self._filled_ms = now
        return self._left

    def _today(self) -> Amount:
        if (day := day_of(now_ms())) != self.day:
            self.day, self.used = day, Amount()
        return self.used

    def _refuse(self, limit: str, words: str, seconds: int) -> None:
        metrics.LIMITED.labels(limit, self.role).inc()
        raise RateLimited(f"This key may use {words}.", retry_after=max(1, seconds))


class Meters:
    """The meters of all keys that were used since the start."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage
        self._meters: dict[str, Meter] = {}

    async def of(self, caller: Caller) -> Meter:
        """The caller's."""
        meter = self._meters.get(caller.key)
        if meter is None:
            day = day_of(now_ms())
            used = await self._usage.of(caller.key, day)
            while len(self._meters) >= MOST_METERS:
                del self._meters[next(iter(self._meters))]
            key, user = caller.key, caller.owner.user
            meter = self._meters.setdefault(
                key,
                Meter(
                    caller.owner.role, used=used, day=day,
                    note=lambda day, amount: self._usage.note(day, key, user, amount),
                ),
            )  # fmt: skip
        meter.allowance = caller.allowance
        return meter


def seconds_of_day() -> int:
    """Left until midnight, UTC."""
    return math.ceil((DAY_MS - now_ms() % DAY_MS) / 1000)


def _header(name: str, most: int, left: int, seconds: float) -> dict[str, str]:
    start = "x-ratelimit"
    return {
        f"{start}-limit-{name}": str(most),
        f"{start}-remaining-{name}": str(left),
        f"{start}-reset-{name}": f"{max(0.0, seconds):.0f}s",
    }
