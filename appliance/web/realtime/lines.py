"""How many live conversations there are and whose, and the secrets that browsers begin theirs with."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio

from appliance.errors import Overloaded, RateLimited, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from appliance.web.identity.caller import Caller

PREFIX: Final = "ek_"
MOST_SECRETS: Final = 1_000
MOST_EACH: Final = 50
"""Secrets of one key; the oldest goes."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a secret was made for, and by whom."""

    session: Mapping[str, Any]
    """What of it was asked for, as the client wrote it."""
    caller: Caller
    conversation: str | None = None
    """The only one that may be gone on from."""


class Lines:
    """At most `most` conversations at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: dict[anyio.CancelScope, Caller] = {}
        self._secrets: dict[str, tuple[float, Invitation]] = {}

    @contextmanager
    def take(self, caller: Caller) -> Iterator[None]:
        """One of them, for as long as the block lasts; a key may have `allowance.sessions` of them (0: all).

        Raises `Overloaded` and `RateLimited` at once, and `Unauthorized` when the key ends, or the browser signs out,
        before the block does.
        """
        most = caller.allowance.sessions
        if most and sum(other.key == caller.key for other in self._taken.values()) >= most:
            raise RateLimited(f"This key may have {most} live conversations and spoken turns at once.", retry_after=10)
        if len(self._taken) >= self._most:
            raise Overloaded(f"The box has {self._most} live conversations and spoken turns already.", retry_after=10)
        with anyio.CancelScope() as scope:
            self._taken[scope] = caller
            try:
                yield
            finally:
                del self._taken[scope]
        if scope.cancelled_caught:
            raise Unauthorized("The key has expired or has been revoked, or the browser has signed out.")

    @property
    def keys(self) -> set[str]:
        """Ids of the keys of all who speak now."""
        return {caller.key for caller in self._taken.values()} - {""}

    def cut(self, key: str) -> None:
        """End what was begun with a key, and forget the secrets that were."""
        self._cut(lambda caller: caller.key == key)

    def cut_browser(self, sign_in: bytes) -> None:
        """End what a browser began that has signed out."""
        self._cut(lambda caller: caller.sign_in == sign_in)

    def _cut(self, ended: Callable[[Caller], bool]) -> None:
        for scope, caller in self._taken.items():
            if ended(caller):
                scope.cancel()
        self._secrets = {text: kept for text, kept in self._secrets.items() if not ended(kept[1].caller)}

    def invite(self, invitation: Invitation, seconds: int) -> tuple[str, int]:
        """A secret that begins such conversations, and the Unix time at which it ends."""
        now = time.time()
        for secret in [secret for secret, (until, _) in self._secrets.items() if until < now]:
            del self._secrets[secret]
        mine = [secret for secret, (_, kept) in self._secrets.items() if kept.caller.key == invitation.caller.key]
        for secret in mine[: max(0, len(mine) - MOST_EACH + 1)]:
            del self._secrets[secret]
        while len(self._secrets) >= MOST_SECRETS:
            del self._secrets[next(iter(self._secrets))]
        secret, until = PREFIX + secrets.token_hex(24), now + seconds
        self._secrets[secret] = until, invitation
        return secret, int(until)

    def invited(self, secret: str) -> Invitation | None:
        """What a secret was made for; None if there is no such secret any more."""
        until, invitation = self._secrets.get(secret, (0.0, None))
        return invitation if until >= time.time() else None
