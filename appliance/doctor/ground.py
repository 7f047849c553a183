"""Where the doctor looks: paths, settings and addresses, on a box as provisioned or in a checkout."""

from __future__ import annotations

import os
import pwd
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from appliance import settings as settings_module
from appliance.doctor import child
from appliance.doctor.systemd import told
from appliance.places import Places
from appliance.releases.service import STREAM
from appliance.settings import Settings, SettingsError

if TYPE_CHECKING:
    from appliance.doctor.child import Ask

USER: Final = "appliance"
WYOMING_SOCKET: Final = "appliance-wyoming.socket"
ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - asked, not listened on


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every family of checks is given."""

    settings: Settings
    """The defaults where those of the box could not be read; see `wrong` and `unseen`."""
    wrong: str = ""
    """The sentence of a settings file that is wrong."""
    unseen: str = ""
    """Why the settings could not be looked at."""
    config: Path | None = None
    key_file: Path | None = None
    url: str = ""
    named: bool = False
    """Whether the user gave the address."""
    deep: bool = False
    provisioned: bool = False
    """Whether this is a box with releases, rather than a checkout."""
    places: Places = field(default_factory=Places)
    ask: Ask = child.ask
    """Runs another program."""
    socket: tuple[str, int] | None = None
    """Host and port of a box's socket unit, which is who listens there, whatever the settings say."""
    door: tuple[str, int] | None = None
    """Host and port of the socket unit for Wyoming clients, where that listens."""
    filled: Path | None = None
    """The folder that a box's backup unit fills."""
    ca_file: Path | None = None
    """A certificate that is trusted in place of the system's."""

    @property
    def known(self) -> bool:
        """Whether `settings` are those of the box."""
        return not (self.wrong or self.unseen)

    @property
    def listens(self) -> tuple[str, int]:
        """Host and port where the box has to be listened for."""
        return self.socket or (self.settings.http.host, self.settings.http.port)

    @property
    def wyoming(self) -> tuple[str, int]:
        """Host and port where Wyoming clients have to be listened for."""
        return self.door or (self.settings.wyoming.host, self.settings.wyoming.port)

    @property
    def address(self) -> str:
        """Where the box is asked."""
        if self.url:
            return self.url.rstrip("/")
        host, port = self.listens
        host = ANYWHERE.get(host, host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def shown_address(self) -> str:
        """The same without a password that may be in it."""
        parts = urlsplit(self.address)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def backups(self) -> Path:
        """The folder of backups."""
        there = self.filled or self.places.backups
        return there if self.provisioned else self.settings.backups


def ground(
    *, config: Path | None, state_dir: Path | None, url: str | None, key_file: Path | None, deep: bool,
    ca_file: Path | None = None, places: Places | None = None, ask: Ask = child.ask,
) -> Ground:  # fmt: skip
    """As the options say. Without them a box's own paths where a release is installed, else a checkout's."""
    places = places or Places()
    provisioned = places.released() if state_dir is None else state_dir.absolute() == places.state
    if provisioned:
        config = config or places.config
    state_dir = state_dir or places.default_state()
    found, wrong, unseen = Settings(state_dir=state_dir), "", ""
    try:
        found = settings_module.load(config, state_dir=state_dir)
    except SettingsError as error:
        if isinstance(error.__cause__, PermissionError):
            unseen = f"{error.__cause__.filename or config}: may not be read by {whoami()}"
        else:
            wrong = str(error)
    return Ground(
        settings=found, wrong=wrong, unseen=unseen, config=config, key_file=key_file, url=url or "",
        named=url is not None, deep=deep, provisioned=provisioned, places=places, ask=ask, ca_file=ca_file,
        socket=_socket(places, ask, "appliance.socket") if provisioned else None,
        door=_door(places, ask) if provisioned and found.wyoming.enabled else None,
        filled=_filled(places, ask) if provisioned else None,
    )  # fmt: skip


def _socket(places: Places, ask: Ask, unit: str) -> tuple[str, int] | None:
    """The first address at which that unit has systemd listen for the service."""
    found = STREAM.search(told(places.root, ask, "Listen", unit))
    return (found[1].strip("[]"), int(found[2])) if found else None


def _door(places: Places, ask: Ask) -> tuple[str, int] | None:
    """None where the unit is not open: then the service listens itself."""
    if told(places.root, ask, "ActiveState", WYOMING_SOCKET).strip() != "active":
        return None
    return _socket(places, ask, WYOMING_SOCKET)


def _filled(places: Places, ask: Ask) -> Path | None:
    """Where the first backup of a night goes."""
    found = re.search(r" backup create .*?--to (/\S+)", told(places.root, ask, "ExecStart", "appliance-backup.service"))
    return Path(found[1]) if found else None


def whoami() -> str:
    """Name of the user who asks."""
    return name_of(os.geteuid())


def name_of(uid: int) -> str:
    """Name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
