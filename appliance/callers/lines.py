"""How many live conversations there are and whose, and the secrets that browsers begin theirs with."""

from __future__ import annotations

import itertools
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio

from appliance.errors import Forbidden, NotFound, Overloaded, RateLimited, Unauthorized
from appliance.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from appliance.callers.caller import Caller

PREFIX: Final = "ek_"
MOST_SECRETS: Final = 1_000
MOST_EACH: Final = 50
"""Secrets of one key; the oldest goes."""


TAKE_OVER_SECONDS: Final = 15.0
"""A reply that is cancelled has both its stages let go of it first, which takes them a step."""

Kind = Literal["live", "turn"]
"""A live conversation, or one spoken turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who speaks now. Nothing else is called by its `id`, and nothing can be reached by it but the line itself."""

    kind: Kind
    caller: Caller
    conversation: str = ""
    """The one that is spoken in, as its client is told."""
    id: str = field(default_factory=lambda: new_id("line"))
    since: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    gone: anyio.Event = field(default_factory=anyio.Event)


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
        self._taken: dict[anyio.CancelScope, Speaker] = {}
        self._sent_away: dict[str, Forbidden] = {}
        """Why speakers are ended who are not gone yet, by their ids."""
        self._secrets: dict[str, tuple[float, Invitation]] = {}

    @contextmanager
    def take(
        self, caller: Caller, kind: Kind, conversation: str = "", *, takes_over: bool = False
    ) -> Iterator[Speaker]:  # fmt: skip
        """One of them, for as long as the block lasts; a key may have `allowance.sessions` of them (0: all).

        `takes_over`: those that `take_over` is going to end count no more.

        Raises `Overloaded` and `RateLimited` at once, and before the block ends `Unauthorized` when the key ends or the
        browser signs out, `Forbidden` when an administrator ends it, its user goes on elsewhere, or the
        conversation is deleted.
        """
        most = caller.allowance.sessions
        speaker = Speaker(kind=kind, caller=caller, conversation=conversation)
        others = [each for each in self._taken.values() if not (takes_over and _same(each, speaker))]
        if most and sum(other.caller.key == caller.key for other in others) >= most:
            raise RateLimited(f"This key may have {most} live conversations and spoken turns at once.", retry_after=10)
        if len(others) >= self._most:
            raise Overloaded(f"The box has {self._most} live conversations and spoken turns already.", retry_after=10)
        with anyio.CancelScope() as scope:
            self._taken[scope] = speaker
            try:
                yield speaker
            finally:
                del self._taken[scope]
                sent_away = self._sent_away.pop(speaker.id, None)
                speaker.gone.set()
        if scope.cancelled_caught:
            if sent_away is not None:
                raise sent_away
            raise Unauthorized("The key has expired or has been revoked, or the browser has signed out.")

    @property
    def most(self) -> int:
        """So many speak at once."""
        return self._most

    @property
    def speakers(self) -> list[Speaker]:
        """Who speaks now, in the order in which they began."""
        return list(self._taken.values())

    @property
    def keys(self) -> set[str]:
        """Ids of the keys of all who speak now."""
        return {speaker.caller.key for speaker in self._taken.values()} - {""}

    def end(self, speaker_id: str) -> Speaker:
        """Have one of them stop, as an administrator wants it. Raises `NotFound`."""
        for scope, speaker in self._taken.items():
            if speaker.id == speaker_id:
                why = Forbidden("An administrator has ended this conversation.", code="session_ended")
                self._send_away(scope, speaker, why)
                return speaker
        raise NotFound(f"Nobody speaks on {speaker_id[:128]!r} any more.", param="session_id")

    async def take_over(self, speaker: Speaker) -> None:
        """Have the lines stop that its user has had in its conversation, until what was said is being written.

        A network that changes leaves a line behind that nobody is told of; what it would do until it is missed must
        not mix with what is said on the next one. Where several take over at once, the last that came stays. Raises
        `Overloaded` where one does not stop.
        """
        earlier = itertools.takewhile(lambda each: each[1] is not speaker, self._taken.items())
        why = Forbidden("The conversation goes on over another connection.", code="session_moved")
        await self._end([(scope, other) for scope, other in earlier if _same(other, speaker)], why)

    async def leave(self, caller: Caller, conversation: str) -> None:
        """Have all of the caller's lines and turns stop in a conversation that is to be deleted, as `take_over` does.

        What one of them wrote later would begin the conversation anew.
        """
        mine = [
            (scope, speaker)
            for scope, speaker in self._taken.items()
            if speaker.conversation == conversation and speaker.caller.owner.user == caller.owner.user
        ]
        await self._end(mine, Forbidden("The conversation was deleted.", code="session_ended"))

    async def _end(self, left: Sequence[tuple[anyio.CancelScope, Speaker]], why: Forbidden) -> None:
        for scope, speaker in left:
            self._send_away(scope, speaker, why)
        with anyio.move_on_after(TAKE_OVER_SECONDS) as waiting:
            for _, speaker in left:
                await speaker.gone.wait()
        if waiting.cancelled_caught:
            raise Overloaded("The conversation's other connection does not end.", retry_after=5)

    def _send_away(self, scope: anyio.CancelScope, speaker: Speaker, why: Forbidden) -> None:
        self._sent_away[speaker.id] = why
        scope.cancel()

    def cut(self, key: str) -> None:
        """End what was begun with a key, and forget the secrets that were."""
        self._cut(lambda caller: caller.key == key)

    def cut_browser(self, sign_in: bytes) -> None:
        """End what a browser began that has signed out."""
        self._cut(lambda caller: caller.sign_in == sign_in)

    def _cut(self, ended: Callable[[Caller], bool]) -> None:
        for scope, speaker in self._taken.items():
            if ended(speaker.caller):
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


def _same(one: Speaker, other: Speaker) -> bool:
    """Whether both are one user's and of one kind, in one conversation."""
    return (
        one.kind == other.kind
        and one.conversation == other.conversation
        and one.caller.owner.user == other.caller.owner.user
    )
