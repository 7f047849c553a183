"""What is too old goes, and what was deleted leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.settings import Store
from appliance.store import audit, conversations, responses, sweeping
from appliance.store.audit import Audit
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import DAY_MS, now_ms
from appliance.store.items import Item
from appliance.store.owners import Owner
from appliance.store.responses import Kept, Responses
from appliance.store.sweeping import sweep

if TYPE_CHECKING:
    from appliance.store.database import Database

ANNA, ROOT = Owner("anna"), Owner("root", "admin")


async def test_each_role_has_its_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0

    def at(day: int) -> None:
        nonlocal now
        now = day * DAY_MS + 1000

    for module in (audit, conversations, responses, sweeping):
        monkeypatch.setattr(module, "now_ms", lambda: now)
    talks, answers, log = Conversations(database), Responses(database), Audit(database)
    for day in range(10):
        at(day)
        for owner in (ANNA, ROOT):
            await talks.add(owner, f"day{day}", Addition(items=[Item(id="a", words="hello")])).done()
            await answers.keep(owner, Kept(id=f"resp_{day}", previous=None, input=[], body={"output": []}))
        log.note("somebody", f"did {day}")
    await talks.add(ANNA, "day0", Addition(items=[Item(id="b", words="used again")])).done()

    async def names(owner: Owner) -> list[str]:
        return sorted(each.id for each in (await talks.page(owner, limit=100)).conversations)

    assert await sweep(database, Store(response_days=0, audit_days=0)) == 0
    assert await sweep(database, Store(user_days=3.5, admin_days=6.5, response_days=1.5, audit_days=2.5)) > 0
    assert await names(ANNA) == ["day0", "day6", "day7", "day8", "day9"]
    assert await names(ROOT) == ["day3", "day4", "day5", "day6", "day7", "day8", "day9"]
    assert (await answers.get(ANNA, "resp_8")).id == "resp_8"
    with pytest.raises(Exception, match="no longer kept"):
        await answers.get(ANNA, "resp_7")
    assert [entry.action for entry in await log.page()] == ["did 9", "did 8", "did 7"]


async def test_many_go_in_small_steps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    talks = Conversations(database)
    for number in range(sweeping.TOGETHER * 2 + 1):
        talks.add(ANNA, str(number), Addition(items=[Item(id="a", words="hello")]))
    later = now_ms() + 2 * DAY_MS
    monkeypatch.setattr(sweeping, "now_ms", lambda: later)
    assert await sweep(database, Store(user_days=1)) == sweeping.TOGETHER * 2 + 1
    assert (await talks.page(ANNA)).conversations == []


async def test_deleted_words_are_nowhere_in_the_files(database: Database) -> None:
    talks = Conversations(database)
    secret = "xylophonequartz"
    for number in range(32):
        words = f"the word {secret} and others {number}" if number == 31 else f"something else {number}"
        await talks.add(ANNA, f"c{number}", Addition(items=[Item(id="a", words=words)])).done()
    files = [database.path, database.path.with_name("appliance.db-wal")]

    def traces() -> int:
        return sum(file.read_bytes().count(part) for file in files for part in (secret.encode(), b"xylophoneq"))

    assert traces() > 0
    await talks.delete(ANNA, "c31")
    await sweep(database, Store())
    assert traces() == 0
    assert (await talks.page(ANNA, words="something")).conversations
