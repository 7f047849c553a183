"""Manifests that are read first by many threads at once, as the doctor's are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODELS = Path(__file__).parents[2] / "models"
ROUNDS = 20
PROGRAM = """\
import sys, threading
from pathlib import Path
from appliance.catalog.manifest import load_manifests

sys.setswitchinterval(1e-6)
together = threading.Barrier(8)

def read():
    together.wait()
    load_manifests(Path(sys.argv[1]))

threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
"""It dies of a signal where the types are not known before: now and then, so it is run more than once."""


def test_the_first_look_may_be_many_at_once() -> None:
    command = [sys.executable, "-c", PROGRAM, str(MODELS)]
    assert {subprocess.run(command, timeout=60, check=False).returncode for _ in range(ROUNDS)} == {0}
