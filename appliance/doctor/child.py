"""Other programs that are asked: each with a deadline, none with a shell, and no words of theirs in our errors."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_CHARACTERS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended and what it wrote."""

    code: int
    out: str
    err: str = ""


class Unanswered(Exception):
    """There is no answer; the message says why."""


class Absent(Unanswered):
    """There is no such program here."""


class Forbidden(Unanswered):
    """It is not for this user to run."""


def ask(command: Sequence[str], seconds: float) -> Answer:
    """Run a program to its end. Raises `Absent`, `Forbidden`, or `Unanswered` after `seconds`."""
    name = command[0].rpartition("/")[2]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            check=False,
        )
    except FileNotFoundError as error:
        raise Absent(f"there is no {name} here") from error
    except subprocess.TimeoutExpired as error:
        raise Unanswered(f"{name} gave no answer within {seconds:g} s") from error
    except PermissionError as error:
        if shutil.which(command[0], os.F_OK) is None:  # a folder of the path may not be looked into
            raise Absent(f"there is no {name} here") from error
        raise Forbidden(f"{name} may not be run by this user") from error
    except OSError as error:
        raise Unanswered(f"{name} cannot be run: {error.strerror}") from error
    out, err = (text[:MOST_CHARACTERS].decode(errors="replace") for text in (done.stdout, done.stderr))
    return Answer(done.returncode, out, err)


class Ask(Protocol):
    """Whoever can run a program; tests give answers of their own."""

    def __call__(self, command: Sequence[str], seconds: float, /) -> Answer:
        """As `ask`."""
