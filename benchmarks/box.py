"""A box of the benchmark's own: started, waited for, and ended again.

It remembers in a folder of its own, and keeps no answers from before unless a benchmark is about them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READY_SECONDS = 300.0
UNCACHED: Final = {"APPLIANCE_CACHE__SPEECH_MB": "0", "APPLIANCE_CACHE__TRANSCRIPTS_MB": "0"}
"""What is said again is done again."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box that serves. `ready_seconds`: from its start until readiness said so; `store`: where it remembers."""

    pid: int
    url: str
    ready_seconds: float
    store: Path

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return int(self.url.rpartition(":")[2])


@contextmanager
def running(
    state_dir: Path, environ: Mapping[str, str], *, keys: bool = False, module: str = "appliance"
) -> Iterator[Box]:  # fmt: skip
    """Start `appliance serve` with these settings, for anybody unless it wants `keys`; ends it on the way out.

    `module`: what is run in the place of `appliance`.
    """
    command = [sys.executable, "-m", module, "serve", "--port", "0", "--state-dir", str(state_dir)]
    with (
        tempfile.NamedTemporaryFile("r") as log,
        Path(log.name).open("w") as output,
        tempfile.TemporaryDirectory(dir=state_dir) as store,
    ):
        started = time.perf_counter()
        own = {"APPLIANCE_LOG__FORMAT": "json", "APPLIANCE_STORE__DIR": store, **UNCACHED}
        everything = {**os.environ, **own, **environ}
        with subprocess.Popen([*command, *([] if keys else ["--open"])], stderr=output, env=everything) as server:
            try:
                url = _ready(Path(log.name), server)
                yield Box(server.pid, url, time.perf_counter() - started, Path(store))
            finally:
                server.terminate()


def key_of(box: Box, user: str) -> str:
    """A new key for a user of a running box, with the limits that users have."""
    command = [sys.executable, "-m", "appliance", "keys", "create", user]
    environ = {**os.environ, "APPLIANCE_STORE__DIR": str(box.store)}
    return subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _ready(log: Path, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise click.ClickException(log.read_text())
        found = re.search(r"http://[\d.:]+", log.read_text())
        if found is not None and httpx.get(f"{found[0]}/health/ready").status_code == 200:
            return found[0]
        time.sleep(0.02)
    raise click.ClickException(f"the box was not ready within {READY_SECONDS:.0f} s:\n{log.read_text()}")
