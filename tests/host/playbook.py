"""Playbooks, run as an administrator runs them, and what they said about each host."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from host.image import ssh_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from host.machine import Machine

ROOT: Final = Path(__file__).parents[2]
ANSIBLE: Final = ROOT / "ansible"
PROGRAM: Final = ROOT / ".provision" / "bin" / "ansible-playbook"
PLAY_SECONDS: Final = 1800
RECAP: Final = re.compile(r"^(\S+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recap:
    """What a run changed on one host."""

    ok: int
    changed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Play:
    """One run of a playbook."""

    status: int
    said: str
    hosts: dict[str, Recap]
    seconds: float

    def of(self, machine: Machine) -> Recap:
        """How it went on one host."""
        return self.hosts[machine.name]


class PlayFailed(Exception):
    """A playbook ended with another status than the one that was wanted."""


def play(
    book: str,
    machines: Sequence[Machine],
    variables: Mapping[str, Any],
    folder: Path,
    *,
    options: Sequence[str] = (),
    fails: bool = False,
) -> Play:
    """Run a playbook over SSH on these hosts. Raises `PlayFailed` unless it ends as wanted."""
    hosts = {each.name: {"ansible_host": each.address, **each.wants} for each in machines}
    common = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(ssh_key()),
        "ansible_ssh_extra_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        **variables,
    }
    inventory = folder / f"inventory-{'-'.join(hosts)}.json"  # JSON is YAML
    inventory.write_text(json.dumps({"all": {"children": {"appliance": {"hosts": hosts}}, "vars": common}}))
    began = time.monotonic()
    done = subprocess.run(
        [PROGRAM, "-i", inventory, ANSIBLE / book, *options],
        cwd=ANSIBLE, capture_output=True, text=True, timeout=PLAY_SECONDS, check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(folder / "ansible")},
    )  # fmt: skip
    said = done.stdout + done.stderr
    recaps = {name: Recap(int(ok), int(changed), int(failed)) for name, ok, changed, _, failed in RECAP.findall(said)}
    if (done.returncode != 0) is not fails:
        raise PlayFailed(f"{book} ended with {done.returncode}:\n{said[-8000:]}")
    print(f"{book}: {time.monotonic() - began:.0f} s, {recaps}")
    return Play(done.returncode, said, recaps, time.monotonic() - began)
