"""Going to a newer appliance on a copy, and back from one with all that was said meanwhile."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.cli.main import main
from appliance.store import migrations
from appliance.store.backup.scratch import SPARE_BYTES
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.faults import StoreError
from appliance.store.items import Item
from appliance.store.lock import shared
from appliance.store.rehearsing import rehearse
from appliance.store.tables import ordinary
from appliance.store.taking_over import take_over
from store.archives import ANNA, Silent, contents, fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDER = "ALTER TABLE items ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'"
MORE = "CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT; INSERT INTO notes VALUES (1, 'x')"
SEARCHED = "CREATE VIRTUAL TABLE notes_words USING fts5(text); INSERT INTO chores VALUES ('notes_words')"
INDEXED = "CREATE INDEX items_by_kind ON items (kind); DROP INDEX conversations_by_age"
KEPT = (WIDER, MORE, SEARCHED, INDEXED)
LOST = {
    "ALTER TABLE clips RENAME TO sounds": "the newer appliance has no table clips",
    "ALTER TABLE keys RENAME COLUMN name TO label": "the newer appliance has no column name in keys",
    "ALTER TABLE items DROP COLUMN sources": "the newer appliance has no column sources in items",
    "PRAGMA ignore_check_constraints = ON; UPDATE items SET kind = 'picture'": "CHECK constraint failed",
    "DELETE FROM conversations WHERE number = 1": "items has rows that belong to none",
}


def grown(path: Path, *changes: str) -> None:
    """As a newer appliance has it, after these changes."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for change in changes:
            connection.executescript(change)
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('appliance', 'm900_later', 'now')"
        )


def rows(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(map(repr, connection.execute(f'SELECT * FROM "{table}"')))  # noqa: S608
            for table in ordinary(connection)
        }


@pytest.fixture
def full(tmp_path: Path) -> Path:
    path = tmp_path / "box" / "appliance.db"
    anyio.run(fill, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA foreign_keys = ON;"
            "INSERT INTO documents VALUES (1, 'anna', 'd', 'a', 'p', 1, 's', 'ready', '', '', 1, 1);"
            "INSERT INTO passages VALUES (1, 1, 0, '', NULL, 0, 'the spoons'), (2, 1, 1, '', NULL, 9, 'gone');"
            "INSERT INTO vectors (passage, model, vector) VALUES (1, 'm', x'01'), (2, 'm', x'02');"
            "DELETE FROM passages WHERE number = 2;"
        )
    return path


def test_what_was_said_meanwhile_comes_back_with_us(full: Path) -> None:
    before = rows(full)
    grown(full, *KEPT)
    with closing(sqlite3.connect(full, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO items (number, conversation, id, place, kind, role, status, words, created_ms, mood)"
            " VALUES (900, 1, 'new', 9, 'message', 'user', 'completed', 'marmalade', 1, 'merry')"
        )
    done = take_over(full, full, Silent())
    assert done is not None
    assert done.undone == ["m900_later"]
    (aside,) = done.before
    assert aside.name.startswith("appliance.db.newer-")
    assert not aside.with_name(aside.name + "-wal").exists()
    assert rows(aside)["notes"] == ["(1, 'x')"]
    after = rows(full)
    assert {row for row in after.pop("items") if "marmalade" not in row} == set(before.pop("items"))
    assert after == before
    assert (full.stat().st_mode & 0o777, contents(full)["documents/empty"]) == (0o600, [b""])
    with closing(sqlite3.connect(full)) as connection:
        words = "SELECT rowid FROM items_words WHERE items_words MATCH 'marmalade'"
        assert connection.execute(words).fetchall() == [(900,)]
        assert connection.execute("SELECT rowid FROM passages_words WHERE passages_words MATCH 'spoon'").fetchone()
        assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'vectors'").fetchall() == [(2,)]
        assert connection.execute("SELECT * FROM chores WHERE name = 'notes_words'").fetchall() == []


async def test_the_appliance_works_on_with_what_it_took_over(tmp_path: Path) -> None:
    path = tmp_path / "appliance.db"
    await fill(path)
    grown(path, *KEPT)
    newer = Database(path)
    with pytest.raises(StoreError, match="newer appliance"):
        newer.open()
    newer.close()
    assert take_over(path, path, Silent()) is not None
    assert take_over(path, path, Silent()) is None  # again: nothing to do
    async with Database(path).running() as database:
        await Conversations(database).add(ANNA, "c3", Addition(items=[Item(id="z", words="again")])).done()


@pytest.mark.parametrize(("change", "why"), LOST.items())
def test_nothing_is_done_where_rows_would_be_lost(full: Path, change: str, why: str) -> None:
    grown(full, change)
    before = rows(full)
    with pytest.raises(StoreError, match=why):
        take_over(full, full, Silent())
    with pytest.raises(StoreError, match=why):
        rehearse(full, Silent())
    assert rows(full) == before
    assert sorted(path.name for path in full.parent.glob("*.db*")) == ["appliance.db"]
    assert list((full.parent / ".backup").iterdir()) == []


def test_there_need_be_room_for_one_copy_only(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(full, WIDER)
    free = SPARE_BYTES + full.stat().st_size * 3 // 2
    monkeypatch.setattr("appliance.store.backup.scratch.shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    assert take_over(full, full, Silent()) is not None


def test_not_while_the_appliance_runs(full: Path) -> None:
    grown(full, WIDER)
    with shared(full.parent), pytest.raises(StoreError, match="stop it first"):
        take_over(full, full, Silent())


def test_a_file_from_elsewhere_takes_the_place_and_stays(full: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "appliance.db"
    elsewhere.write_bytes(full.read_bytes())
    grown(elsewhere, WIDER)
    done = take_over(full, elsewhere, Silent())
    assert done is not None
    assert rows(done.before[0]) == rows(full)
    assert elsewhere.exists()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40), max_size=8),
    audio=st.binary(max_size=40), gaps=st.sets(st.integers(1, 60)), changes=st.sets(st.sampled_from(KEPT)),
)  # fmt: skip
def test_any_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, said: list[str], audio: bytes, gaps: set[int], changes: set[str]
) -> None:
    path = tmp_path_factory.mktemp("any") / "appliance.db"
    database = Database(path)
    database.open()
    database.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("INSERT INTO conversations VALUES (7, 'a', 'c', 'user', '', '{}', 1, 1)")
        for number, words in enumerate(said, 1):
            connection.execute(
                "INSERT INTO items (number, conversation, id, place, kind, role, status, words, created_ms)"
                " VALUES (?, 7, ?, ?, 'message', 'user', 'completed', ?, 1)",
                [number * 10, str(number), number, words],
            )
            connection.execute("INSERT INTO clips VALUES (?, 5, ?)", [number * 10, audio])
        for gap in gaps:
            connection.execute("DELETE FROM items WHERE number = ?", [gap])
    before = rows(path)
    grown(path, *changes)
    done = take_over(path, path, Silent())
    assert done is not None
    after = rows(path)
    assert after == before | {"chores": after["chores"]}
    assert set(after["chores"]) >= set(before["chores"])


def later(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """This appliance knows one step more."""
    steps = type(migrations.steps)("appliance")
    for name, step in [*migrations.STEPS.items(), ("m900_later", lambda tables: tables.executescript(script))]:
        steps(name=name)(step)
    monkeypatch.setattr(migrations, "steps", steps)
    monkeypatch.setattr(migrations, "STEPS", {**migrations.STEPS, "m900_later": None})


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("CREATE TABLE half (x); CREATE TABLE half (x);", "table half already exists"),
        ("DELETE FROM clips", "clips had 1 rows and would have 0"),
        ("DROP TABLE clips", "clips had 1 rows and would have 0"),
        ("INSERT INTO items_words (rowid, words) VALUES (9999, 'never said')", "malformed"),
    ],
)
def test_a_step_that_would_fail_fails_on_the_copy(
    full: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    before = full.read_bytes()
    later(monkeypatch, script)
    with pytest.raises(StoreError, match=why):
        rehearse(full, Silent())
    assert full.read_bytes() == before
    assert list((full.parent / ".backup").iterdir()) == []


async def test_rehearsed_beside_a_box_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "appliance.db"
    await fill(path)
    async with Database(path).running() as database:
        later(monkeypatch, WIDER)
        done = rehearse(path, Silent(), keep=tmp_path / "kept.db")
        await Conversations(database).add(ANNA, "c3", Addition(items=[Item(id="z", words="again")])).done()
    assert (done.made, done.rows["items"]) == (["m900_later"], 90)
    with closing(sqlite3.connect(tmp_path / "kept.db")) as connection:
        assert connection.execute("SELECT count(*) FROM items WHERE mood = 'calm'").fetchone() == (90,)


@pytest.fixture
def run(full: Path) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(main, ["store", *words, "--state-dir", str(full.parent)])


def test_as_it_is_typed(run: Callable[..., Result], full: Path) -> None:
    told = json.loads(run("steps", "--json").output)
    assert told == {"database": str(full), "known": migrations.known(), "applied": migrations.known()}
    assert "0 steps made" in run("rehearse").output
    assert "nothing to take over" in run("take-over", str(full)).output
    grown(full, WIDER)
    assert "m900_later  applied by a newer appliance" in run("steps").output
    assert "1 steps of a newer appliance undone" in run("rehearse").output
    assert "without m900_later" in run("take-over", str(full)).output
    grown(full, next(iter(LOST)))
    refused = run("take-over", str(full))
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    full.unlink()
    assert json.loads(run("steps", "--json").output)["applied"] is None
    assert run("rehearse").exit_code == 1
