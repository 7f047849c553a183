"""The database's tables, as numbered steps that are never edited once they were released."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from appliance.store.faults import StoreError
from appliance.store.migrations.first import m001_conversations, m002_responses
from appliance.store.migrations.steps import steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlite_utils import Database

__all__ = ["applied", "m001_conversations", "m002_responses", "migrate", "newer", "steps"]

NUMBERED: Final = re.compile(r"m\d{3}_")


def migrate(database: Database) -> None:
    """Apply what is missing, in one transaction. Raises `StoreError` for a file that a newer appliance has written."""
    if not _missing(database):
        return
    database.execute("BEGIN IMMEDIATE")  # a command and the server may come at the same time
    try:
        if _missing(database):
            steps.apply(database)
        database.commit()
    finally:
        database.rollback()


def applied(database: Database) -> tuple[str, ...]:
    """Names of the steps that a file has behind it, in order."""
    return tuple(step.name for step in steps.applied(database))


def newer(names: Iterable[str]) -> list[str]:
    """Those of these steps that only a newer appliance knows, in order."""
    return sorted(set(names) - {name for name in globals() if NUMBERED.match(name)})


def _missing(database: Database) -> bool:
    if unknown := newer(applied(database)):
        raise StoreError(f"it was written by a newer appliance ({unknown[-1]}); install that, or restore a backup")
    return bool(steps.pending(database))


@steps()
def m003_identity(database: Database) -> None:
    """Who may come in, who has, and what was done. Secrets are kept as digests only."""
    database.executescript("""
        CREATE TABLE keys (
            id TEXT PRIMARY KEY,
            digest BLOB NOT NULL,
            user TEXT NOT NULL,
            name TEXT NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('admin', 'user')),
            scopes TEXT NOT NULL DEFAULT '[]',
            limits TEXT NOT NULL DEFAULT '{}',
            created_ms INTEGER NOT NULL,
            expires_ms INTEGER,
            revoked_ms INTEGER,
            used_ms INTEGER
        ) STRICT;
        CREATE TABLE sign_ins (
            digest BLOB PRIMARY KEY,
            key TEXT NOT NULL REFERENCES keys ON DELETE CASCADE,
            created_ms INTEGER NOT NULL,
            expires_ms INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX sign_ins_of ON sign_ins (key);
        CREATE TABLE audit (
            number INTEGER PRIMARY KEY,
            at_ms INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            object TEXT NOT NULL DEFAULT '',
            address TEXT NOT NULL DEFAULT '',
            times INTEGER NOT NULL DEFAULT 1
        ) STRICT;
        CREATE INDEX audit_by_time ON audit (at_ms);
        CREATE INDEX audit_alike ON audit (action, actor, address, object, at_ms);
    """)


@steps()
def m004_usage(database: Database) -> None:
    """What each key has used, by day (UTC)."""
    database.executescript("""
        CREATE TABLE usage (
            day TEXT NOT NULL,
            key TEXT NOT NULL,
            user TEXT NOT NULL,
            requests INTEGER NOT NULL,
            heard_ms INTEGER NOT NULL,
            spoken_ms INTEGER NOT NULL,
            read_tokens INTEGER NOT NULL,
            written_tokens INTEGER NOT NULL,
            documents INTEGER NOT NULL,
            PRIMARY KEY (day, key)
        ) STRICT, WITHOUT ROWID;
    """)


@steps()
def m005_knowledge(database: Database) -> None:
    """Documents, what they say, and which belong together. `status` says how far a document has been read."""
    database.executescript("""
        CREATE TABLE documents (
            number INTEGER PRIMARY KEY,
            owner TEXT NOT NULL,
            id TEXT NOT NULL,
            name TEXT NOT NULL,
            purpose TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('waiting', 'reading', 'ready', 'failed', 'going')),
            code TEXT NOT NULL DEFAULT '',
            message TEXT NOT NULL DEFAULT '',
            passages INTEGER NOT NULL DEFAULT 0,
            created_ms INTEGER NOT NULL,
            UNIQUE (owner, id)
        ) STRICT;
        CREATE INDEX documents_to_do ON documents (number) WHERE status IN ('waiting', 'reading', 'going');

        CREATE TABLE collections (
            number INTEGER PRIMARY KEY,
            owner TEXT NOT NULL,
            id TEXT NOT NULL,
            name TEXT NOT NULL,
            metadata TEXT NOT NULL DEFAULT '{}',
            created_ms INTEGER NOT NULL,
            UNIQUE (owner, id)
        ) STRICT;
        CREATE TABLE members (
            collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
            document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
            added_ms INTEGER NOT NULL,
            PRIMARY KEY (collection, document)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX members_by_document ON members (document);

        CREATE TABLE passages (
            number INTEGER PRIMARY KEY,
            document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
            ordinal INTEGER NOT NULL,
            heading TEXT NOT NULL,
            page INTEGER,
            start INTEGER NOT NULL,
            text TEXT NOT NULL,
            UNIQUE (document, ordinal)
        ) STRICT;
        CREATE VIRTUAL TABLE passages_words USING fts5(
            text, heading, content = 'passages', content_rowid = 'number',
            tokenize = 'porter unicode61 remove_diacritics 2'
        );
        CREATE VIRTUAL TABLE passages_terms USING fts5vocab(passages_words, row);
        CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
            INSERT INTO passages_words (rowid, text, heading) VALUES (new.number, new.text, new.heading);
        END;
        CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
            INSERT INTO passages_words (passages_words, rowid, text, heading)
            VALUES ('delete', old.number, old.text, old.heading);
            INSERT OR IGNORE INTO chores VALUES ('passages_words');
        END;
    """)


@steps()
def m006_assistants(database: Database) -> None:
    """Presets that answer by name. `called` is the name as it is looked up; what is shared answers to everybody."""
    database.executescript("""
        CREATE TABLE assistants (
            number INTEGER PRIMARY KEY,
            owner TEXT NOT NULL,
            id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            called TEXT NOT NULL,
            description TEXT NOT NULL,
            instructions TEXT NOT NULL,
            model TEXT NOT NULL,
            voice TEXT,
            language TEXT,
            temperature REAL,
            top_p REAL,
            tools TEXT NOT NULL,
            retrieval TEXT NOT NULL CHECK (retrieval IN ('automatic', 'tool')),
            shared INTEGER NOT NULL CHECK (shared IN (0, 1)),
            metadata TEXT NOT NULL,
            created_ms INTEGER NOT NULL,
            UNIQUE (owner, called)
        ) STRICT;
        CREATE UNIQUE INDEX assistants_shared ON assistants (called) WHERE shared = 1;
        CREATE TABLE assistant_collections (
            assistant INTEGER NOT NULL REFERENCES assistants ON DELETE CASCADE,
            collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,
            place INTEGER NOT NULL,
            PRIMARY KEY (assistant, collection)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX assistants_by_collection ON assistant_collections (collection);
    """)


@steps()
def m007_sources(database: Database) -> None:
    """What of documents a reply rests on: a list of objects, as `jobs.Source` has them."""
    database.executescript("ALTER TABLE items ADD COLUMN sources TEXT NOT NULL DEFAULT '[]';")


@steps()
def m009_clips(database: Database) -> None:
    """What was said aloud, as Ogg Opus: it goes with its item."""
    database.executescript("""
        CREATE TABLE clips (
            item INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE,
            milliseconds INTEGER NOT NULL,
            audio BLOB NOT NULL
        ) STRICT;
    """)
