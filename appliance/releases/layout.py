"""Where everything is on a box."""

from __future__ import annotations

import os
import pwd
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

USER: Final = "appliance"


@dataclass(frozen=True, slots=True)
class Account:
    """A user and its first group, by number."""

    user: int
    group: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Below `root`, which is another folder than `/` only in tests. `account` is the service's, None for our own."""

    root: Path = Path("/")
    account: Account | None = None

    @property
    def home(self) -> Path:
        """Programs and models; root's."""
        return self.root / "opt/appliance"

    @property
    def releases(self) -> Path:
        """A folder for each release."""
        return self.home / "releases"

    @property
    def current(self) -> Path:
        """Link to the release that serves."""
        return self.home / "current"

    @property
    def state(self) -> Path:
        """Our own notes; root's alone."""
        return self.root / "var/lib/appliance-releases"

    @property
    def remembered(self) -> Path:
        """What the service keeps; its own."""
        return self.root / "var/lib/appliance"

    @property
    def database(self) -> Path:
        """Where the service's database is, unless its settings name another folder."""
        return self.remembered / "appliance.db"

    @property
    def backups(self) -> Path:
        """Where backups go; the service's own."""
        return self.root / "var/backups/appliance"

    @property
    def settings(self) -> Path:
        """The service's settings file."""
        return self.root / "etc/appliance/appliance.toml"

    @property
    def signers(self) -> Path:
        """Whose bundles are trusted, as OpenSSH's allowed_signers."""
        return self.root / "etc/appliance/bundle-signers"

    @property
    def probe_key(self) -> Path:
        """API key for probe and metrics."""
        return self.root / "etc/appliance/credentials/probe.key"

    @property
    def units(self) -> Path:
        """The current release's units."""
        return self.root / "usr/local/lib/systemd/system"

    @property
    def declared(self) -> dict[str, Path]:
        """By the name in a release: files for systemd's other programs."""
        lib = self.root / "usr/local/lib"
        return {
            "appliance.sysusers.conf": lib / "sysusers.d/appliance.conf",
            "appliance.tmpfiles.conf": lib / "tmpfiles.d/appliance.conf",
        }

    def release(self, version: str) -> Path:
        """Folder of one release."""
        return self.releases / version

    @contextmanager
    def as_service(self) -> Iterator[None]:
        """Files are opened with the service's rights: no link that it lays leads further than it may go itself."""
        if self.account is None:
            yield
            return
        user, group, groups = os.geteuid(), os.getegid(), os.getgroups()
        os.setgroups([])
        os.setegid(self.account.group)
        os.seteuid(self.account.user)
        try:
            yield
        finally:
            os.seteuid(user)
            os.setegid(group)
            os.setgroups(groups)


def real() -> Layout:
    """Of this box; the service's user may not be there yet."""
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        return Layout()
    return Layout(account=Account(entry.pw_uid, entry.pw_gid))
