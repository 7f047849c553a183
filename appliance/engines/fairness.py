"""Whose turn it is, where several users want the same engine.

Users take turns, however much each of them wants: a job stands behind as many of everybody's as its own user has before
it (round robin, without any history to keep). One user's jobs stay in the order in which they came.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FIRST_WORDS: Final = 12
"""Tokens until there is a clause that can be spoken: until then somebody hears nothing."""


class Wanted(Protocol):
    """A job, as far as its turn depends on it."""

    @property
    def user(self) -> str:
        """Whose it is."""

    @property
    def rank(self) -> int:
        """Who is listened to first: lower ranks' jobs."""

    @property
    def number(self) -> int:
        """Order of arrival."""


J = TypeVar("J", bound=Wanted)


def in_turn(waiting: Iterable[J], under_way: Sequence[Wanted] = ()) -> list[J]:
    """The jobs that wait, in the order of their turns: by rank, then by how many their user has before them."""
    jobs = sorted(waiting, key=lambda job: (job.rank, job.number))
    before = {rank: Counter(job.user for job in under_way if job.rank <= rank) for rank in {job.rank for job in jobs}}
    placed = []
    for job in jobs:
        placed.append((before[job.rank][job.user], job))
        for rank, counts in before.items():
            if rank >= job.rank:
                counts[job.user] += 1
    return [job for _, job in sorted(placed, key=lambda each: (each[1].rank, each[0], each[1].number))]


def has_room(user: str, users: Sequence[str], room: int) -> bool:
    """Whether a user finds room for one more where `users` have theirs.

    Who has less than their share of it finds some beyond: as much again, for all of them together.
    """
    share = max(1, room // len({user, *users}))
    return len(users) < room or (users.count(user) < share and len(users) < 2 * room)


def by_user(jobs: Iterable[J]) -> list[list[J]]:
    """Jobs together with the others of their user; users and jobs in the given order."""
    users: dict[str, list[J]] = defaultdict(list)
    for job in jobs:
        users[job.user].append(job)
    return list(users.values())


def shares(wants: Sequence[int], room: int) -> list[int]:
    """`room` in equal shares for those who want so much; what one does not need goes to the others.

    If there is less room than there are wants, the first get it. Otherwise, where room is scarce, who wants much would
    wait for ever for those who want little and keep coming.
    """
    given = [0] * len(wants)
    smallest_first = sorted(range(min(room, len(wants))), key=lambda at: wants[at])
    for left, at in zip(range(len(smallest_first), 0, -1), smallest_first, strict=True):
        given[at] = min(wants[at], -(-room // left))
        room -= given[at]
    return given
