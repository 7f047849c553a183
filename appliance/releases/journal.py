"""How far a change of releases has come, on disk before each step: whoever finds it knows what to undo."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from appliance.releases import durable
from appliance.releases.faults import Stranded

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "upgrade.json"
FORWARD: Final = ("stop", "snapshot", "data", "switch", "start", "probe", "watch")
BACK: Final = ("back-stop", "back-data", "back-switch", "back-start")
ACCEPTED: Final = "accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """`old` is None at the first release. `step` was begun and may be done, or not, or half.

    `reached` is the last step forward; `tables` is whether the two releases have other tables; `snapshot` is the folder
    of the copy from before, empty if none is made; `database` is the file, empty if there was none.
    """

    old: str | None
    new: str
    step: str
    reached: str
    tables: bool
    database: str
    snapshot: str
    began: str

    @property
    def touched(self) -> bool:
        """Whether the database may be another than before."""
        return (self.tables or not self.database) and self.reached not in {"", "stop", "snapshot"}


class JournalFile:
    """In the folder `state`."""

    def __init__(self, state: Path) -> None:
        self.path = state / NAME

    def read(self) -> Journal | None:
        """What is under way or was interrupted; None is the rule. Raises `Stranded` if it cannot be read."""
        try:
            return Journal(**json.loads(self.path.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise Stranded(
                f"{self.path}: cannot be read ({error}); see which release is meant, and remove it"
            ) from error

    def advance(self, journal: Journal, step: str) -> Journal:
        """Note that `step` begins."""
        reached = step if step in FORWARD or step == ACCEPTED else journal.reached
        now = replace(journal, step=step, reached=reached)
        self._write(now)
        return now

    def clear(self) -> None:
        """Nothing is under way any more."""
        durable.remove(self.path)

    def _write(self, journal: Journal) -> None:
        durable.write(self.path, json.dumps(asdict(journal)).encode(), 0o600)
