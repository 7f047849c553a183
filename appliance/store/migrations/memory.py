"""What was said, who may speak, and what they used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


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


def m009_clips(database: Database) -> None:
    """What was said aloud, as Ogg Opus: it goes with its item."""
    database.executescript("""
        CREATE TABLE clips (
            item INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE,
            milliseconds INTEGER NOT NULL,
            audio BLOB NOT NULL
        ) STRICT;
    """)


def m010_turns(database: Database) -> None:
    """What became of each turn, stage by stage, as `appliance.story` has it: it goes with its conversation."""
    database.executescript("""
        CREATE TABLE turns (
            number INTEGER PRIMARY KEY,
            owner TEXT NOT NULL,
            id TEXT NOT NULL,
            conversation INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
            story TEXT NOT NULL,
            UNIQUE (owner, id)
        ) STRICT;
        CREATE INDEX turns_in_order ON turns (owner, number);
        CREATE INDEX turns_of ON turns (conversation);
    """)
