"""The archive: any damage is noticed and named, and an enemy's is refused before it does anything."""

from __future__ import annotations

import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import anyio
import msgspec
import pytest

from appliance.store.backup import manifest as manifests
from appliance.store.backup.creating import create
from appliance.store.backup.encryption import MAGIC
from appliance.store.backup.packing import SEAL_BYTES
from appliance.store.backup.restoring import restore, verify
from appliance.store.faults import BackupError, Damaged
from store.archives import Silent, contents, described, fill, forged, head, member, small_database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.store.backup.manifest import Manifest

PLACES = 40
"""Where a byte is flipped, evenly over the file."""
END = bytes(1024)
DATABASE = small_database()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with something in every table, and documents."""
    path = tmp_path_factory.mktemp("box") / "appliance.db"
    anyio.run(fill, path)
    return path


@pytest.fixture(scope="module")
def plain(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create(path, tmp_path_factory.mktemp("plain"), Silent()).path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[str, Path]]:
    """A recipient and the file of its identity, by name."""
    from pyrage import x25519

    folder = tmp_path_factory.mktemp("keys")

    def make(name: str) -> tuple[str, Path]:
        identity, file = x25519.Identity.generate(), folder / name
        file.write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")
        return str(identity.to_public()), file

    return make


def damaged(data: bytes, place: int, mask: int) -> bytes:
    return data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]


def places(size: int) -> list[int]:
    """Some everywhere, all of gzip's head, and some of the seal and before it."""
    tail = range(size - SEAL_BYTES - 20, size, 7)
    return sorted({*range(0, size, size // PLACES), *range(12), *tail, size - 1})


def test_every_flipped_bit_is_noticed(plain: Path, tmp_path: Path) -> None:
    data, file, said = plain.read_bytes(), tmp_path / plain.name, set()
    for number, place in enumerate(places(len(data))):
        file.write_bytes(damaged(data, place, 1 << number % 8))
        with pytest.raises(Damaged, match=" is damaged: ") as raised:
            verify(file, tmp_path / "x", Silent())
        said.add(str(raised.value).partition(" is damaged")[0])
    assert said >= {"the manifest (manifest.json)", "appliance.db", "the archive itself"}
    file.write_bytes(data)
    verify(file, tmp_path / "x", Silent())


def test_every_flipped_bit_of_an_encrypted_one_is_noticed(
    path: Path, keys: Callable[[str], tuple[str, Path]], tmp_path: Path
) -> None:
    recipient, identity = keys("ours")
    whole = create(path, tmp_path / "whole", Silent(), recipients=[recipient]).path
    data, file = whole.read_bytes(), tmp_path / whole.name
    for number, place in enumerate(range(0, len(data), len(data) // PLACES)):
        file.write_bytes(damaged(data, place, 1 << number % 8))
        with pytest.raises(BackupError, match=r" is damaged: |opens it, or its head is damaged"):
            verify(file, tmp_path / "x", Silent(), identities=identity)


def test_a_part_is_named_by_its_name(tmp_path: Path) -> None:
    files = {"appliance.db": DATABASE, "documents/a": b"some words", "documents/b": b"others"}
    parts = {name: member(name, data) for name, data in files.items()}
    whole = forged(tmp_path / "whole", described(**files), [*parts.values(), END])
    assert len(verify(whole, tmp_path / "x", Silent()).files) == 3
    for name, data in files.items():
        for changed in (
            member(name, damaged(data, len(data) // 2, 1)),
            damaged(parts[name], len(parts[name]) - 1, 1),
        ):
            file = forged(tmp_path / "bad", described(**files), [*({**parts, name: changed}).values(), END])
            with pytest.raises(Damaged, match=f"^{name} is damaged: "):
                verify(file, tmp_path / "x", Silent())


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_one_that_is_cut_or_goes_on_is_noticed(
    path: Path, request: pytest.FixtureRequest, tmp_path: Path, encrypted: bool
) -> None:
    recipients, identity = [], None
    if encrypted:
        recipient, identity = request.getfixturevalue("keys")("ours")
        recipients = [recipient]
    data = create(path, tmp_path / "whole", Silent(), recipients=recipients).path.read_bytes()
    file = tmp_path / "cut"
    cuts = [0, 1, 100, len(data) // 2, len(data) - SEAL_BYTES, len(data) - 1]
    for changed in [*(data[:cut] for cut in cuts), data + b"\0", data + data]:
        file.write_bytes(changed)
        with pytest.raises(BackupError, match=r" is damaged: |opens it, or its head is damaged"):
            verify(file, tmp_path / "x", Silent(), identities=identity)


NAMES = [
    "../evil", "/etc/evil", "documents/../../evil", "documents/./x", "documents//x", "documents/", "documents", "evil",
    "", "documents/a\nb", "documents/a\0b", "appliance.db/x", "appliance.db-wal", "settings.toml/x", "documents/x/y",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_backup_has_are_refused(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    files = {"appliance.db": DATABASE, "documents/x": b"x", name: b"evil"}
    parts = [member(each, data) for each, data in files.items()]
    file = forged(tmp_path / "bad", described(**files), [*parts, END])
    with pytest.raises(Damaged, match=r"the manifest \(manifest\.json\) is damaged: it lists"):
        restore(file, inner / "box" / "appliance.db", Silent())
    assert {each.name for each in tmp_path.rglob("*")} == {"a", "b", "bad", "box", ".backup"}


def test_manifests_that_are_none_are_refused(tmp_path: Path) -> None:
    good = described(**{"appliance.db": DATABASE})
    twice = msgspec.structs.replace(good, files=good.files * 2)
    none = msgspec.structs.replace(good, files=())
    text = msgspec.json.encode(good)
    nested = b'{"format": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    wrong: dict[str, Manifest | bytes] = {
        "lists a name twice": twice, "lists no appliance.db": none, "cannot be understood": text[:-5],
        "decode byte": text.replace(b'"0.1.0"', b'"0.\xbc.0"'),
        "unknown field": text[:-1] + b', "more": 1}', ">= 0": text.replace(b'"bytes":', b'"bytes":-'),
        "it cannot be": nested,
    }  # fmt: skip
    for why, manifest in wrong.items():
        file = forged(tmp_path / "bad", manifest, [member("appliance.db", DATABASE), END])
        with pytest.raises(Damaged, match=rf"the manifest \(manifest\.json\) is damaged: .*{why}"):
            verify(file, tmp_path / "x", Silent())
    newer = forged(tmp_path / "newer", text.replace(b'"format":1', b'"format":2'), [])
    with pytest.raises(BackupError, match=r"format 2, and this appliance knows 1: install a newer one"):
        verify(newer, tmp_path / "x", Silent())


def test_members_that_the_manifest_does_not_list_are_refused(tmp_path: Path) -> None:
    files = {"appliance.db": DATABASE, "documents/a": b"some words"}
    manifest, database, document = (
        described(**files),
        member("appliance.db", DATABASE),
        member("documents/a", b"some words"),
    )
    secret = tmp_path / "secret"
    secret.write_text("untouched")
    wrong = {
        "a link": [database, head("documents/a", 0, tarfile.SYMTYPE, str(secret)), END],
        "a hard link": [database, head("documents/a", 10, tarfile.LNKTYPE, str(secret)) + document[512:], END],
        "a folder": [database, head("documents/a", 0, tarfile.DIRTYPE), END],
        "a device": [database, head("documents/a", 0, tarfile.CHRTYPE), END],
        "a long name": [database, head("././@LongLink", 10, tarfile.GNUTYPE_LONGNAME) + document[512:], document, END],
        "another name": [database, member("../secret", b"some words"), END],
        "another order": [document, database, END],
        "one is missing": [database, END],
        "one too many": [database, document, member("documents/b", b"x"), END],
        "one in the place of the end": [database, document, member("documents/b", b"x")],
        "no end": [database, document],
        "half an end": [database, document, bytes(512)],
        "more behind the end": [database, document, END, END],
        "something in the filling": [database, document[:-1] + b"x", END],
    }
    for what, parts in wrong.items():
        file = forged(tmp_path / "bad", manifest, parts)
        with pytest.raises(Damaged, match=r"^(documents/a|appliance\.db|the archive itself) is damaged"):
            restore(file, tmp_path / "box" / "appliance.db", Silent())
        assert secret.read_text() == "untouched", what
        assert [each.name for each in (tmp_path / "box").rglob("*")] == [".backup"]
    restore(forged(tmp_path / "good", manifest, [database, document, END]), tmp_path / "box" / "appliance.db", Silent())


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    files, huge = {"appliance.db": DATABASE}, bytes(20_000_000)
    manifest, database = described(**files), member("appliance.db", DATABASE)
    bombs = {
        "in its place": forged(tmp_path / "1", manifest, [member("appliance.db", huge)]),
        "behind the end": forged(tmp_path / "2", manifest, [database, END, huge, huge]),
        "in the filling": forged(tmp_path / "3", manifest, [head("appliance.db", len(DATABASE)), huge]),
        "a manifest": forged(tmp_path / "4", b"[" + huge * 4 + b"]", []),
    }
    for what, file in bombs.items():
        tracemalloc.start()
        with pytest.raises(Damaged):
            verify(file, tmp_path / "x", Silent())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5_000_000, what
    large = msgspec.structs.replace(manifest.files[0], bytes=10**15)
    file = forged(
        tmp_path / "5", msgspec.structs.replace(manifest, files=(large,)), [head("appliance.db", 10**15), huge]
    )
    with pytest.raises(BackupError, match="too little room"):
        verify(file, tmp_path / "x", Silent())


def test_a_database_that_was_damaged_when_it_was_packed_is_noticed(path: Path, tmp_path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:12288] = b"\xff" * 4096
    for database, why in ((bytes(data), "was when it was backed up"), (b"no database", "was when it was backed up")):
        files = {"appliance.db": database}
        file = forged(tmp_path / "bad", described(**files), [member("appliance.db", database), END])
        with pytest.raises(Damaged, match=rf"^appliance\.db is damaged, and {why}"):
            verify(file, tmp_path / "x", Silent())
    lies = msgspec.structs.replace(described(**{"appliance.db": DATABASE}), schema=("m001_conversations",))
    with pytest.raises(Damaged, match="its schema is not that of the database"):
        verify(forged(tmp_path / "bad", lies, [member("appliance.db", DATABASE), END]), tmp_path / "x", Silent())


def test_what_is_encrypted_is_opened_by_each_of_its_keys_and_no_other(
    path: Path, keys: Callable[[str], tuple[str, Path]], tmp_path: Path
) -> None:
    (one, ours), (two, theirs), (_, strange) = keys("ours"), keys("theirs"), keys("strange")
    watcher = Silent()
    made = create(path, tmp_path / "backups", watcher, recipients=[one, two])
    assert made.path.name.endswith(".tar.gz.age")
    assert made.path.read_bytes().startswith(MAGIC)
    assert "checking" in watcher.steps
    for number, identity in enumerate((ours, theirs)):
        new = tmp_path / str(number) / "appliance.db"
        restore(made.path, new, Silent(), identities=identity)
        assert contents(new) == contents(path)
    with pytest.raises(BackupError, match=r"no key in .*strange opens it"):
        verify(made.path, tmp_path / "x", Silent(), identities=strange)
    with pytest.raises(BackupError, match="is encrypted; name the file with the key"):
        verify(made.path, tmp_path / "x", Silent())
    empty = tmp_path / "empty.txt"
    empty.write_text("# nothing\n")
    for wrong in (empty, tmp_path / "absent", path):
        with pytest.raises(BackupError, match=r"has no age identity|cannot be read as a file of age identities"):
            verify(made.path, tmp_path / "x", Silent(), identities=wrong)
    with pytest.raises(BackupError, match="'age1wrong' is no age recipient"):
        create(path, tmp_path / "backups", Silent(), recipients=["age1wrong"])


def test_a_writer_whose_disk_fails_is_told(
    path: Path, keys: Callable[[str], tuple[str, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.store.backup import creating

    def full(self: object, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(creating._Written, "write", full)
    with pytest.raises((BackupError, OSError), match="No space left on device"):
        create(path, tmp_path / "backups", Silent(), recipients=[keys("ours")[0]])
    assert not list((tmp_path / "backups").iterdir())


def test_the_manifest_is_bounded(monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(manifests, "MOST_BYTES", 100)
    with pytest.raises(BackupError, match="too many documents"):
        create(path, tmp_path, Silent())
