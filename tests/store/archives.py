"""What the tests of backups share: a full database, its contents, and archives as an enemy would make them."""

from __future__ import annotations

import hashlib
import sqlite3
import tarfile
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from appliance.store.assistants import Assistants, Preset
from appliance.store.audit import Audit
from appliance.store.backup.manifest import File, Manifest
from appliance.store.backup.packing import Packed
from appliance.store.clips import Clip, Clips
from appliance.store.collections import Collections
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.items import Item
from appliance.store.keys import Keys
from appliance.store.owners import Owner
from appliance.store.responses import Kept, Responses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ANNA = Owner("anna")


class Silent:
    """Is told, and remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: set[str] = set()

    def say(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, what: str, done: int, total: int | None) -> None:
        self.steps.add(what)


async def fill(path: Path) -> None:
    """Something in every table, and documents beside it."""
    async with Database(path).running() as database:
        store = Conversations(database)
        for number in range(30):
            items = [Item(id=f"i{each}", words=f"hello {number} {each}", turn="t") for each in range(3)]
            await store.add(ANNA, f"c{number}", Addition(items=items)).done()
        assert await Clips(database).keep(ANNA, "c3", "i1", Clip(bytes(range(256)) * 40, 3400))
        await Responses(database).keep(ANNA, Kept(id="resp_1", previous=None, input=[], body={"output": [{"id": "o"}]}))
        found = await Collections(database).create(ANNA, name="house")
        await Assistants(database).create(ANNA, Preset(name="Caretaker", collection_ids=(found.id,), retrieval="tool"))
        await Keys(database).create(user="anna", name="first", role="admin")
        Audit(database).note("somebody", "did something")
    documents = path.with_name("documents")
    (documents / "of anna").mkdir(parents=True)
    (documents / "of anna" / "ünïcode.txt").write_text("some words")
    (documents / "empty").touch()


def contents(path: Path) -> dict[str, list[Any]]:
    """All rows of all tables, and the files in `documents`."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows: dict[str, list[Any]] = {
            name: sorted(map(repr, database.execute(f'SELECT * FROM "{name}"')))  # noqa: S608
            for name in names
        }
    for file in path.with_name("documents").rglob("*"):
        if file.is_file():
            rows[str(file.relative_to(path.parent))] = [file.read_bytes()]
    return rows


def described(**files: bytes) -> Manifest:
    """A manifest of files by name, true to their bytes."""
    listed = [File(name=name, bytes=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in files.items()]
    return Manifest(appliance="0.1.0", created="2026-11-26T06:00:00Z", schema=(), files=tuple(listed))


def head(name: str, size: int, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """Of one tar member."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info.tobuf(tarfile.GNU_FORMAT)


def member(name: str, data: bytes) -> bytes:
    """One tar member with its filling."""
    return head(name, len(data)) + data + bytes(-len(data) % 512)


def forged(path: Path, manifest: Manifest | bytes, parts: Sequence[bytes]) -> Path:
    """An archive with a good seal, whatever is in it."""
    with path.open("wb") as file:
        packed = Packed(file)
        text = manifest if isinstance(manifest, bytes) else msgspec.json.encode(manifest)
        for part in [member("manifest.json", text), *parts]:
            packed.write(part)
        packed.seal()
    return path


def small_database() -> bytes:
    """The bytes of a database that is whole and has nothing in it."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE little (x)")
        return database.serialize()
