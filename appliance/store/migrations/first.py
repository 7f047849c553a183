"""The first tables: conversations and responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.store.migrations.steps import steps

if TYPE_CHECKING:
    from sqlite_utils import Database


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
