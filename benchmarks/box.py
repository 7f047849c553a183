"""A box of the benchmark's own: started, waited for, and ended again."""

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
from typing import TYPE_CHECKING

import click
import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Box:
    """A box that serves. `ready_seconds`: from its start until readiness said so."""

    pid: int
    url: str
    ready_seconds: float

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return int(self.url.rpartition(":")[2])


@contextmanager
def running(state_dir: Path, environ: Mapping[str, str]) -> Iterator[Box]:
    """Start `appliance serve` with these settings; ends it on the way out."""
    command = [sys.executable, "-m", "appliance", "serve", "--open", "--port", "0", "--state-dir", str(state_dir)]
    with tempfile.NamedTemporaryFile("r") as log, Path(log.name).open("w") as output:
        started = time.perf_counter()
        everything = {**os.environ, "APPLIANCE_LOG__FORMAT": "json", **environ}
        with subprocess.Popen(command, stderr=output, env=everything) as server:
            try:
                url = _ready(Path(log.name), server)
                yield Box(server.pid, url, time.perf_counter() - started)
            finally:
                server.terminate()


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
