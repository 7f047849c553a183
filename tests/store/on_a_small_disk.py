"""Backs up and restores where there is too little room, and says what became of it. Run by `test_backup`.

The disk at the first argument has 64 MB, the one at the second has enough.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sqlite_utils import Database as Tables

from appliance.store.backup import creating
from appliance.store.backup.creating import create
from appliance.store.backup.restoring import restore, verify
from appliance.store.database import Database
from appliance.store.faults import BackupError

ROWS = "INSERT INTO responses (owner, id, kept, created_ms) VALUES ('anna', ?, randomblob(1000000), 0)"


class Nobody:
    """Is told."""

    def say(self, text: str) -> None: ...

    def progress(self, what: str, done: int, total: int | None) -> None: ...


def attempt(what: str, *arguments: object, **options: object) -> None:
    try:
        {"create": create, "verify": verify, "restore": restore}[what](*arguments, Nobody(), **options)  # type: ignore[operator]
    except (BackupError, OSError) as error:
        print(f"{what}: {error}")
    else:
        print(f"{what}: done")


def main(small: Path, other: Path) -> None:
    path = small / "appliance.db"
    database = Database(path)
    database.open()
    database.close()
    tables = Tables(path)
    for number in range(20):
        tables.execute(ROWS, [str(number)])
    tables.conn.commit()
    tables.conn.close()
    attempt("create", path, small / "backups")
    attempt("create", path, other)
    (archive,) = other.iterdir()
    attempt("verify", archive, small)
    (small / "filling").write_bytes(bytes(20_000_000))
    attempt("verify", archive, small)
    attempt("restore", archive, path, force=True)
    vars(creating)["check_room"] = lambda _: None  # somebody else fills the disk meanwhile
    attempt("create", path, small / "backups")
    print(sorted(str(each.relative_to(small)) for each in small.rglob("*") if not each.name.endswith(("-shm", "-wal"))))


main(Path(sys.argv[1]), Path(sys.argv[2]))
