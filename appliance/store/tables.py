"""What a database has in it, table by table, as it is asked before and after all of it was moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.store.faults import StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

MIGRATIONS: Final = "_sqlite_migrations"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def ordinary(connection: sqlite3.Connection, schema: str = "main") -> list[str]:
    """Names of the tables that hold rows of their own: no views, no search, nothing of SQLite's or of the steps'."""
    rows = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = ? AND type = 'table' ORDER BY name", [schema]
    )
    return [name for (name,) in rows if not name.startswith("sqlite_") and name != MIGRATIONS]


def columns(connection: sqlite3.Connection, table: str, schema: str = "main") -> list[str]:
    """Names of the columns that can be written, in order."""
    rows = connection.execute("SELECT name FROM pragma_table_xinfo(?, ?) WHERE hidden = 0", [table, schema])
    return [name for (name,) in rows]


def counts(connection: sqlite3.Connection, schema: str = "main") -> dict[str, int]:
    """Rows of every ordinary table."""
    return {
        table: int(connection.execute(f"SELECT count(*) FROM {schema}.{quoted(table)}").fetchone()[0])
        for table in ordinary(connection, schema)
    }


def compare(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Raise `StoreError` with the first table that has not as many rows as it had; one that is gone had to be empty."""
    for table, rows in before.items():
        if (now := after.get(table, 0)) != rows:
            raise StoreError(f"{table} had {rows:,} rows and would have {now:,}")


def check_search(connection: sqlite3.Connection) -> None:
    """Raise SQLite's error if what is searched is not what the tables have."""
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%USING fts5(%'")
    for (name,) in rows.fetchall():
        connection.execute(f"INSERT INTO {quoted(name)} ({quoted(name)}, rank) VALUES ('integrity-check', 1)")
