"""Clips belong to an item, and so to its owner; they go with it, and leave nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from appliance.errors import NotFound
from appliance.settings import Store
from appliance.store import clips as clips_module
from appliance.store import sweeping
from appliance.store.clips import Clip, Clips
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import DAY_MS, now_ms
from appliance.store.items import Item
from appliance.store.owners import Owner
from appliance.store.sweeping import sweep

if TYPE_CHECKING:
    from appliance.store.database import Database

ANNA, BEN = Owner("anna"), Owner("ben")
SOUND = Clip(b"OggS and a sound that is nowhere else" * 200, 1234)


async def said(database: Database, owner: Owner = ANNA, *, turn: str = "") -> tuple[Conversations, Clips]:
    talks = Conversations(database)
    await talks.add(owner, "c", Addition(items=[Item(id="i", words="hello", turn=turn)], known="renew")).done()
    return talks, Clips(database)


async def count(database: Database) -> int:
    return await database.read(lambda tables: int(tables.execute("SELECT count(*) FROM clips").fetchone()[0]))


async def test_a_clip_is_its_owners_alone(database: Database) -> None:
    talks, clips = await said(database)
    await said(database, BEN)
    assert await clips.keep(ANNA, "c", "i", SOUND)
    assert await clips.get(ANNA, "c", "i") == SOUND
    assert (await talks.item(ANNA, "c", "i")).clip
    assert not (await talks.item(BEN, "c", "i")).clip
    for owner, conversation, item in ((BEN, "c", "i"), (ANNA, "c", "other"), (ANNA, "other", "i")):
        with pytest.raises(NotFound, match="no audio"):
            await clips.get(owner, conversation, item)
    assert not await clips.keep(ANNA, "c", "other", SOUND)
    assert not await clips.keep(Owner("eve"), "c", "i", SOUND)
    assert await clips.keep(BEN, "c", "i", None)
    assert await count(database) == 1


async def test_it_stays_with_its_item_and_goes_with_it(database: Database) -> None:
    talks, clips = await said(database, turn="t")
    await clips.keep(ANNA, "c", "i", Clip(b"first", 1))
    await clips.keep(ANNA, "c", "i", SOUND)
    await talks.add(ANNA, "c", Addition(items=[Item(id="i", words="changed")], known="renew")).done()
    assert (await talks.history(ANNA, "c", 5))[0].clip
    assert await clips.get(ANNA, "c", "i") == SOUND
    await talks.add(ANNA, "c", Addition(items=[Item(id="i2", words="again", turn="t2")])).done()
    await clips.keep(ANNA, "c", "i2", SOUND)
    await talks.add(ANNA, "c", Addition(items=[Item(id="i3", words="tried again", turn="t2")])).done()
    assert await count(database) == 1
    await talks.remove_item(ANNA, "c", "i")
    assert await count(database) == 0


async def test_what_is_deleted_or_too_old_leaves_no_sound(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    talks, clips = await said(database)
    await clips.keep(ANNA, "c", "i", SOUND)
    files = [database.path, database.path.with_name("appliance.db-wal")]

    def traces() -> int:
        return sum(file.read_bytes().count(b"sound that is nowhere else") for file in files)

    assert traces() > 100
    await talks.delete(ANNA, "c")
    await sweep(database, Store())
    assert traces() == 0
    await said(database)
    await clips.keep(ANNA, "c", "i", SOUND)
    later = now_ms() + 3 * DAY_MS
    monkeypatch.setattr(sweeping, "now_ms", lambda: later)
    assert await sweep(database, Store(user_days=5)) == 0
    assert await count(database) == 1
    assert await sweep(database, Store(user_days=2)) > 0
    assert (await count(database), traces()) == (0, 0)


async def test_many_go_in_small_steps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips_module, "STEP_BYTES", 25)
    talks, clips = await said(database, BEN)
    assert await clips.keep(BEN, "c", "i", SOUND)
    for number in range(9):
        await talks.add(ANNA, "c", Addition(items=[Item(id=f"i{number}", words="hello")])).done()
        await clips.keep(ANNA, "c", f"i{number}", Clip(bytes(100 if number == 4 else 10), 1))
    left: list[int] = []
    write = database.write

    async def noted(change: Any) -> Any:
        result = await write(change)
        left.append(await count(database))
        return result

    monkeypatch.setattr(database, "write", noted)
    await talks.delete(ANNA, "c")
    assert left == [8, 6, 5, 3, 1, 1, 1]
    assert (await talks.item(BEN, "c", "i")).clip
