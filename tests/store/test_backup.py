"""Backups: what was acknowledged before one began is in it, and comes back equal."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from sqlite_utils import Database as Tables

from appliance.store import migrations
from appliance.store.backup import creating, kept, restoring, snapshot
from appliance.store.backup.creating import create
from appliance.store.backup.restoring import restore, verify
from appliance.store.database import Database
from appliance.store.faults import BackupError, StoreError
from appliance.store.lock import alone
from store.archives import Silent, contents, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDER = ("create", "create: done", "verify: done", "verify", "restore", "create")
HERE = Path(__file__).parent


class Writer:
    """A process that writes turn after turn; `done` has what was acknowledged."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, str(HERE / "keeps_writing.py"), str(path)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.done: list[str] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.done.append(line.strip())
                self._news.notify()

    def more(self, count: int) -> set[str]:
        """All that was acknowledged, once there are so many more."""
        with self._news:
            until = len(self.done) + count
            assert self._news.wait_for(lambda: len(self.done) >= until, timeout=60)
            return set(self.done)

    def kill(self) -> set[str]:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._thread.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return set(self.done)


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    writer = Writer(path)
    try:
        writer.more(1)
        yield writer
    finally:
        writer.kill()


def items(path: Path) -> set[str]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {row[0] for row in database.execute("SELECT id FROM items")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with something in every table."""
    path = tmp_path / "box" / "appliance.db"
    anyio.run(fill, path)
    return path


def test_all_that_was_acknowledged_before_is_in_it_while_others_write(tmp_path: Path) -> None:
    path = tmp_path / "box" / "appliance.db"
    with writing(path) as writer:
        for number in range(5):
            before = writer.more(20)
            made = create(path, tmp_path / "backups", Silent())
            new = tmp_path / f"new{number}" / "appliance.db"
            restore(made.path, new, Silent())
            assert before <= items(new)
        during = writer.more(1)
    assert len({backup.path for backup in kept.every(tmp_path / "backups")}) == 5
    assert during > before


def test_a_copy_ends_although_others_write_at_every_step(path: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE much (x)")
        other.execute("INSERT INTO much VALUES (zeroblob(20000000))")

        def write(done: int, total: int) -> None:
            assert not steps or done > steps[-1]  # it has begun anew
            steps.append(done)
            other.execute("INSERT INTO much VALUES (zeroblob(100000))")

        snapshot.take(path, tmp_path / "copy.db", write)
        assert len(steps) > 3
        assert other.execute("SELECT count(*) FROM much").fetchone()[0] == len(steps) + 1
    assert snapshot.faults(tmp_path / "copy.db") == []
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM much").fetchone()[0] == 1


@pytest.mark.parametrize("folds", [True, False])
def test_what_a_killed_box_had_in_its_log_is_backed_up_and_kept_beside(
    tmp_path: Path, folds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "box" / "appliance.db"
    with writing(path) as writer:
        writer.more(50)
        first = create(path, tmp_path, Silent())
        writer.more(50)
        done = writer.kill()
        assert path.with_name("appliance.db-wal").stat().st_size > 0
        second = create(path, tmp_path, Silent())
        restore(second.path, tmp_path / "new" / "appliance.db", Silent())
        assert done <= items(tmp_path / "new" / "appliance.db")
        if not folds:  # as where the disk fails
            monkeypatch.setattr(restoring, "fold", lambda _: None)
        restored = restore(first.path, path, Silent(), force=True)
    (before,) = restored.before
    beside = [before.name] if folds else [before.name, f"{before.name}-wal"]
    assert sorted(each.name for each in path.parent.iterdir()) == [".backup", "appliance.db", *beside]
    assert done <= items(before)
    assert not done <= items(path)


def test_a_wiped_box_comes_back_equal(path: Path, tmp_path: Path) -> None:
    config = tmp_path / "appliance.toml"
    config.write_text("[log]\nlevel = 'info'\n")
    path.with_name("admin.key").write_text("va_secret")
    was, watcher = contents(path), Silent()
    made = create(path, tmp_path / "backups", watcher, settings=config)
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert watcher.steps == {"copying", "packing", "checking"}
    assert b"va_secret" not in subprocess.run(["gunzip", "-c", made.path], check=True, capture_output=True).stdout
    assert verify(made.path, tmp_path / "elsewhere", Silent()) == made.manifest
    new = tmp_path / "new" / "appliance.db"
    done = restore(made.path, new, Silent())
    assert contents(new) == was
    assert done.rows == {"conversations": 30, "items": 90, "keys": 1, "responses": 1}
    assert done.settings is not None
    assert done.settings.read_bytes() == config.read_bytes()
    files = [file for file in new.parent.rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    database = Database(new)
    database.open()
    database.close()


def test_nothing_is_overwritten_unless_it_is_asked_for_and_then_it_is_kept(path: Path, tmp_path: Path) -> None:
    made = create(path, tmp_path, Silent())
    was = contents(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM items")
        database.commit()
    path.with_name("documents").joinpath("empty").unlink()
    later = contents(path)
    with pytest.raises(BackupError, match=r"is there already; with --force"):
        restore(made.path, path, Silent())
    assert contents(path) == later
    first = restore(made.path, path, Silent(), force=True).before
    assert contents(path) == was
    assert [each.name.split(".before-")[0] for each in first] == ["documents", "appliance.db"]
    assert not first[0].joinpath("empty").exists()
    assert items(first[1]) == set()
    second = restore(made.path, path, Silent(), force=True).before
    assert not set(first) & set(second)


def test_a_damaged_database_is_not_backed_up_but_can_be_replaced(path: Path, tmp_path: Path) -> None:
    made = create(path, tmp_path / "backups", Silent(), keep=1)
    was, damaged = contents(path), bytearray(path.read_bytes())
    damaged[8192:16384] = b"\xff" * 8192
    path.write_bytes(damaged)
    with pytest.raises(BackupError, match=r"is damaged, so it was not backed up|cannot be copied"):
        create(path, tmp_path / "backups", Silent(), keep=1)
    assert [each.path for each in kept.every(tmp_path / "backups")] == [made.path]
    path.with_name("appliance.db-wal").write_bytes(b"stale" * 1000)
    path.with_name("appliance.db-shm").write_bytes(b"stale" * 1000)
    before = restore(made.path, path, Silent(), force=True).before[-1]
    assert not path.with_name("appliance.db-wal").exists()
    assert contents(path) == was
    assert before.stat().st_size == len(damaged)
    path.unlink()
    for end in ("-wal", "-shm"):
        path.with_name(f"appliance.db{end}").write_bytes(b"stale" * 1000)
    restore(made.path, path, Silent(), force=True)
    assert not {"appliance.db-wal", "appliance.db-shm"} & {each.name for each in path.parent.iterdir()}
    assert contents(path) == was


def test_it_is_not_restored_while_the_database_is_in_use(path: Path, tmp_path: Path) -> None:
    made = create(path, tmp_path, Silent())
    with writing(path) as writer:
        with pytest.raises(StoreError, match="the appliance runs on this database; stop it first"):
            restore(made.path, path, Silent(), force=True)
        assert writer.more(1) <= items(path)
    with closing(sqlite3.connect(path)) as other:  # no appliance, so it holds none of our locks
        other.execute("SELECT count(*) FROM items").fetchone()
        with pytest.raises(BackupError, match="another program has it open"):
            restore(made.path, path, Silent(), force=True)
    with alone(path.parent):
        database = Database(path)
        with pytest.raises(StoreError, match="a backup is being restored"):
            database.open()
        with pytest.raises(StoreError, match="a backup is being restored"):
            create(path, tmp_path, Silent())
        database.close()
    restore(made.path, path, Silent(), force=True)


def test_a_database_that_could_not_be_opened_holds_nothing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE _sqlite_migrations SET name = 'm999_future' WHERE name LIKE 'm001%'")
        connection.commit()
    for why in ("newer appliance", "damaged"):
        database = Database(path)
        with pytest.raises(StoreError, match=why):
            database.open()
        with alone(path.parent):
            pass
        database.close()
        path.write_bytes(b"no database at all, but long enough to be looked at as one" * 100)


async def test_a_database_is_held_until_its_last_change_is_written(path: Path) -> None:
    async with Database(path).running() as database:
        database._known(OSError(5, "it failed"))  # it is opened anew then, and stays held
        with pytest.raises(StoreError, match="runs on this"), alone(path.parent):
            pass
    with alone(path.parent):
        pass


def test_a_newer_schema_is_refused_and_an_older_one_is_brought_up_to_date(path: Path, tmp_path: Path) -> None:
    row = {"migration_set": "appliance", "name": "m999_future", "applied_at": "later"}
    with closing(sqlite3.connect(path)) as connection:
        Tables(connection).table("_sqlite_migrations").insert(row)
        connection.commit()
    made = create(path, tmp_path, Silent())
    assert verify(made.path, tmp_path / "x", Silent()).schema[-1] == "m999_future"
    with pytest.raises(BackupError, match=r"of a newer appliance .*m999_future"):
        restore(made.path, tmp_path / "x" / "appliance.db", Silent())
    assert not (tmp_path / "x" / "appliance.db").exists()

    old = tmp_path / "old" / "appliance.db"
    old.parent.mkdir()
    with closing(sqlite3.connect(old)) as connection:
        migrations.steps.apply(Tables(connection), stop_before="m002_responses")
        connection.commit()
    done = restore(create(old, tmp_path, Silent()).path, tmp_path / "new" / "appliance.db", Silent())
    assert done.rows == {"conversations": 0, "items": 0}
    database = Database(tmp_path / "new" / "appliance.db")
    database.open()
    database.close()
    with closing(sqlite3.connect(tmp_path / "new" / "appliance.db")) as connection:
        assert not migrations.steps.pending(Tables(connection))


def test_only_our_own_and_only_the_oldest_are_deleted(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    strangers = ["appliance-20000101T000000Z.tar.gz.txt", "notes", "appliance-2000.tar.gz"]
    for name in [*strangers, "appliance-20000101T000000Z.tar.gz.age"]:
        (folder / name).write_text("x")
    future = folder / "appliance-20990101T000000Z.tar.gz"  # a clock was wrong
    future.write_text("x")
    first = create(path, folder, Silent()).path
    made = create(path, folder, Silent(), keep=3)
    assert [gone.name for gone in made.gone] == ["appliance-20000101T000000Z.tar.gz.age"]
    made = create(path, folder, Silent(), keep=1)
    assert {future, first} < set(made.gone)
    assert sorted(each.name for each in folder.iterdir()) == sorted([*strangers, made.path.name])


def test_what_killed_ones_left_goes_and_what_is_being_made_stays(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    aside = path.with_name(".backup")
    for left in (aside / "documents" / "x", aside / "appliance.db", folder / ".appliance-20000101T000000Z.tar.gz.new"):
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_text("x")
    with kept.unfinished(folder / "appliance-20000102T000000Z.tar.gz") as (_, busy):
        made = create(path, folder, Silent()).path
        assert {each.name for each in folder.iterdir()} == {made.name, busy.name}
    assert not list(aside.iterdir())


def test_a_backup_that_the_disk_did_not_keep_is_no_success(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = creating._read_again

    def rot(file: Path, *arguments: object, **options: object) -> None:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 4
        file.write_bytes(data)
        whole(file, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(creating, "_read_again", rot)
    with pytest.raises(BackupError, match="did not keep what was written"):
        create(path, tmp_path / "backups", Silent())
    assert not list((tmp_path / "backups").iterdir())


def test_nobody_is_led_elsewhere_by_a_link(path: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    aside = path.with_name(".backup")
    aside.symlink_to(precious)
    for _ in range(2):
        with pytest.raises(BackupError, match="has to be a folder for backups under way"):
            create(path, tmp_path / "to", Silent())
        aside.unlink()
        aside.touch()
    assert [each.name for each in precious.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes folders for others")
def test_nor_by_somebody_elses_folder(path: Path, tmp_path: Path) -> None:
    aside = path.with_name(".backup")
    aside.mkdir()
    os.chown(aside, 65534, 65534)
    with pytest.raises(BackupError, match="belongs to neither"):
        create(path, tmp_path / "to", Silent())


def test_links_among_the_documents_are_refused(path: Path, tmp_path: Path) -> None:
    path.with_name("documents").joinpath("link").symlink_to("/etc/passwd")
    with pytest.raises(BackupError, match=r"documents/link: is neither a file nor a folder"):
        create(path, tmp_path, Silent())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes folders for others")
def test_a_backup_by_root_does_not_keep_the_services_own_out(path: Path, tmp_path: Path) -> None:
    os.chown(path.parent, 65534, 65534)
    create(path, tmp_path / "to", Silent())
    assert (path.parent / ".backup").stat().st_uid == 65534


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user name spaces here: a disk of its own cannot be mounted")
    small, other = tmp_path / "small", tmp_path / "other"
    small.mkdir()
    other.mkdir()
    script = 'mount -t tmpfs -o size=64m none "$2" && exec "$0" "$@"'
    arguments = [sys.executable, str(HERE / "on_a_small_disk.py"), str(small), str(other)]
    command = ["unshare", "-rm", "sh", "-c", script, *arguments]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env={**os.environ})
    assert ended.returncode == 0, ended.stderr
    said = ended.stdout.splitlines()
    for line, begin in zip(said, ORDER, strict=False):
        assert line.startswith(begin)
    for line in (said[0], said[3], said[4]):
        assert "there is too little room on the disk: it has" in line
    assert "No space left" in said[5] or "full" in said[5]
    assert said[6] == str([".backup", "appliance.db", "backups", "filling"])
