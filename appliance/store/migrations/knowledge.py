"""Documents, what answers from them, and what rests on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


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


def m007_sources(database: Database) -> None:
    """What of documents a reply rests on: a list of objects, as `jobs.Source` has them."""
    database.executescript("ALTER TABLE items ADD COLUMN sources TEXT NOT NULL DEFAULT '[]';")


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
