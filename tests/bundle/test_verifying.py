"""A bundle that is not the one that was signed is refused, whatever was done to it."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.bundle.signature import sign

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.testing import Result

    from bundle.conftest import Signed

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
KINDS = ("wheels/kettle", "requirements-", "systemd/", "models/joe", "models/models.lock", "licences/", "LICENCES.md")


def rewrite(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def verify(signed: Signed, path: Path, *words: str) -> Result:
    return signed.yard.run("verify", path, *(words or ("--signers", str(signed.yard.signers))))


def refused(signed: Signed, path: Path, said: str, *words: str) -> None:
    done = verify(signed, path, *words)
    assert done.exit_code == 1, done.output
    assert said in done.output


def test_what_was_made_is_good(signed: Signed) -> None:
    done = verify(signed, signed.path)
    assert done.exit_code == 0, done.output
    assert "Signed by ED25519 key SHA256:" in done.output


def test_the_list_of_signers_may_be_named_from_where_one_stands(
    signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(signed.yard.root)
    done = verify(signed, signed.path, "--signers", signed.yard.signers.name)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_byte_is_found(signed: Signed, tmp_path: Path, kind: str) -> None:
    victim = next(name for name in signed.members if name.startswith(kind))
    changed = [(name, flipped(data) if name == victim else data) for name, data in signed.members.items()]
    refused(signed, rewrite(tmp_path / "it.tar", changed), f"{victim} is damaged: its SHA-256 is")


@pytest.mark.parametrize("victim", ["manifest.json", "manifest.json.sig"])
def test_a_flipped_byte_in_what_is_signed_is_found(signed: Signed, tmp_path: Path, victim: str) -> None:
    def change(data: bytes) -> bytes:
        return data.replace(b'"machine": "', b'"machine": "y') if victim == "manifest.json" else flipped(data)

    changed = [(name, change(data) if name == victim else data) for name, data in signed.members.items()]
    refused(signed, rewrite(tmp_path / "it.tar", changed), "the bundle's signature is not good")


def test_a_byte_anywhere_in_the_file_matters(signed: Signed, tmp_path: Path) -> None:
    whole = signed.path.read_bytes()
    with tarfile.open(signed.path) as tar:
        last = tar.getmembers()[-1]
    for at in (124, last.offset + 124):  # a size in a header: the first member's, the last one's
        (tmp_path / "it.tar").write_bytes(whole[:at] + b"7" + whole[at + 1 :])
        assert verify(signed, tmp_path / "it.tar").exit_code == 1


def test_a_member_more_is_refused(signed: Signed, tmp_path: Path) -> None:
    more = [*signed.members.items(), ("wheels/extra-1.0-py3-none-any.whl", b"x")]
    refused(signed, rewrite(tmp_path / "it.tar", more), "extra-1.0-py3-none-any.whl', which its manifest does not name")


def test_a_member_twice_is_refused(signed: Signed, tmp_path: Path) -> None:
    members = list(signed.members.items())
    refused(signed, rewrite(tmp_path / "it.tar", [*members, members[-1]]), "or has it twice")


def test_a_member_less_is_refused(signed: Signed, tmp_path: Path) -> None:
    *fewer, (name, _) = signed.members.items()
    refused(signed, rewrite(tmp_path / "it.tar", fewer), f"the bundle lacks {name}")


def test_something_behind_the_end_is_refused(signed: Signed, tmp_path: Path) -> None:
    rewrite(tmp_path / "more.tar", [("hidden", b"x")])
    (tmp_path / "it.tar").write_bytes(signed.path.read_bytes() + (tmp_path / "more.tar").read_bytes())
    refused(signed, tmp_path / "it.tar", "the bundle has something behind its end")


def test_half_a_bundle_is_refused(signed: Signed, tmp_path: Path) -> None:
    (tmp_path / "it.tar").write_bytes(signed.path.read_bytes()[: signed.path.stat().st_size // 2])
    refused(signed, tmp_path / "it.tar", "the bundle is cut off")


def test_only_plain_files_are_taken(signed: Signed, tmp_path: Path) -> None:
    members = signed.members
    with tarfile.open(tmp_path / "it.tar", "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            if name == "LICENCES.md":
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(info)
                continue
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    refused(signed, tmp_path / "it.tar", "something that is no plain file: 'LICENCES.md'")


def test_a_path_may_not_lead_out(signed: Signed, tmp_path: Path) -> None:
    head = json.loads(signed.members["manifest.json"])
    head["files"][0]["path"] = "../up"
    path = rewrite(tmp_path / "it.tar", [("manifest.json", json.dumps(head).encode())])
    refused(signed, path, "'../up' is no path that belongs into a bundle", "--unsigned")


def test_another_key_is_not_enough(signed: Signed, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    members = signed.members
    members["manifest.json.sig"] = sign(members["manifest.json"], tmp_path / "key")
    refused(signed, rewrite(tmp_path / "it.tar", members.items()), "the bundle's signature is not good")
    refused(signed, tmp_path / "it.tar", "signature is not good", "--signers", str(signed.yard.signers), "--unsigned")


def test_an_unsigned_one_is_refused_unless_one_says_so(signed: Signed, tmp_path: Path) -> None:
    bare = [(name, data) for name, data in signed.members.items() if name != "manifest.json.sig"]
    path = rewrite(tmp_path / "it.tar", bare)
    refused(signed, path, "the bundle is not signed")
    done = verify(signed, path, "--unsigned")
    assert done.exit_code == 0, done.output
    assert "Signed by nobody: it is unsigned" in done.output


def test_what_is_no_bundle_is_named(signed: Signed, tmp_path: Path) -> None:
    (tmp_path / "it.tar").write_bytes(b"hello" * 1000)
    refused(signed, tmp_path / "it.tar", "it.tar: the bundle is no tar file")
    refused(
        signed, rewrite(tmp_path / "it.tar", [("hello", b"x")]), "this is no bundle: manifest.json does not come first"
    )
    refused(signed, rewrite(tmp_path / "it.tar", [("manifest.json", b'{"format": 2}')]), "reads 1 only", "--unsigned")
    nested = rewrite(tmp_path / "it.tar", [("manifest.json", b"[" * 100_000)])
    refused(signed, nested, "manifest.json is no JSON", "--unsigned")


def test_inspect_shows_what_is_in_it(signed: Signed) -> None:
    done = signed.yard.run("inspect", signed.path)
    assert done.exit_code == 0, done.output
    assert "signed" in done.output
    shown = json.loads(signed.yard.run("inspect", signed.path, "--json").output)
    assert shown.pop("signed") is True
    assert shown == json.loads(signed.members["manifest.json"])
