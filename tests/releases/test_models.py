"""Models that bundles bring: they are not written twice, and go with the last release that names them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from appliance.cli.main import main
from appliance.releases import programs
from appliance.releases.bundle import Bundle, parse
from appliance.releases.faults import Failed, Refused
from appliance.releases.layout import Layout
from appliance.releases.models import Models
from appliance.releases.programs import Programs
from appliance.releases.shelf import Shelf
from releases.bundles import manifest, parts, taped

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path)


def release(layout: Layout, version: str, *models: str) -> None:
    folder = layout.release(version)
    folder.mkdir(parents=True)
    files = [{"path": f"models/{name}/model.bin"} for name in models] + [{"path": "models/models.lock"}]
    (folder / "manifest.json").write_text(json.dumps({"version": version, "files": files}))
    for name in models:
        (layout.home / "models" / name).mkdir(parents=True, exist_ok=True)


def there(layout: Layout) -> list[str]:
    return sorted(path.name for path in (layout.home / "models").iterdir() if not path.name.startswith("."))


def test_only_what_a_removed_release_brought_and_nobody_needs_goes(layout: Layout) -> None:
    release(layout, "1.0", "dropped", "shared", "in-use")
    release(layout, "2.0", "shared", "new")
    (layout.home / "models/by-hand").mkdir()
    models = Models(layout)
    brought = models.brought()
    assert models.prune(brought, lambda: frozenset()) == []  # both are here
    Shelf(layout).remove("1.0")
    assert models.prune(brought, lambda: frozenset({"in-use"})) == ["dropped"]
    assert there(layout) == ["by-hand", "in-use", "new", "shared"]
    assert list((layout.home / "models/.staging").iterdir()) == []


def test_nothing_goes_while_a_release_does_not_tell_what_it_needs(layout: Layout) -> None:
    release(layout, "1.0", "dropped")
    release(layout, "2.0")
    (layout.release("2.0") / "manifest.json").write_text("{}")
    models = Models(layout)
    brought = models.brought()
    Shelf(layout).remove("1.0")
    assert models.prune(brought, lambda: frozenset()) == []


def test_names_that_lead_elsewhere_are_none(layout: Layout) -> None:
    release(layout, "1.0")
    files = [{"path": f"models/{name}/x"} for name in ("..", ".", ".staging", "")]
    (layout.release("1.0") / "manifest.json").write_text(json.dumps({"files": files}))
    assert Models(layout).brought() == {"1.0": frozenset()}


def test_the_models_in_use_are_read_from_the_list(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [CliRunner().invoke(main, ["models", "list", "--state-dir", str(tmp_path)]).output]
    monkeypatch.setattr(programs, "run", lambda *_, **__: said[0])
    found = Programs(layout, "1.0").models_in_use()
    assert found
    for line in said[0].partition("\n\n")[0].splitlines()[1:]:
        assert (line.split()[0] in found) == ("starter" in line), line
    said[0] = "models list of 1.0"
    with pytest.raises(Failed, match="cannot be read"):
        Programs(layout, "1.0").models_in_use()


def test_a_model_that_is_here_is_linked_and_the_bundle_compared(tmp_path: Path) -> None:
    name, here = "models/tiny/model.bin", tmp_path / "here"
    here.write_bytes(b"numbers")
    contents = parts()
    for to, change in (("good", b"numbers"), ("bad", b"NUMBERS")):
        members = [(each, change if each == name else data) for each, data in contents]
        with taped(tmp_path / to, [("manifest.json", manifest(contents)), *members]).open("rb") as file:
            bundle = Bundle(file)
            told = parse(bundle.head())
            if to == "bad":
                with pytest.raises(Refused, match=r"model\.bin is damaged"):
                    bundle.unpack(told, tmp_path / "unpacked-bad", {name: here})
            else:
                bundle.unpack(told, tmp_path / "unpacked", {name: here})
    assert (tmp_path / "unpacked" / name).samefile(here)
    assert here.read_bytes() == b"numbers"
