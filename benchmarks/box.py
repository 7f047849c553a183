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
from typing import TYPE_CHECKING, Any, Final

import click
import httpx

from appliance.settings import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Watch = Callable[[dict[str, Any], float], None]

READY_SECONDS: Final = 300.0
END_SECONDS: Final = 30.0
UNCACHED: Final = {"APPLIANCE_CACHE__SPEECH_MB": "0", "APPLIANCE_CACHE__TRANSCRIPTS_MB": "0"}
"""What is said again is done again."""
QUIET: Final = {
    "APPLIANCE_LOG__FORMAT": "json",
    "APPLIANCE_LOG__LEVEL": "info",
    **({"APPLIANCE_TELEMETRY__TRACES_TO": "", "APPLIANCE_TELEMETRY__ERRORS_TO": ""} if "telemetry" in SECTIONS else {}),
}
"""Its address is read from its log; nobody else is told anything."""


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
    state_dir: Path, environ: Mapping[str, str], *, keys: bool = False, config: Path | None = None,
    watch: Watch | None = None, module: str = "appliance",
) -> Iterator[Box]:  # fmt: skip
    """Start `appliance serve` with these settings, for anybody unless it wants `keys`; ends it on the way out.

    `watch` hears what readiness says while it starts, with the seconds since then; `module` is what is run in the
    place of `appliance`.
    """
    command = [sys.executable, "-m", module, "serve", "--host", "127.0.0.1", "--port", "0"]
    command += ["--state-dir", str(state_dir), *(["--config", str(config)] if config is not None else [])]
    with (
        tempfile.NamedTemporaryFile("r") as log,
        Path(log.name).open("w") as output,
        tempfile.TemporaryDirectory(dir=state_dir) as store,
    ):
        started = time.perf_counter()
        own = {**QUIET, "APPLIANCE_STORE__DIR": store, **UNCACHED}
        everything = {**os.environ, **own, **environ}
        with subprocess.Popen([*command, *([] if keys else ["--open"])], stderr=output, env=everything) as server:
            try:
                url = _ready(Path(log.name), server, lambda told: watch and watch(told, time.perf_counter() - started))
                yield Box(server.pid, url, time.perf_counter() - started, Path(store))
            finally:
                server.terminate()
                try:
                    server.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    server.kill()


def key_of(box: Box, user: str) -> str:
    """A new key for a user of a running box, with the limits that users have."""
    command = [sys.executable, "-m", "appliance", "keys", "create", user]
    environ = {**os.environ, "APPLIANCE_STORE__DIR": str(box.store)}
    return subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _ready(log: Path, server: subprocess.Popen[bytes], watch: Callable[[dict[str, Any]], object]) -> str:
    deadline = time.monotonic() + READY_SECONDS
    # One client, and no certificates read for it: whoever waits is not to take the cores from whoever starts.
    with httpx.Client(timeout=READY_SECONDS, verify=False, trust_env=False) as client:  # noqa: S501 - loopback
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise click.ClickException(log.read_text())
            found = re.search(r"http://[\d.:]+", log.read_text())
            if found is not None:
                answer = client.get(f"{found[0]}/health/ready")
                watch(answer.json())
                if answer.status_code == 200:
                    return found[0]
            time.sleep(0.02)
    raise click.ClickException(f"the box was not ready within {READY_SECONDS:.0f} s:\n{log.read_text()}")
