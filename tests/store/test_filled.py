"""The benchmark's made-up conversations are such as the store itself reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.store.conversations import Conversations
from appliance.store.database import Database
from appliance.store.owners import LOCAL
from benchmarks.filled import COMMON, RARE, conversation_id, fill

if TYPE_CHECKING:
    from pathlib import Path


async def test_made_up_conversations_are_found(tmp_path: Path) -> None:
    fill(tmp_path / "appliance.db", 40, 3)
    async with Database(tmp_path / "appliance.db").running() as database:
        conversations = Conversations(database)
        page = await conversations.page(LOCAL, limit=100)
        assert [each.id for each in page.conversations] == [conversation_id(number) for number in range(40)][::-1]
        rare = await conversations.page(LOCAL, words=RARE)
        assert [each.id for each in rare.conversations] == [conversation_id(20)]
        assert len((await conversations.page(LOCAL, words=COMMON, limit=100)).conversations) > 20
        items, more = await conversations.items(LOCAL, conversation_id(7), newest_first=False)
        assert [item.role for item in items] == ["user", "assistant", "user"]
        assert not more
