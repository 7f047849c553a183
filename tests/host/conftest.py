"""Booted hosts for tests, the bundle that they are installed from, and what both need of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from host.appliances import provision
from host.lan import lan
from host.machine import machine
from host.playbook import PROGRAM, ROOT
from host.releases import Signer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from host.lan import Lan
    from host.machine import Machine

PROGRAMS = ("lxc-start", "mmdebstrap", "nft", "ip", "ssh-keygen", "ssh")
BUNDLE_SECONDS = 1200
UNMOUNT_SECONDS = 30.0
DISK_BYTES = 512 * 1024 * 1024


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder are those that boot hosts."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.host)


@pytest.fixture(scope="session", autouse=True)
def _able() -> None:
    """Without root and these programs no host can be booted: said, and in CI a failure."""
    lacking = [program for program in PROGRAMS if shutil.which(program) is None]
    lacking += ["root"] if os.geteuid() else []
    lacking += [] if PROGRAM.exists() else [str(PROGRAM)]
    if lacking:
        reason = f"hosts cannot be booted here: there is no {', '.join(lacking)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def net() -> Iterator[Lan]:
    with lan() as found:
        yield found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where hosts, bundles and inventories lie."""
    return tmp_path_factory.mktemp("hosts")


@pytest.fixture(scope="session")
def signer(folder: Path) -> Signer:
    return Signer(folder)


@pytest.fixture(scope="session")
def bundle(folder: Path, signer: Signer) -> Path:
    """This checkout as a release with the starter models, for both Debians."""
    return _create(folder / "appliance.tar", signer, "--python", "3.11", "--python", "3.13")


@pytest.fixture(scope="session")
def state_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own for what a box remembers, small enough to be filled."""
    image, mounted = folder / "state.ext4", folder / "state"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", image], check=True, timeout=60)
    subprocess.run(["mount", "-o", "loop", image, mounted], check=True, timeout=60)
    try:
        yield mounted
    finally:
        until = time.monotonic() + UNMOUNT_SECONDS  # the host's last processes may still be on their way out
        while subprocess.run(["umount", mounted], check=False, timeout=60, capture_output=True).returncode:
            assert time.monotonic() < until, f"{mounted} stays in use"
            time.sleep(0.2)


@pytest.fixture(scope="session")
def bookworm(net: Lan, folder: Path, bundle: Path, signer: Signer, state_disk: Path) -> Iterator[Machine]:
    """A Debian 12 on which site.yml has run, with its state on a disk of its own. Tests leave it well."""
    mounts = [f"{state_disk} var/lib/appliance none bind,create=dir 0 0"]
    with machine("bookworm", 11, "bookworm", net, folder, mounts) as host:
        assert provision(host, bundle, signer, folder).of(host).changed > 10
        yield host


@pytest.fixture(scope="session")
def trixie(net: Lan, folder: Path, bundle: Path, signer: Signer) -> Iterator[Machine]:
    """A Debian 13 on which site.yml has run, watched by a Prometheus of its own."""
    with machine("trixie", 12, "trixie", net, folder) as host:
        host.wants["monitoring_prometheus"] = True
        provision(host, bundle, signer, folder)
        yield host


@pytest.fixture(scope="session")
def whole_bundle(folder: Path, signer: Signer) -> Path:
    """As `bundle`, for Debian 12, with the Debian packages that a box without any network lacks."""
    return _create(folder / "whole.tar", signer, "--python", "3.11", "--suite", "bookworm")


def _create(file: Path, signer: Signer, *options: str) -> Path:
    state = os.environ.get("STATE", ".state")
    subprocess.run(
        [sys.executable, "-m", "appliance", "bundle", "create", "--output", file, "--sign", signer.key,
         "--state-dir", state, *options],
        cwd=ROOT, check=True, timeout=BUNDLE_SECONDS,
    )  # fmt: skip
    return file
