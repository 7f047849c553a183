"""What is kept: database, backups, models."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import pytest
from store.archives import Silent, fill

from appliance.doctor import backups, database, models
from appliance.doctor.child import Answer
from appliance.store import inspection
from appliance.store.backup.creating import create
from appliance.store.backup.kept import STAMP
from doctor.standing import found, outcomes, standing

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.doctor.ground import Ground


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    anyio.run(fill, folder / "appliance.db")
    return folder


@pytest.fixture
def ground(tmp_path: Path, filled: Path) -> Ground:
    stood = standing(tmp_path)
    shutil.copytree(filled, stood.settings.database.parent)
    return stood


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_database_is_left_as_it_is(tmp_path: Path, ground: Ground, deep: bool) -> None:
    folder = ground.settings.database.parent
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert outcomes(database.checks, standing(tmp_path, deep=deep)) == {"database": "ok", "database tables": "ok"}
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_database_in_use(ground: Ground) -> None:
    with closing(sqlite3.connect(ground.settings.database)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("CREATE TABLE loose (n)")
        writer.commit()
        assert outcomes(database.checks, ground) == {
            "database log": "ok", "database": "ok", "database tables": "ok",
        }  # fmt: skip


def test_a_box_that_starts_while_it_is_looked_at(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bool] = []
    path = ground.settings.database

    def faults(_: object, *, deep: bool) -> list[str]:
        looks.append(deep)
        path.with_name("appliance.db-wal").touch()
        return ["half of the old and half of the new"] if len(looks) == 1 else []

    monkeypatch.setattr(inspection, "faults", faults)
    assert outcomes(database.checks, ground)["database"] == "ok"
    assert len(looks) == 2


def test_a_damaged_database(ground: Ground) -> None:
    path = ground.settings.database
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 20))
    check = found(database.checks, ground)["database"]
    assert (check.outcome, "restore" in check.do) == ("fault", True)
    path.write_bytes(b"no database at all" * 1000)
    assert outcomes(database.checks, ground)["database"] == "fault"


def test_rows_that_belong_to_none(tmp_path: Path, ground: Ground) -> None:
    with closing(sqlite3.connect(ground.settings.database)) as writer:
        writer.execute("PRAGMA foreign_keys = OFF")
        writer.execute("DELETE FROM conversations WHERE id = 'c3'")
        writer.commit()
    assert outcomes(database.checks, ground)["database"] == "ok"
    assert outcomes(database.checks, standing(tmp_path, deep=True))["database"] == "fault"


def test_null_is_believed_where_it_is(tmp_path: Path) -> None:
    """SQLite 3.40 says it of sound rows too, where a key has its columns in another order than the table."""
    with closing(sqlite3.connect(tmp_path / "x.db")) as made:
        made.execute("CREATE TABLE a (r INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (id, r)) STRICT, WITHOUT ROWID")
        made.execute("CREATE TABLE b (n INTEGER)")
        made.execute("INSERT INTO a VALUES (1, 'x')")
        made.execute("INSERT INTO b VALUES (NULL)")
        assert inspection.faults(made, deep=False) == []
        made.execute("PRAGMA writable_schema = ON")
        made.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE b (n INTEGER NOT NULL)' WHERE name = 'b'")
        made.commit()
    with closing(inspection.opened(tmp_path / "x.db", 10)) as read:
        assert inspection.faults(read, deep=False) == ["NULL value in b.n"]


def test_tables_of_another_appliance(ground: Ground) -> None:
    with closing(sqlite3.connect(ground.settings.database)) as writer:
        writer.execute("DELETE FROM _sqlite_migrations WHERE name = (SELECT max(name) FROM _sqlite_migrations)")
        writer.commit()
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert outcomes(database.checks, ground)["database tables"] == "note"
        writer.execute("UPDATE _sqlite_migrations SET name = 'm999_later' WHERE rowid = 1")
        writer.commit()
    assert outcomes(database.checks, ground)["database tables"] == "fault"


def test_a_log_that_is_not_folded_in(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LARGE_LOG", 1000)
    with closing(sqlite3.connect(ground.settings.database)) as writer:
        writer.execute("CREATE TABLE loose (n)")
        writer.commit()
        assert outcomes(database.checks, ground)["database log"] == "warning"


def test_a_large_database_is_for_a_deep_look(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "QUICK_BYTES", 1000)
    assert outcomes(database.checks, ground)["database"] == "note"


def test_a_look_that_takes_too_long(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "QUICK_SECONDS", -1.0)
    monkeypatch.setattr(inspection, "STEPS", 1)
    assert outcomes(database.checks, ground) == {"database": "note"}


def test_no_database_yet(tmp_path: Path) -> None:
    assert outcomes(database.checks, standing(tmp_path)) == {"database": "note"}


def test_backups_by_age(tmp_path: Path) -> None:
    ground = standing(tmp_path, provisioned=True)
    assert outcomes(backups.checks, ground)["backup"] == "warning"
    ground.backups.mkdir(parents=True)
    for age, outcome in ((timedelta(days=9), "fault"), (timedelta(days=2), "warning"), (timedelta(hours=3), "ok")):
        (ground.backups / f"appliance-{(datetime.now(UTC) - age).strftime(STAMP)}.tar.gz").touch()
        assert outcomes(backups.checks, ground)["backup"] == outcome


def test_a_checkout_needs_no_backups(tmp_path: Path, ground: Ground) -> None:
    assert outcomes(backups.checks, ground) == {"backup": "note"}
    assert outcomes(backups.checks, standing(tmp_path / "other")) == {"backup": "skipped"}


def test_a_backup_is_read(tmp_path: Path, ground: Ground) -> None:
    made = create(ground.settings.database, ground.backups, Silent(), settings=None, recipients=(), keep=None)
    deep = standing(tmp_path, deep=True)
    assert outcomes(backups.checks, deep) == {"backup": "ok", "backup verified": "ok"}
    whole = bytearray(made.path.read_bytes())
    whole[len(whole) // 2] ^= 255
    made.path.write_bytes(whole)
    assert outcomes(backups.checks, deep) == {"backup": "ok", "backup verified": "fault"}
    made.path.rename(made.path.with_name(made.path.name + ".age"))
    assert outcomes(backups.checks, deep) == {"backup": "ok", "backup verified": "skipped"}


def manifests(root: Path) -> dict[str, dict[str, str]]:
    """A set of one small model of each role, and the model files."""
    folder, shelf = root / "manifests", root / "shelf"
    folder.mkdir()
    roles = {"stt": "faster-whisper", "llm": "llama.cpp", "tts": "piper"}
    for role, engine in roles.items():
        (shelf / role).mkdir(parents=True)
        (shelf / role / "file").write_bytes(b"abc")
        (folder / f"{role}.toml").write_text(
            f'name = "{role}"\nrole = "{role}"\nengine = "{engine}"\ndescription = "x"\nlicence = "MIT"\n'
            f'languages = ["en"]\nmain = "file"\nneeds = {{ ram_mb = 1 }}\n'
            + ('voice = "x"\n' if role == "tts" else "")
            + '[[files]]\npath = "file"\nbytes = 3\nsource = "pypi:x==1"\nmember = "file"\n'
            'sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"\n'  # pragma: allowlist secret
        )
    (folder / "sets.toml").write_text('[starter]\ndescription = "x"\nmodels = ["stt", "llm", "tts"]\n')
    return {"models": {"manifests": str(folder), "dir": str(shelf)}}


def test_models(tmp_path: Path) -> None:
    sections = manifests(tmp_path)
    shallow, deep = standing(tmp_path, sections=sections), standing(tmp_path, sections=sections, deep=True)
    file = tmp_path / "shelf/llm/file"
    assert outcomes(models.checks, shallow)["models"] == outcomes(models.checks, deep)["models"] == "ok"
    file.write_bytes(b"abd")
    assert outcomes(models.checks, shallow)["models"] == "ok"
    assert outcomes(models.checks, deep)["models"] == "fault"
    file.write_bytes(b"ab")
    assert outcomes(models.checks, shallow)["models"] == "fault"
    shutil.rmtree(tmp_path / "shelf/llm")
    check = found(models.checks, shallow)["models"]
    assert (check.outcome, "pull --verify llm" in check.do) == ("fault", True)


def test_a_set_that_there_is_not(tmp_path: Path) -> None:
    sections = manifests(tmp_path)
    sections["models"]["set"] = "other"
    assert outcomes(models.checks, standing(tmp_path, sections=sections)) == {"models": "fault"}
    assert outcomes(models.checks, standing(tmp_path, wrong="x")) == {"models": "skipped"}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("LoadState=loaded\nResult=success\nExecMainExitTimestamp=Thu 2026-11-26 03:00:01 UTC", "ok"),
        ("LoadState=loaded\nResult=exit-code\nExecMainExitTimestamp=Thu 2026-11-26 03:00:01 UTC", "fault"),
        ("LoadState=loaded\nResult=success\nExecMainExitTimestamp=", "note"),
        ("LoadState=not-found\nResult=success", "skipped"),
    ],
)
def test_when_models_were_read(tmp_path: Path, said: str, outcome: str) -> None:
    sections = manifests(tmp_path)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    ground = standing(tmp_path, {"systemctl": Answer(0, f"Id=appliance-verify.service\n{said}\n")}, sections=sections)
    assert outcomes(models.checks, ground)["models verified"] == outcome
