"""A real box as in a cupboard: it wants keys, and all that it remembers is on a small disk of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from click.testing import CliRunner
from conftest import STATE, wait_ready

from appliance.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

DISK_MEGABYTES: Final = 400
"""A cache does not take the last 256 of a disk."""
START: Final = (
    f'mount -t tmpfs -o size={DISK_MEGABYTES}m none "$1" && cp -r "$2/." "$1" && ln -s "$3" "$1/models"'
    ' && shift 3 && exec "$@"'
)
LIMITS: Final = {"SESSIONS": "4", "REQUESTS": "800"}


@dataclass(frozen=True, slots=True)
class Cupboard:
    """One that serves."""

    url: str
    admin: str
    meter: str
    """Keys: one may do anything, the other read and report figures."""
    process: psutil.Process
    state: Path
    """Its folder, as it sees it: on its disk."""

    @property
    def disk(self) -> Path:
        """The folder, as it can be reached from here; SQLite would follow the link to another."""
        return Path(f"/proc/{self.process.pid}/root{self.state}")

    def inside(self) -> list[str]:
        """What a command begins with that has to see its disk as it does."""
        return ["nsenter", "--preserve-credentials", "-U", "-m", "-t", str(self.process.pid)]

    def worker(self, role: str) -> psutil.Process | None:
        """The worker of a stage, if there is one now."""
        for child in self.process.children():
            try:
                if role in child.cmdline():
                    return child
            except psutil.NoSuchProcess:
                continue
        return None


def key(folder: Path, *options: str) -> str:
    """A new one."""
    done = CliRunner().invoke(main, ["keys", "create", "--state-dir", str(folder), *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output.strip()


@dataclass(frozen=True, slots=True)
class Keys:
    """Made before the box starts, so that Prometheus can wait for it."""

    folder: Path
    admin: str
    meter: str


def keys(folder: Path) -> Keys:
    """An administrator's, and one as the role makes it for Prometheus."""
    folder.mkdir()
    return Keys(folder, key(folder, "root", "--role", "admin"), key(folder, "prometheus", "--scope", "metrics"))


@contextmanager
def cupboard(folder: Path, made: Keys, port: int) -> Iterator[Cupboard]:
    """It serves at `port` of loopback."""
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user name spaces here: a disk of its own cannot be mounted")
    (state := folder / "state").mkdir()
    serve = [sys.executable, "-m", "appliance", "serve", "--port", str(port), "--state-dir", str(state)]
    models = (STATE / "models").resolve()
    command = ["unshare", "-rm", "sh", "-c", START, "sh", str(state), str(made.folder), str(models)]
    given = {f"APPLIANCE_LIMITS__{name}": value for name, value in LIMITS.items()}
    environ = {**os.environ, **given, "APPLIANCE_LLM__CONTEXT": "1024", "APPLIANCE_LOG__FORMAT": "json"}
    with (folder / "box.log").open("wb") as log, subprocess.Popen([*command, *serve], stderr=log, env=environ) as box:
        process = psutil.Process(box.pid)
        workers: list[psutil.Process] = []
        url = f"http://127.0.0.1:{port}"
        try:
            wait_ready(url)
            yield Cupboard(url, made.admin, made.meter, process, state.resolve())
        finally:
            if box.poll() is None:
                workers = process.children()
                box.terminate()
            assert box.wait(60) in (0, -signal.SIGTERM), (folder / "box.log").read_text()[-2000:]
            psutil.wait_procs(workers, timeout=10)
