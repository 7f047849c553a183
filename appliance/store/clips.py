"""What was said aloud, as it sounded: a clip beside its item, and gone with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.errors import NotFound

if TYPE_CHECKING:
    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Owner

_ITEM: Final = (
    "SELECT items.number FROM items JOIN conversations ON conversations.number = items.conversation"
    " WHERE owner = ? AND conversations.id = ? AND items.id = ?"
)


@dataclass(frozen=True, slots=True)
class Clip:
    """Mono Ogg Opus."""

    audio: bytes
    milliseconds: int


class Clips:
    """All clips of the box; every question and change names the owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, owner: Owner, conversation: str, item: str, clip: Clip | None) -> bool:
        """Instead of the one that the item has; None: it has none any more. False if there is no such item."""

        def change(tables: Tables) -> bool:
            found = tables.execute(_ITEM, [owner.user, conversation, item]).fetchone()
            if found is None:
                return False
            tables.execute("DELETE FROM clips WHERE item = ?", found)
            if clip is not None:
                tables.execute("INSERT INTO clips VALUES (?, ?, ?)", [*found, clip.milliseconds, clip.audio])
            return True

        return await self._database.write(change)

    async def get(self, owner: Owner, conversation: str, item: str) -> Clip:
        """Raises `NotFound`, also for an item without one."""

        def query(tables: Tables) -> Clip:
            found = tables.execute(
                f"SELECT audio, milliseconds FROM clips WHERE item = ({_ITEM})", [owner.user, conversation, item]
            ).fetchone()
            if found is None:
                raise NotFound(f"There is no audio of an item {item[:128]!r}.", param="item_id")
            return Clip(*found)

        return await self._database.read(query)
