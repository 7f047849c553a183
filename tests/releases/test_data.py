"""Copies of a database before a switch."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from appliance.releases import data
from appliance.releases.faults import Refused
from appliance.releases.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(root=tmp_path)
    layout.state.mkdir(parents=True)
    return layout


@pytest.fixture
def database(layout: Layout, tmp_path: Path) -> Path:
    """With rows that SQLite 3.40 takes for damaged: a key whose columns stand in another order than the table's."""
    path = tmp_path / "appliance.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE kept (a INTEGER NOT NULL, b TEXT NOT NULL, PRIMARY KEY (b, a)) WITHOUT ROWID")
        connection.executemany("INSERT INTO kept VALUES (?, ?)", [(number, "x" * 100) for number in range(2000)])
    return path


def test_a_sound_database_is_copied_whole(layout: Layout, database: Path) -> None:
    data.take(layout, database, "1.0")
    with closing(sqlite3.connect(data.before(layout) / "1.0" / data.NAME)) as copy:
        assert copy.execute("SELECT count(*) FROM kept").fetchone() == (2000,)


def test_a_damaged_one_is_refused(layout: Layout, database: Path) -> None:
    whole = bytearray(database.read_bytes())
    middle = len(whole) // 8192 * 4096  # the beginning of a page in the middle
    whole[middle : middle + 64] = bytes(64)
    database.write_bytes(whole)
    with pytest.raises(Refused, match=r"the copy of the database (is damaged|cannot be read)"):
        data.take(layout, database, "1.0")
    assert not (data.before(layout) / "1.0").exists()


def test_only_a_plain_file_is_copied(layout: Layout, database: Path) -> None:
    database.unlink()
    os.mkfifo(database)
    with pytest.raises(Refused, match=r"appliance\.db: is no plain file"):
        data.take(layout, database, "1.0")


def test_the_room_on_one_disk_is_counted_once(layout: Layout, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two folders are on one disk here."""
    size = data.size(database)
    free = [data.SPARE_BYTES + size + 5000]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    data.check_room(layout, database, 5000)
    free[0] -= 1
    with pytest.raises(Refused, match=r"the disk has 64 MB free, and 64 MB are needed"):
        data.check_room(layout, database, 5000)


def test_old_databases_of_newer_releases_go_but_for_the_last(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    layout.remembered.mkdir(parents=True)
    today = f"{datetime.now(UTC):%Y%m%d}"
    names = ["20260101T000000Z", "20260102T000000123456Z", "20260102T000000Z-2", f"{today}T000000Z", f"{today}T000001Z"]
    for name in names:
        (layout.remembered / f"appliance.db.newer-{name}").touch()
    (layout.remembered / f"appliance.db.newer-{names[0]}-wal").touch()
    (layout.remembered / "appliance.db.newer-notes").touch()
    assert [path.name.removeprefix("appliance.db.newer-") for path in data.sweep(layout, layout.database)] == names[:3]
    left = sorted(path.name.removeprefix("appliance.db.newer-") for path in layout.remembered.iterdir())
    assert left == [*names[3:], "notes"]
    for name in names[3:]:
        (layout.remembered / f"appliance.db.newer-{name}").unlink()
    (layout.remembered / f"appliance.db.newer-{names[0]}").touch()
    assert data.sweep(layout, layout.database) == []
