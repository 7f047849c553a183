"""What is made here is taken by boxes, and what they would refuse is not made."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.bundle import archive
from appliance.bundle.faults import BundleError
from appliance.bundle.manifest import encode
from appliance.releases.bundle import MOST_MANIFEST_BYTES, Bundle, parse
from appliance.releases.manifest import File, Manifest
from appliance.releases.signature import verify
from appliance.releases.tape import Tape

if TYPE_CHECKING:
    from pathlib import Path

    from bundle.conftest import Signed

DIGEST = "0" * 64
MANIFEST = Manifest(
    version="1.0", made="2026-11-26T00:00:00Z", python=("3.11",), machine="x86_64", glibc="2.36", cpu=(), cuda="",
    set="", models=(), files=(),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_box_reads_what_was_made(signed: Signed, tmp_path: Path) -> None:
    with signed.path.open("rb") as file:
        bundle = Bundle(file)
        head = bundle.head()
        assert "ED25519 key SHA256:" in verify(head.text, head.signature, signed.yard.signers, unsigned=False)
        manifest = parse(head)
        bundle.unpack(manifest, tmp_path)
    unpacked = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    members = signed.members
    assert {"manifest.json": head.text, "manifest.json.sig": head.signature} | unpacked == members
    assert encode(manifest) == head.text


REFUSED = [
    "licences/a-1.0/.hidden", "models/m/.config/x", "models/m/ x", "systemd/-x", "foo/bar", "README.md",
    "requirements-2.7.txt", "licences/a-1.0/AUTORENÜBERSICHT", "systemd/a\nb", "systemd/a\\b", "systemd/../x",
    "/systemd/x", "wheels", "manifest.json", "models/" + "m" * 201, "models" + "/m" * 12,
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_boxes_refuse_is_not_written(name: str) -> None:
    with pytest.raises(BundleError, match=re.escape(f"boxes would refuse this bundle: manifest.json: files: {name!r}")):
        encode(replace(MANIFEST, files=(File(name, 1, DIGEST),)))


def test_two_names_of_which_one_lies_in_the_other_are_not_written() -> None:
    files = tuple(File(name, 1, DIGEST) for name in ("systemd/a", "systemd/a/b"))
    with pytest.raises(BundleError, match="systemd/a/b lies in a file"):
        encode(replace(MANIFEST, files=files))


def test_a_manifest_longer_than_boxes_read_is_not_written() -> None:
    files = tuple(File(f"licences/a/{number:0180}", 1, DIGEST) for number in range(MOST_MANIFEST_BYTES // 280))
    assert encode(replace(MANIFEST, files=files[: len(files) // 2]))
    with pytest.raises(BundleError, match=rf"bytes for {len(files):,} files, and boxes read 8,388,608 at most"):
        encode(replace(MANIFEST, files=files))


@pytest.mark.usefixtures("packed")
def test_no_file_appears_where_a_name_is_refused(signed: Signed, tmp_path: Path) -> None:
    unit = signed.yard.checkout / "systemd/-x.service"
    unit.write_text("[Service]\n")
    done = signed.yard.create(tmp_path / "out/it.tar", "--version", "1.0")
    unit.unlink()
    assert done.exit_code == 1
    assert "boxes would refuse this bundle: manifest.json: files: 'systemd/-x.service'" in done.output
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("size", [0, 1, 8**11 - 1, 8**11, 70 << 30])
@pytest.mark.parametrize("name", ["models/m/a", f"models/m/{'a' * 190}", f"models/{'a' * 190}" + f"/{'b' * 199}" * 9])
def test_long_names_and_large_sizes_are_read_as_they_are_written(name: str, size: int) -> None:
    assert encode(replace(MANIFEST, files=(File(name, size, DIGEST),)))
    head = archive.described(name, size, 1_767_323_045).tobuf(archive.FORMAT)
    assert Tape(io.BytesIO(head)).next() == (name, size)
