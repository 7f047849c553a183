"""How many live conversations there are, and the secrets that browsers begin theirs with."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from appliance.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.web.realtime.wire_session import SessionBody

PREFIX: Final = "ek_"
MOST_SECRETS: Final = 1_000


class Lines:
    """At most `most` conversations at once."""

    def __init__(self, most: int) -> None:
        self._most, self._taken = most, 0
        self._secrets: dict[str, tuple[float, SessionBody]] = {}

    @contextmanager
    def take(self) -> Iterator[None]:
        """One of them, for as long as the block lasts. Raises `Overloaded`."""
        if self._taken >= self._most:
            raise Overloaded(f"The box has {self._most} live conversations and spoken turns already.", retry_after=10)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    def invite(self, session: SessionBody, seconds: int) -> tuple[str, int]:
        """A secret that begins a conversation like `session`, and the Unix time at which it ends."""
        now = time.time()
        for secret in [secret for secret, (until, _) in self._secrets.items() if until < now]:
            del self._secrets[secret]
        while len(self._secrets) >= MOST_SECRETS:
            del self._secrets[next(iter(self._secrets))]
        secret, until = PREFIX + secrets.token_hex(24), now + seconds
        self._secrets[secret] = until, session
        return secret, int(until)

    def invited(self, secret: str) -> SessionBody | None:
        """What a secret was made for; None if there is no such secret any more."""
        until, session = self._secrets.get(secret, (0.0, None))
        return session if until >= time.time() else None
