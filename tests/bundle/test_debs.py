"""Debian packages: apt itself resolves against a small mirror, and apt itself can use what was collected."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.bundle import debs
from appliance.bundle.debs import Suite
from appliance.bundle.faults import BundleError

pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="this is no Debian")


class Quiet:
    """A listener."""

    def say(self, text: str) -> None:
        pass

    def progress(self, what: str, done: int, total: int | None) -> None:
        pass


def stanza(name: str, version: str, depends: str = "") -> str:
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@example.org>\n"
        f"Description: {name}\n{depends and f'Depends: {depends}'}"
    ).strip() + "\n"


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    """A folder like /etc/apt, whose only source is a mirror of tea, which needs water (with an epoch), and milk."""
    mirror, folder = tmp_path / "mirror", tmp_path / "apt"
    mirror.mkdir()
    folder.mkdir()
    index = []
    for text in (stanza("tea", "2.0", "water (>= 1:1)"), stanza("water", "1:1.5"), stanza("milk", "1")):
        name = text.split("\n")[0].removeprefix("Package: ")
        (tmp_path / name / "DEBIAN").mkdir(parents=True)
        (tmp_path / name / "DEBIAN/control").write_text(text)
        path = mirror / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tmp_path / name, path], check=True, capture_output=True)
        sums = subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]
        index.append(f"{text}Filename: ./{name}.deb\nSize: {path.stat().st_size}\nSHA256: {sums}\n")
    (mirror / "Packages").write_text("\n".join(index))
    (folder / "sources.list").write_text(f"deb [trusted=yes] copy:{mirror} ./\n")
    return folder


def test_apt_installs_from_what_was_collected(apt: Path, tmp_path: Path) -> None:
    members = debs.collect(Suite("bookworm", ("tea",), None, apt), tmp_path / "cache", tmp_path, Quiet())
    assert set(members) == {f"debs/bookworm/{name}" for name in ("tea_2.0_all.deb", "water_1.5_all.deb", "Packages")}
    box, sources = tmp_path / "box", tmp_path / "sources"
    for name, path in members.items():
        (box / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, box / name)
    sources.mkdir()
    (sources / "sources.list").write_text(f"deb [trusted=yes] copy:{box / 'debs/bookworm'} ./\n")
    shutil.rmtree(apt.parent / "mirror")
    taken = debs.collect(Suite("bookworm", ("tea",), None, sources), tmp_path / "other", tmp_path, Quiet())
    assert set(taken) == set(members)


def test_what_a_box_has_is_left_out(apt: Path, tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(re.sub("\nArch", "\nStatus: install ok installed\nArch", stanza("water", "1:1.5")))
    members = debs.collect(Suite("bookworm", ("tea",), status, apt), tmp_path / "cache", tmp_path, Quiet())
    assert set(members) == {"debs/bookworm/tea_2.0_all.deb", "debs/bookworm/Packages"}


def test_a_package_that_is_not_there_is_named(apt: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Unable to locate package coffee"):
        debs.collect(Suite("bookworm", ("coffee",), None, apt), tmp_path / "cache", tmp_path, Quiet())


def test_another_release_takes_this_ones_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(debs, "_codename", lambda: "bookworm")

    def apt(root: Path, *_: str, **__: str) -> str:
        asked.append((root / "etc/a.sources").read_text())
        return ""

    monkeypatch.setattr(debs, "_apt", apt)
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    text = "URIs: http://example.org\nSuites: bookworm bookworm-updates\n"
    (tmp_path / "apt/sources.list.d/a.sources").write_text(text)
    (tmp_path / "apt/sources.list.d/b.sources.disabled").write_text(text)
    debs.collect(Suite("trixie", ("tea",), None, tmp_path / "apt"), tmp_path / "cache", tmp_path, Quiet())
    assert asked[0] == "URIs: http://example.org\nSuites: trixie trixie-updates\n"


@pytest.mark.parametrize(("name", "package"), [("../up", "tea"), ("bookworm", "tea;rm"), ("bookworm", "-o")])
def test_a_wrong_name_is_refused(name: str, package: str) -> None:
    with pytest.raises(BundleError, match="is not the name of"):
        Suite(name, (package,), None)
