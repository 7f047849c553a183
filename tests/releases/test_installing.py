"""Bundles: who made them, what is in them, what box they are for; and one that is right, installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appliance.releases import host
from appliance.releases.bundle import Bundle, parse
from appliance.releases.command import main
from appliance.releases.faults import Refused
from appliance.releases.signature import verify
from releases.bundles import PYTHON, Parts, Signer, bundle, manifest, parts, taped

if TYPE_CHECKING:
    from collections.abc import Callable


OURS = {**os.environ, "PYTHONPATH": str(Path(host.__file__).parents[2])}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("signer"))


def opened(path: Path, to: Path) -> None:
    """As an installation reads it, without its judgement."""
    with path.open("rb") as file:
        read = Bundle(file)
        read.unpack(parse(read.head()), to)


def test_the_signature_is_over_every_byte_by_a_key_that_is_listed(signer: Signer, tmp_path: Path) -> None:
    text = manifest(parts())
    good = signer.sign(text)
    assert "ED25519 key SHA256:" in verify(text, good, signer.signers, unsigned=False)
    other = Signer(tmp_path, "other")
    for signature, said, signers in (
        (good, text + b" ", signer.signers),
        (other.sign(text), text, signer.signers),
        (signer.sign(text, "file"), text, signer.signers),
        (b"no signature", text, signer.signers),
    ):
        with pytest.raises(Refused, match="signature is not good"):
            verify(said, signature, signers, unsigned=True)  # what is signed wrongly is never taken
    with pytest.raises(Refused, match="is not signed"):
        verify(text, None, signer.signers, unsigned=False)
    with pytest.raises(Refused, match="there is no list"):
        verify(text, good, tmp_path / "absent", unsigned=False)
    assert "unsigned" in verify(text, None, tmp_path / "absent", unsigned=True)


def link(name: str, kind: bytes, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def extended(key: str, value: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo("wheels/a")
    info.pax_headers = {key: value}
    return info


GOOD = parts()
NAMES: dict[str, str] = {
    "../out": "no path that belongs", "wheels/../../out": "no path that belongs",
    "/etc/passwd": "no path that belongs",  # pragma: allowlist secret
    "wheels//a": "no path that belongs", "wheels/.pth": "no path that belongs", "wheels": "lies in a file",
    "other/a": "no path that belongs", "systemd/a\nb": "no path that belongs", "models/tiny": "lies in a file",
    "licences/all.txt": "named twice",
}  # fmt: skip


@pytest.mark.parametrize(("name", "why"), NAMES.items())
def test_names_that_lead_elsewhere(tmp_path: Path, name: str, why: str) -> None:
    contents = [*GOOD, (name, b"x")]
    path = taped(tmp_path / "a.tar", [("manifest.json", manifest(contents)), *contents])
    with pytest.raises(Refused, match=why):
        opened(path, tmp_path / "to")
    assert not (tmp_path / "to").exists()


def attack(change: Callable[[list[Any]], None], end: bytes = b"") -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        members: list[Any] = [("manifest.json", manifest(GOOD)), *GOOD]
        change(members)
        return taped(path, members, end)

    return made


ATTACKS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "more": (
        attack(lambda m: m.append(("wheels/more.whl", b"x"))),
        "'wheels/more.whl', which its manifest does not name",
    ),
    "twice": (attack(lambda m: m.append(m[1])), "or has it twice"),
    "fewer": (attack(lambda m: m.pop()), "the bundle lacks debs/bookworm/Packages"),
    "changed": (
        attack(lambda m: m.__setitem__(4, (m[4][0], b"NUMBERS"))),
        "models/tiny/model.bin is damaged: its SHA-256",
    ),
    "longer": (attack(lambda m: m.__setitem__(4, (m[4][0], b"numbers!"))), "model.bin is damaged: it has 8 bytes"),
    "symlink": (attack(lambda m: m.insert(1, link("wheels", tarfile.SYMTYPE, "/etc"))), "no plain file: 'wheels'"),
    "hardlink": (attack(lambda m: m.insert(1, link("wheels/a", tarfile.LNKTYPE, "/etc/shadow"))), "no plain file"),
    "device": (attack(lambda m: m.insert(1, link("wheels/a", tarfile.CHRTYPE, ""))), "no plain file"),
    "folder": (attack(lambda m: m.insert(1, link("wheels", tarfile.DIRTYPE, ""))), "no plain file"),
    "sparse": (attack(lambda m: m.insert(1, extended("GNU.sparse.size", "5"))), "head with 'GNU.sparse.size'"),
    "renamed": (
        attack(lambda m: m.insert(1, extended("path", "../out"))),
        "'../out', which its manifest does not name",
    ),
    "no size": (attack(lambda m: m.insert(1, extended("size", "-1"))), "has no size"),
    "endless": (attack(lambda m: m.insert(1, extended("path", "a" * 20_000))), "an extended head has"),
    "behind": (attack(lambda _: None, b"more"), "behind its end"),
    "no manifest": (attack(lambda m: m.pop(0)), "manifest.json does not come first"),
    "late": (attack(lambda m: m.append(m.pop(0))), "manifest.json does not come first"),
}


@pytest.mark.parametrize(("made", "why"), ATTACKS.values(), ids=ATTACKS)
def test_tar_files_of_an_enemy(tmp_path: Path, made: Callable[[Path], Path], why: str) -> None:
    (tmp_path / "to").mkdir()
    with pytest.raises(Refused, match=why):
        opened(made(tmp_path / "a.tar"), tmp_path / "to")


def test_names_longer_than_old_tar_has_room_for(tmp_path: Path) -> None:
    name = f"models/{'a' * 120}/{'b' * 160}.bin"
    contents = [*GOOD, (name, b"long")]
    opened(taped(tmp_path / "a.tar", [("manifest.json", manifest(contents)), *contents]), tmp_path / "to")
    assert (tmp_path / "to" / name).read_bytes() == b"long"


def test_cut_off_anywhere(tmp_path: Path) -> None:
    whole = bundle(tmp_path / "a.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(b"no tar file at all" * 100)
    with pytest.raises(Refused, match="no tar file"):
        opened(tmp_path / "b.tar", tmp_path)
    for size in range(0, len(whole) - 10_240, 700):
        (tmp_path / "b.tar").write_bytes(whole[:size])
        (tmp_path / str(size)).mkdir()
        with pytest.raises(Refused, match=r"cut off|lacks"):
            opened(tmp_path / "b.tar", tmp_path / str(size))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 2}, "format is 2"), ({"version": "../1"}, "folder may be named"),
        ({"version": 1}, "version is no text"),
        ({"python": "3.11"}, "python is no list"), ({"cpu": [1]}, "cpu is no list of texts"),
        ({"files": [1]}, "an entry is no object"),
        ({"files": [{"path": "LICENCES.md", "bytes": -1, "sha256": ""}]}, "no size"),
        ({"files": [{"path": "LICENCES.md", "bytes": 1, "sha256": "A"}]}, "no digest"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_wrong_says_where(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    path = taped(tmp_path / "a.tar", [("manifest.json", manifest(GOOD, **changes))])
    with pytest.raises(Refused, match=why):
        opened(path, tmp_path)


def test_all_that_the_box_lacks_is_said_at_once(tmp_path: Path) -> None:
    head = taped(
        tmp_path / "a.tar",
        [("manifest.json", manifest(GOOD, python=["3.11", "3.13"], glibc="2.36", cpu=["avx2", "fma"]))],
    )
    with head.open("rb") as file:
        told = parse(Bundle(file).head())
    this = host.here()
    fits = replace(this, machine=told.machine, python=PYTHON, glibc="2.36", cpu=frozenset({"avx2", "fma", "sse2"}))
    assert fits.lacks(replace(told, python=(PYTHON,))) == []
    why = replace(fits, machine="riscv64", python="3.9", venv=False, glibc="2.9", cpu=frozenset({"avx2"})).lacks(told)
    assert [line.partition(",")[0] for line in why] == [
        f"it is for {told.machine} machines", "it is for Python 3.11 or 3.13",
        "this box's Python cannot make environments: install python3-venv", "it needs glibc 2.36",
        "it needs a processor with fma",
    ]  # fmt: skip
    assert this.cpu
    assert this.glibc


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """`appliance-release`, as it is typed."""

    def call(*words: str | Path) -> tuple[int, str]:
        command = [
            sys.executable,
            "-s",
            "-P",
            "-m",
            "appliance.releases",
            *map(str, words),
            "--root",
            str(tmp_path / "box"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=OURS)
        return done.returncode, done.stdout + done.stderr

    return call


def test_installed_beside_and_whole(run: Callable[..., tuple[int, str]], signer: Signer, tmp_path: Path) -> None:
    path = bundle(tmp_path / "a.bundle", signer=signer)
    status, said = run("install", path, "--signers", signer.signers)
    assert status == 0, said
    for line in ("signed by ED25519 key SHA256:", "unpack 7 files", "1 models imported from ['models.lock', 'tiny']"):
        assert line in said
    folder = tmp_path / "box/opt/appliance/releases/1.0"
    assert sorted(entry.name for entry in folder.iterdir()) == ["licences", "manifest.json", "systemd", "venv"]
    ran = subprocess.run([folder / "venv/bin/appliance", "x"], capture_output=True, text=True, check=True)
    assert ran.stdout == "appliance, version 1.0 x\n"
    (release,) = json.loads(run("list", "--json")[1])["releases"]
    assert (release["version"], release["complete"], release["current"]) == ("1.0", True, False)
    assert "is installed already" in run("install", path, "--signers", signer.signers)[1]
    other = bundle(tmp_path / "b.bundle", signer=signer, units={"appliance.socket": "other"})
    status, said = run("install", other, "--signers", signer.signers)
    assert (status, "with other contents" in said) == (1, True)
    assert said.count("REFUSED: ") == 1
    assert "verify a.bundle" in (tmp_path / "box/var/lib/appliance-releases/log").read_text()


def wrong_hash(contents: Parts) -> Parts:
    """The manifest is true to the wheel, and the requirements are not."""
    return [(name, data[:-5] + b"0000\n" if name.startswith("requirements") else data) for name, data in contents]


@pytest.mark.soak
def test_nothing_stays_of_what_cannot_be_installed(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    contents = wrong_hash(GOOD)
    path = taped(tmp_path / "a.bundle", [("manifest.json", manifest(contents)), *contents])
    status, said = run("install", path, "--unsigned")
    assert status == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in said
    assert list((tmp_path / "box/opt/appliance/releases").iterdir()) == []


def test_what_is_refused_at_once(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    status, said = run("install", bundle(tmp_path / "a.bundle"))
    assert (status, "REFUSED: the bundle is not signed" in said) == (1, True)
    assert run("upgrade", tmp_path / "absent.bundle")[0] == 1
    assert "release 9.9 is not installed here; there are: none" in run("upgrade", "9.9")[1]


def test_what_an_installation_left_half_made_goes_before_the_room_is_judged(
    run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    half = tmp_path / "box/opt/appliance/releases/0.9"
    half.mkdir(parents=True)
    (half / ".incomplete").touch()
    contents = parts()
    path = taped(tmp_path / "a.bundle", [("manifest.json", manifest(contents, machine="pdp11")), *contents])
    status, said = run("install", path, "--unsigned")
    assert (status, "this box cannot run the bundle" in said) == (1, True)
    assert not half.exists()


def test_only_root_changes_a_box(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    for name in ("signal.signal", "os.umask"):
        monkeypatch.setattr(name, lambda *_: None)
    assert main(["list"]) == 1
    assert "only root may do this" in capsys.readouterr().err
