"""What was said aloud, as it sounded: a clip beside its item, and gone with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Owner

_ITEM: Final = (
    "SELECT items.number FROM items JOIN conversations ON conversations.number = items.conversation"
    " WHERE owner = ? AND conversations.id = ? AND items.id = ?"
)
STEP_BYTES: Final = 1_000_000
"""Of clips that are deleted in one transaction, or one clip: overwriting them takes some 30 ms."""
STEP_CLIPS: Final = 100


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


async def clear(database: Database, which: str, values: Sequence[object]) -> None:
    """Delete the clips of the conversations for which `which` holds, before these go: in steps, as turns wait."""

    def change(tables: Tables) -> bool:
        some = tables.execute(
            "SELECT clips.item, length(clips.audio) FROM conversations"
            " JOIN items ON items.conversation = conversations.number JOIN clips ON clips.item = items.number"
            f" WHERE {which} LIMIT ?",
            [*values, STEP_CLIPS],
        ).fetchall()
        left = STEP_BYTES
        for item, size in some:
            if left < size and left < STEP_BYTES:
                break
            tables.execute("DELETE FROM clips WHERE item = ?", [item])
            left -= size
        return bool(some)

    while await database.write(change):
        pass
