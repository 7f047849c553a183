"""What can go wrong, by what it leaves behind.

    ReleaseFault
    ├── Refused       nothing has changed (1)
    │   └── Failed    a program that was called failed, or took too long
    ├── RolledBack    the new release was ill, the one before serves again (3)
    └── Stranded      and rolling back failed too: hands are needed (4)

`Interrupted` is a signal: no fault of anything's.
"""

from __future__ import annotations


class ReleaseFault(Exception):
    """Base of all; the message is for the administrator."""

    status, word = 1, "REFUSED"


class Refused(ReleaseFault):
    """Nothing has changed."""


class Failed(Refused):
    """A program ended with another status than 0, or not in time."""


class RolledBack(ReleaseFault):
    """The new release was ill; the one before serves again."""

    status, word = 3, "ROLLED BACK"


class Stranded(ReleaseFault):
    """Neither release serves, or the data are not where they belong."""

    status, word = 4, "HANDS NEEDED"


class Interrupted(BaseException):
    """SIGINT or SIGTERM came."""
