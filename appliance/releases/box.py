"""A box on which releases are changed: all that a change, and the way back from one, works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.releases import durable
from appliance.releases.faults import Failed
from appliance.releases.journal import JournalFile
from appliance.releases.models import Models
from appliance.releases.programs import Programs
from appliance.releases.shelf import KEEP, Shelf
from appliance.releases.units import Units

if TYPE_CHECKING:
    from appliance.releases.layout import Layout
    from appliance.releases.service import Service
    from appliance.releases.telling import Telling
    from appliance.releases.watching import Watching


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What a change works on."""

    layout: Layout
    telling: Telling
    service: Service
    watching: Watching

    @property
    def shelf(self) -> Shelf:
        """Its releases."""
        return Shelf(self.layout)

    @property
    def journal(self) -> JournalFile:
        """Its notes."""
        return JournalFile(self.layout.state)

    def programs(self, version: str) -> Programs:
        """Those of a release."""
        return Programs(self.layout, version)

    def place(self, version: str | None) -> None:
        """Units and link of a release, or of none."""
        Units(self.layout).place(version)
        if version is None:
            durable.remove(self.layout.current)
        else:
            durable.point(self.layout.current, f"releases/{version}")

    def prune(self, keep: int = KEEP, *, spared: str | None = None) -> list[str]:
        """Remove old releases, and the models that only they had brought; a sentence for each."""
        models = Models(self.layout)
        brought = models.brought()
        gone = self.shelf.prune(keep, spared=spared)
        said = [f"release {version}: removed, it was old or never complete" for version in gone]
        current = self.shelf.current()
        if gone and current is not None:
            try:
                said += [f"model {name}: removed, no release needs it" for name in
                         models.prune(brought, self.programs(current).models_in_use)]  # fmt: skip
            except (Failed, OSError) as why:
                said.append(f"note: models that no release needs may be left: {why}")
        return said
