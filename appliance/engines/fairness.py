"""Whose turn it is, where several users want the same engine.

Users take turns, however much each of them wants: a job stands behind as many of everybody's as its own user has before
it (round robin, without any history to keep). One user's jobs stay in the order in which they came.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


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
    return [job for _, job in rounds(waiting, under_way)]


def rounds(
    waiting: Iterable[J], under_way: Sequence[Wanted] = (), *, lowest: int = 0
) -> list[tuple[int, J]]:  # fmt: skip
    """As `in_turn`, each job with its round: how many jobs of its user, of this rank or above, go before it.

    All ranks down to `lowest` count as one between users; each user's own jobs keep to them.
    """

    def rank(job: Wanted) -> int:
        return max(job.rank, lowest)

    jobs = sorted(waiting, key=lambda job: (job.rank, job.number))
    before: dict[int, Counter[str]] = {
        known: Counter(job.user for job in under_way if rank(job) <= known) for known in {rank(job) for job in jobs}
    }
    placed = []
    for job in jobs:
        placed.append((before[rank(job)][job.user], job))
        for known, counts in before.items():
            if known >= rank(job):
                counts[job.user] += 1
    return sorted(placed, key=lambda each: (rank(each[1]), each[0], each[1].rank, each[1].number))


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
