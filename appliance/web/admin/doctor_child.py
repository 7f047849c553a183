"""`appliance doctor` in a process of its own, which looks at this very box and ends with whoever called it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import anyio
import msgspec

from appliance import logs
from appliance.errors import DeadlineExceeded, InternalError, Overloaded
from appliance.settings import PREFIX
from appliance.web.admin.running import COMMAND as APPLIANCE
from appliance.web.admin.running import keep_last, place_in, running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.settings import Settings

log = logs.logger(__name__)

COMMAND: Final = (*APPLIANCE, "doctor", "--json")
SECONDS: Final = 150.0
"""More than the doctor gives the longest of the checks, which is the spoken turn."""
MOST_BYTES: Final = 1_000_000

Outcome = Literal["fault", "warning", "note", "ok", "skipped"]


class DoctorCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check: names stay what they are, `seen` and `do` are sentences for people, `do` may be empty."""

    name: str
    outcome: Outcome
    seen: str
    do: str


class DoctorPage(msgspec.Struct, frozen=True, kw_only=True):
    """What `appliance doctor --json` prints: the worst outcome there is, and the checks, worst first."""

    format: int
    appliance: str
    at: str
    deep: bool
    outcome: Outcome
    checks: list[DoctorCheck]


class DoctorChild:
    """One at a time."""

    def __init__(self) -> None:
        self._called = False

    async def page(self, settings: Settings, listens: tuple[str, int] | None) -> bytes:
        """The doctor's page as it is printed. `listens`: host and port at which this server was reached.

        Raises `Overloaded` while the doctor looks for somebody else, `DeadlineExceeded`, and `InternalError` where no
        page comes of it.
        """
        if self._called:
            raise Overloaded("The doctor is looking at the box already; ask again when that is over.", retry_after=10)
        self._called = True
        try:
            with anyio.fail_after(SECONDS):
                return await _printed([*COMMAND, *_where(settings, listens)], _as_it_runs(settings, listens))
        except TimeoutError as error:
            raise DeadlineExceeded(f"The doctor did not end within {SECONDS:g} s.") from error
        finally:
            self._called = False


def _where(settings: Settings, listens: tuple[str, int] | None) -> list[str]:
    given = ["--state-dir", str(settings.state_dir)]
    if settings.file is not None:
        given += ["--config", str(settings.file)]
    if listens is not None:
        host, port = listens
        given += ["--url", f"http://{f'[{host}]' if ':' in host else host}:{port}"]
    return given


def _as_it_runs(settings: Settings, listens: tuple[str, int] | None) -> Mapping[str, str]:
    """What the command line may have set otherwise than file and environment, which the doctor reads for itself."""
    http = {"HOST": settings.http.host, "OPEN": str(settings.http.open).lower()}
    if listens is not None:
        http["PORT"] = str(listens[1])
    return {f"{PREFIX}HTTP__{name}": value for name, value in http.items()}


async def _printed(command: Sequence[str], more: Mapping[str, str]) -> bytes:
    said, wrong = bytearray(), bytearray()
    async with running(command, more) as process, anyio.create_task_group() as tasks:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        tasks.start_soon(keep_last, process.stderr, wrong)
        async for piece in process.stdout:
            said += piece
            if len(said) > MOST_BYTES:
                tasks.cancel_scope.cancel()
                break
        else:
            await process.wait()
        code = process.returncode
    try:
        msgspec.json.decode(said, type=DoctorPage)
    except msgspec.DecodeError as error:
        log.error("doctor failed", code=code, **place_in(bytes(wrong)))
        raise InternalError("The doctor could not look; the server's log says how it ended.") from error
    return bytes(said)
