"""The database's tables, as numbered steps that are never edited once they were released."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlite_utils import Migrations

from appliance.store.faults import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlite_utils import Database

steps: Final = Migrations("appliance")
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
def m001_conversations(database: Database) -> None:
    """What was said. `owner` is a user's name, `place` orders the items of a conversation."""
    database.executescript("""
        CREATE TABLE conversations (
            number INTEGER PRIMARY KEY,
            owner TEXT NOT NULL,
            id TEXT NOT NULL,
            role TEXT NOT NULL CHECK (role IN ('admin', 'user')),
            title TEXT NOT NULL DEFAULT '',
            metadata TEXT NOT NULL DEFAULT '{}',
            created_ms INTEGER NOT NULL,
            updated_ms INTEGER NOT NULL,
            UNIQUE (owner, id)
        ) STRICT;
        CREATE INDEX conversations_by_use ON conversations (owner, updated_ms, number);
        CREATE INDEX conversations_by_age ON conversations (role, updated_ms);

        CREATE TABLE items (
            number INTEGER PRIMARY KEY,
            conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
            id TEXT NOT NULL,
            turn TEXT NOT NULL DEFAULT '',
            place INTEGER NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('message', 'function_call', 'function_call_output', 'reasoning')),
            role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
            status TEXT NOT NULL CHECK (status IN ('in_progress', 'completed', 'incomplete')),
            words TEXT NOT NULL DEFAULT '',
            text TEXT NOT NULL DEFAULT '',
            source TEXT NOT NULL DEFAULT '',
            call_id TEXT NOT NULL DEFAULT '',
            name TEXT NOT NULL DEFAULT '',
            aloud INTEGER NOT NULL DEFAULT 0,
            timings TEXT NOT NULL DEFAULT '{}',
            created_ms INTEGER NOT NULL,
            UNIQUE (conversation, id)
        ) STRICT;
        CREATE INDEX items_in_order ON items (conversation, place);
        CREATE INDEX items_of_turn ON items (conversation, turn) WHERE turn != '';

        CREATE VIRTUAL TABLE items_words USING fts5(
            words, content = 'items', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
        );
        CREATE TRIGGER items_added AFTER INSERT ON items BEGIN
            INSERT INTO items_words (rowid, words) VALUES (new.number, new.words);
        END;
        CREATE TRIGGER items_removed AFTER DELETE ON items BEGIN
            INSERT INTO items_words (items_words, rowid, words) VALUES ('delete', old.number, old.words);
        END;
        CREATE TABLE chores (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        CREATE TRIGGER items_to_scrub AFTER DELETE ON items BEGIN
            INSERT OR IGNORE INTO chores VALUES ('items_words');
        END;
        CREATE TRIGGER items_changed AFTER UPDATE OF words ON items WHEN old.words != new.words BEGIN
            INSERT INTO items_words (items_words, rowid, words) VALUES ('delete', old.number, old.words);
            INSERT INTO items_words (rowid, words) VALUES (new.number, new.words);
            INSERT OR IGNORE INTO chores VALUES ('items_words');
        END;
    """)


@steps()
def m002_responses(database: Database) -> None:
    """Responses by id, to go on from, and where their items are."""
    database.executescript("""
        CREATE TABLE responses (
            number INTEGER PRIMARY KEY,
            owner TEXT NOT NULL,
            id TEXT NOT NULL,
            previous TEXT,
            conversation TEXT,
            kept BLOB NOT NULL,
            created_ms INTEGER NOT NULL,
            UNIQUE (owner, id)
        ) STRICT;
        CREATE INDEX responses_by_age ON responses (created_ms);
        CREATE INDEX responses_of ON responses (owner, conversation) WHERE conversation IS NOT NULL;
        CREATE TABLE response_items (
            response INTEGER NOT NULL REFERENCES responses ON DELETE CASCADE,
            id TEXT NOT NULL,
            PRIMARY KEY (id, response)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX response_items_of ON response_items (response);
    """)


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
def m008_vectors(database: Database) -> None:
    """What passages mean, as `model` has it: 8-bit numbers. No number is ever given twice."""
    database.executescript("""
        CREATE TABLE vectors (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            passage INTEGER NOT NULL UNIQUE REFERENCES passages ON DELETE CASCADE,
            model TEXT NOT NULL,
            vector BLOB NOT NULL
        ) STRICT;
    """)
