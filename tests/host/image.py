"""Root file systems of bare Debian hosts, made once and kept outside the checkout.

What a test host needs from the machine that it is tested on is carried in here and nowhere else: its resolver, the
certificates that it trusts, and where its packages come from.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Suite = Literal["bookworm", "trixie"]

KEPT: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voice-appliance" / "hosts"
PACKAGES: Final = (
    "systemd", "systemd-sysv", "dbus", "libpam-systemd", "libnss-systemd", "python3", "openssh-server", "iproute2",
    "ca-certificates",
)  # fmt: skip
"""What Debian's installer leaves behind where only "SSH server" was chosen, as far as a host under test can tell."""
SOURCES: Final = Path("/etc/apt/sources.list.d/debian.sources")
AUTHORITIES: Final = Path("/usr/local/share/ca-certificates")
MAKE_SECONDS: Final = 900


def ssh_key() -> Path:
    """The private key that opens every test host."""
    key = KEPT / "id"
    with _alone():
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=60)
    return key


def tree(suite: Suite) -> Path:
    """The unpacked root file system of a host that never ran; made if this machine has none yet (about a minute)."""
    key = ssh_key().with_suffix(".pub").read_text()
    recipe = "\n".join(["1", *PACKAGES, key, *(file.read_text() for file in _authorities()), _sources(suite) or ""])
    folder = KEPT / f"{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with _alone():
        if not folder.exists():
            for old in KEPT.glob(f"{suite}-*"):
                shutil.rmtree(old)  # a killed maker's too
            aside = KEPT / f"{suite}-making"
            _make(suite, aside)
            _furnish(aside, key)
            aside.rename(folder)
        shutil.copyfile("/etc/resolv.conf", folder / "etc/resolv.conf")
    return folder


def _make(suite: Suite, to: Path) -> None:
    sources = KEPT / f"{suite}.sources"
    given = _sources(suite)
    if given:
        sources.write_text(given)
    command = [
        "mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", "--skip=cleanup/apt/lists",
        '--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Retries "8"', suite, to, *([sources] if given else []),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAKE_SECONDS, check=False)
    if done.returncode != 0:
        shutil.rmtree(to, ignore_errors=True)
        raise RuntimeError(f"mmdebstrap {suite}: {done.stderr[-2000:]}")


def _furnish(root: Path, public_key: str) -> None:
    for file in _authorities():
        shutil.copy(file, root / "usr/local/share/ca-certificates" / file.name)
    subprocess.run(["chroot", root, "update-ca-certificates"], check=True, capture_output=True, timeout=120)
    (root / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    (root / "etc/machine-id").write_text("")
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    (root / "root/.ssh/authorized_keys").write_text(public_key)
    # A host key that stays, so that a host stopped hard on its first boot comes back as the same one.
    key = root / "etc/ssh/ssh_host_ed25519_key"
    for old in root.glob("etc/ssh/ssh_host_*"):
        old.unlink()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True, timeout=60)
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):  # they would take apt's lock while a playbook wants it
        (root / "etc/systemd/system" / timer).symlink_to("/dev/null")


def _sources(suite: Suite) -> str | None:
    """The machine's own package sources, for `suite`; None: Debian's own."""
    if not SOURCES.is_file():
        return None
    text, own = SOURCES.read_text(), _own_suite()
    return text if own == suite else text.replace(own, suite)


def _own_suite() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""


def _authorities() -> list[Path]:
    return sorted(AUTHORITIES.glob("*.crt"))


@contextmanager
def _alone() -> Iterator[None]:
    """One maker at a time."""
    KEPT.mkdir(parents=True, exist_ok=True)
    handle = os.open(KEPT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
