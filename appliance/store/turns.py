"""Stories of turns: when each stage was ready, and what became of each job. No words are in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.errors import NotFound, RequestError
from appliance.store.latency import Latency, latency
from appliance.store.listing import number_of
from appliance.story import Story

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlite_utils import Database as Tables

    from appliance.store.database import Database
    from appliance.store.owners import Owner
    from appliance.store.writing import Writing

_KNOWN: Final = (
    "SELECT turns.number, turns.story, conversations.id AS conversation FROM turns"
    " JOIN conversations ON conversations.number = turns.conversation WHERE turns.owner = ?"
)
_story: Final = msgspec.json.Decoder(Story).decode


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn's story, and the id of its conversation."""

    conversation: str
    story: Story


class Turns:
    """All turns of the box; every question and change names the owner, but for how long all of them took."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, owner: Owner, conversation: str, story: Story) -> Writing[None]:
        """Queue a story, see `Database.begin`: instead of that of an earlier try. Without its conversation it goes."""
        encoded = msgspec.json.encode(story).decode()

        def change(tables: Tables) -> None:
            number = number_of(tables, owner.user, conversation)
            tables.execute("DELETE FROM turns WHERE owner = ? AND id = ?", [owner.user, story.id])
            if number is not None:
                tables.execute(
                    "INSERT INTO turns (owner, id, conversation, story) VALUES (?, ?, ?, ?)",
                    [owner.user, story.id, number, encoded],
                )

        return self._database.begin(change)

    async def get(self, owner: Owner, turn: str) -> KeptTurn:
        """Raises `NotFound`."""

        def query(tables: Tables) -> KeptTurn:
            for row in tables.query(f"{_KNOWN} AND turns.id = ?", [owner.user, turn]):
                return _kept(row)
            raise NotFound(f"There is no turn {turn[:128]!r}.", param="turn_id")

        return await self._database.read(query)

    async def page(self, owner: Owner, *, after: str | None = None, limit: int = 20) -> tuple[Sequence[KeptTurn], bool]:
        """The newest, behind `after`, and whether there are more. Raises `RequestError` for an unknown one."""

        def query(tables: Tables) -> tuple[Sequence[KeptTurn], bool]:
            where, values = "", [owner.user]
            if after is not None:
                found = tables.execute("SELECT number FROM turns WHERE owner = ? AND id = ?", [owner.user, after])
                last = found.fetchone()
                if last is None:
                    raise RequestError(f"There is no turn {after[:128]!r}.", param="after")
                where, values = " AND turns.number < ?", [owner.user, *last]
            rows = list(tables.query(f"{_KNOWN}{where} ORDER BY turns.number DESC LIMIT ?", [*values, limit + 1]))
            return [_kept(row) for row in rows[:limit]], len(rows) > limit

        return await self._database.read(query)

    async def latency(self, *, since_ms: int, width_ms: float, count: int) -> Latency:
        """How long everybody's turns took, see `latency`. Raises as `Database.read` does."""
        return await self._database.read(
            lambda tables: latency(tables, since_ms=since_ms, width_ms=width_ms, count=count)
        )


def _kept(row: Mapping[str, str]) -> KeptTurn:
    return KeptTurn(row["conversation"], _story(row["story"]))
