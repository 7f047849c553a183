"""Calling programs: each with a deadline, none outliving us, none hearing of the terminal's end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

from appliance.releases.faults import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from appliance.releases.layout import Account

PR_SET_PDEATHSIG: Final = 1
LAST_LINES: Final = 8
"""Of a program that failed: as many are told."""
KEPT: Final = ("PATH", "LANG", "TMPDIR")
END_SECONDS: Final = 10.0
"""For one that is killed to be gone; where we may not kill it, as in a sandbox, it is left to itself."""
LIBC: Final = ctypes.CDLL(None)


def run(
    command: Sequence[str | Path], seconds: float, *, account: Account | None = None, stdin: bytes = b"",
    env: Mapping[str, str] | None = None, pass_fds: Sequence[int] = (), any_status: bool = False,
) -> str:  # fmt: skip
    """What the program printed on stdout. Raises `Failed` with its last lines, or after `seconds`."""
    name = " ".join(map(str, command[:3]))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        try:
            child = subprocess.Popen(
                [str(word) for word in command], stdin=given, stdout=out, stderr=err, cwd="/", pass_fds=pass_fds,
                env={**{name: os.environ[name] for name in KEPT if name in os.environ}, **(env or {})},
                user=None if account is None else account.user, group=None if account is None else account.group,
                extra_groups=None if account is None else [], start_new_session=True, preexec_fn=_end_with_us,
            )  # fmt: skip
        except OSError as error:
            raise Failed(f"{name}: cannot be started: {error.strerror}") from error
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{name}: not done within {seconds:.0f} s{_last(out, err)}") from None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                child.wait(END_SECONDS)
        if status and not any_status:
            how = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
            raise Failed(f"{name}: {how}{_last(out, err)}")
        out.seek(0)
        return out.read().decode(errors="replace")


def _end_with_us() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _last(*files: IO[bytes]) -> str:
    lines: list[str] = []
    for file in files:
        file.seek(0)
        lines += file.read().decode(errors="replace").splitlines()
    told = [line.rstrip() for line in lines if line.strip()][-LAST_LINES:]
    return "".join(f"\n    {line}" for line in told)
