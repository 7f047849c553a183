"""Where a provisioned box has its parts, and whether this program is a box's: then its paths are the defaults."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(".state")
"""The state folder of a checkout, below the folder in which one works."""


@dataclass(frozen=True, slots=True)
class Places:
    """Of a box, below `root`."""

    root: Path = Path("/")

    @property
    def opt(self) -> Path:
        """Releases and models."""
        return self.root / "opt/appliance"

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.root / "etc/appliance/appliance.toml"

    @property
    def credentials(self) -> Path:
        """Keys that systemd hands to units."""
        return self.root / "etc/appliance/credentials"

    @property
    def state(self) -> Path:
        """The service's state folder."""
        return self.root / "var/lib/appliance"

    @property
    def backups(self) -> Path:
        """Where the timer puts backups."""
        return self.root / "var/backups/appliance"

    @property
    def journal(self) -> Path:
        """There while an upgrade is under way."""
        return self.root / "var/lib/appliance-releases/upgrade.json"

    def released(self) -> bool:
        """Whether this program is a release's. A developer may have a checkout on a machine that is a box too."""
        try:
            return Path(sys.prefix).resolve().is_relative_to(self.opt.resolve()) and self.opt.is_dir()
        except OSError:
            return False

    def default_state(self) -> Path:
        """The state folder of who names none."""
        return self.state if self.released() else CHECKOUT

    def default_config(self, state_dir: Path) -> Path | None:
        """The settings file of who names none; None is no file. A state folder that is not the box's has none."""
        own = self.released() and state_dir.absolute() == self.state
        return self.config if own and os.access(self.config, os.F_OK) else None
