"""A release's own program: what it knows and does for us, each with a deadline."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.releases.faults import Failed
from appliance.releases.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.releases.layout import Layout

VERSION_SECONDS: Final = 120.0
STEPS_SECONDS: Final = 120.0
DATA_SECONDS: Final = 14_400.0
"""For what is done beside the service, which nobody waits for."""
CARRYING_SECONDS: Final = 3600.0
"""For taking a database over, which everybody waits for; or as long as it takes at `CARRYING_BYTES` in a second."""
CARRYING_BYTES: Final = 1_000_000
IMPORT_SECONDS: Final = 7200.0
PROBE_SECONDS: Final = 150
"""For each answer: a box that has just started has everybody at once who waited, and answers late and well."""
PROBE_TRIES: Final = 2
"""For an answer that is wrong by chance; /health/ready too minds only two in a row."""
PROBES_SECONDS: Final = PROBE_TRIES * PROBE_SECONDS + 30.0
BACKUPS: Final = 14


@dataclass(frozen=True, slots=True)
class Steps:
    """Of the database's tables: those that the release knows, and those that the file has; None: there is no file."""

    database: str
    known: frozenset[str]
    applied: frozenset[str] | None

    @property
    def change(self) -> bool:
        """Whether the release would have other tables than the file has."""
        return self.applied is not None and self.applied != self.known

    @property
    def newer(self) -> frozenset[str]:
        """Steps of the file that the release does not know: it would not serve with them."""
        return (self.applied or frozenset()) - self.known


class Programs:
    """Of the release `version`. All that touches data runs as the service's user."""

    def __init__(self, layout: Layout, version: str) -> None:
        self._layout = layout
        self._program = layout.release(version) / "venv/bin/appliance"

    def check(self) -> None:
        """Raise `Failed` if it does not run at all."""
        self._run(["--version"], VERSION_SECONDS)

    def steps(self) -> Steps:
        """Raises `Failed`."""
        said = self._run(["store", "steps", "--json", *self._where()], STEPS_SECONDS)
        try:
            told = json.loads(said)
            applied = told["applied"]
            return Steps(
                str(told["database"]), frozenset(told["known"]), None if applied is None else frozenset(applied)
            )
        except (ValueError, TypeError, KeyError) as error:
            raise Failed(f"{self._program} store steps: said what cannot be read: {error!r}") from error

    def rehearse(self, keep: Path) -> str:
        """On a copy of the database, which is kept as that file. Its last line. Raises `Failed`."""
        return _last(self._run(["store", "rehearse", "--keep", str(keep), *self._where()], DATA_SECONDS))

    def rehearse_in(self, folder: Path) -> str:
        """On a copy of the database in that folder. Its last line. Raises `Failed`."""
        return _last(self._run(["store", "rehearse", "--state-dir", str(folder)], DATA_SECONDS))

    def take_over(self, database: str) -> str:
        """Its last line. Raises `Failed`."""
        seconds = carrying_seconds(Path(database))
        return _last(self._run(["store", "take-over", database, *self._where()], seconds))

    def back_up(self) -> str:
        """Its first line. Raises `Failed`."""
        words = ["backup", "create", "--to", str(self._layout.backups), "--keep", str(BACKUPS), *self._where()]
        return self._run(words, DATA_SECONDS).partition("\n")[0].strip()

    def import_models(self, folder: Path) -> str:
        """Into the box's models, as root. Its last line. Raises `Failed`."""
        command: list[str | Path] = [self._program, "models", "import", folder, *self._where(self._layout.home)]
        return _last(run(command, IMPORT_SECONDS, env=self._env() | {"HOME": "/root"}))

    def models_in_use(self) -> frozenset[str]:
        """Names of the models in the set of the settings, as far as the release knows them. Raises `Failed`."""
        table, _, after = self._run(["models", "list", *self._where()], STEPS_SECONDS).partition("\n\n")
        rows = [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]
        used = re.search(r"Set in use: (\S+)\.", after)
        if used is None or not rows or rows[0] != ["MODEL", "ROLE", "SIZE", "LICENCE", "SETS", "STATE"]:
            raise Failed(f"{self._program} models list: said what cannot be read")
        return frozenset(row[0] for row in rows[1:] if used[1] in row[4].split(","))

    def probe(self, url: str) -> str:
        """Speak to the service and hear what it says. Raises `Failed` if it says nothing, or something else."""
        with self._key() as key:
            words = ["probe", "--url", url, "--no-report", "--timeout", str(PROBE_SECONDS), "--tries", str(PROBE_TRIES)]
            if key is None:
                return _last(self._run(words, PROBES_SECONDS))
            return _last(self._run([*words, "--key-file", f"/proc/self/fd/{key}"], PROBES_SECONDS, [key]))

    def _run(self, words: Sequence[str], seconds: float, pass_fds: Sequence[int] = ()) -> str:
        command: list[str | Path] = [self._program, *words]
        return run(command, seconds, account=self._layout.account, env=self._env(), pass_fds=pass_fds)

    def _env(self) -> dict[str, str]:
        return {"HOME": str(self._layout.remembered), "LC_ALL": "C.UTF-8"}

    def _where(self, state: Path | None = None) -> list[str]:
        config = ["--config", str(self._layout.settings)] if self._layout.settings.is_file() else []
        return [*config, "--state-dir", str(state or self._layout.remembered)]

    @contextmanager
    def _key(self) -> Iterator[int | None]:
        """The key is root's, and the probe is not: it gets it in memory, and no copy on any disk."""
        if not self._layout.probe_key.is_file():
            yield None
            return
        handle = os.memfd_create("probe.key")
        try:
            os.write(handle, self._layout.probe_key.read_bytes())
            os.lseek(handle, 0, os.SEEK_SET)
            yield handle
        finally:
            os.close(handle)


def carrying_seconds(database: Path) -> float:
    """The longest that taking it over may last."""
    size = 0
    for path in (database, Path(f"{database}-wal")):
        with suppress(OSError):
            size += path.stat().st_size
    return max(CARRYING_SECONDS, size / CARRYING_BYTES)


def _last(said: str) -> str:
    return said.strip().rpartition("\n")[2]
