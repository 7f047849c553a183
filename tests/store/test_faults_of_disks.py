"""What is said of a disk, by what SQLite says and how much room there is."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from appliance.errors import ApplianceError
from appliance.store.faults import storage_error

if TYPE_CHECKING:
    from pathlib import Path

FULL, FREE = 4096, 1 << 30


@pytest.mark.parametrize(
    ("code", "free", "said"),
    [
        (sqlite3.SQLITE_FULL, FREE, "storage_full"),
        (sqlite3.SQLITE_CANTOPEN, FULL, "storage_full"),
        (sqlite3.SQLITE_CANTOPEN, FREE, "storage_failed"),
        (sqlite3.SQLITE_IOERR_WRITE, FULL, "storage_full"),
        (sqlite3.SQLITE_IOERR_WRITE, FREE, "storage_failed"),
        (sqlite3.SQLITE_READONLY, FULL, "storage_failed"),
    ],
)
def test_a_full_disk_is_told_whatever_sqlite_calls_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, free: int, said: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 1 << 40, free))
    error = sqlite3.OperationalError("it went wrong")
    error.sqlite_errorcode = code
    known = storage_error(error, tmp_path)
    assert isinstance(known, ApplianceError)
    assert known.code == said
