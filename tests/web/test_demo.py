"""`appliance demo` as a newcomer runs it: an audible answer that says what was printed."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
from conftest import STATE
from test_doors import normal, word_errors

if TYPE_CHECKING:
    from pathlib import Path


PLAIN = {"APPLIANCE_VOICE__TEMPERATURE": "0", "APPLIANCE_VOICE__MAX_REPLY_TOKENS": "48"}
"""A reply that is no list of figures: words that an ear can compare."""

DEMO_SECONDS = 300
"""More than a start takes beside the rest of the suite."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def demo(store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance", "demo", "--once", "--state-dir", str(STATE), *arguments]
    given = {**os.environ, "APPLIANCE_STORE__DIR": str(store), **PLAIN}
    return subprocess.run(command, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False, env=given)


def test_the_demo_ends_in_an_audible_answer(box: str, tmp_path: Path) -> None:
    out = tmp_path / "reply.wav"
    ran = demo(tmp_path, "--port", str(free_port()), "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    reply = re.search(r"replies: (.*)\n  ms since", ran.stdout, re.DOTALL)
    assert reply
    assert "first_audio" in ran.stdout
    files, data = {"file": out.read_bytes()}, {"language": "en"}
    answer = httpx.post(f"{box}/v1/audio/transcriptions", files=files, data=data, timeout=60).raise_for_status()
    said, heard = normal(reply[1]), normal(answer.json()["text"])
    assert word_errors(said, heard) <= max(2, 0.4 * len(said)), (said, heard)


def test_a_taken_port_is_said(box: str, tmp_path: Path) -> None:
    ran = demo(tmp_path, "--port", box.rpartition(":")[2])
    assert ran.returncode != 0
    assert "cannot be taken" in ran.stderr
