"""The lineup, and what the other commands do with the models folder: verify, gc and import."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from appliance.catalog.faults import CatalogError
from appliance.catalog.lineup import ModelsMissing, catalog, lineup
from appliance.settings import Models, Settings, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from catalog.conftest import World

pytestmark = pytest.mark.long


def settings(world: World, chosen: str = "all") -> Settings:
    return Settings(state_dir=world.root / "state", models=Models(set=chosen, manifests=str(world.root / "manifests")))


def test_the_lineup_says_what_each_engine_loads(world: World) -> None:
    world.run("pull")
    found = lineup(settings(world))
    assert found.stt.main == found.stt.path == world.models / "ears"
    assert found.llm.main == world.models / "brain/llm.gguf"
    assert [(voice.name, voice.voice, voice.main) for voice in found.voices] == [
        ("joe", "joe", world.models / "joe/voice.onnx")
    ]
    assert found.stt.languages == ("en",)
    assert found.turn is None


def test_a_set_may_have_a_model_for_turns(world: World) -> None:
    data = world.content("turn", 1_000)
    world.write_wheel(world.index, "tiny_turn", {"turn.onnx": data})
    world.manifest("ended", "turn", "turn.onnx", world.wheel_file("turn.onnx", data, ("tiny_turn", "turn.onnx")))
    world.run("pull")
    found = lineup(settings(world))
    assert found.turn is not None
    assert (found.turn.name, found.turn.main) == ("ended", world.models / "ended/turn.onnx")
    assert [voice.name for voice in found.voices] == ["joe"]
    found.turn.main.unlink()
    with pytest.raises(ModelsMissing, match=r"ended \(damaged\)"):
        lineup(settings(world))


def test_missing_models_are_listed_with_the_command(world: World) -> None:
    world.run("pull", "ears")
    (world.models / "ears/config.json").unlink()
    with pytest.raises(ModelsMissing) as missing:
        lineup(settings(world))
    text = str(missing.value)
    assert "ears (damaged)" in text
    assert "brain (missing)" in text
    assert f"appliance models pull all --state-dir {world.root / 'state'}" in text


@pytest.mark.parametrize(("chosen", "says"), [("nobody", "there is no set 'nobody'; there are all"), ("all", "llm")])
def test_a_set_that_cannot_serve_is_refused(world: World, chosen: str, says: str) -> None:
    (world.root / "manifests/brain.toml").unlink()
    (world.root / "manifests/sets.toml").write_text('[all]\ndescription = "x"\nmodels = ["ears", "joe"]\n')
    with pytest.raises(SettingsError, match=says):
        lineup(settings(world, chosen))


def test_broken_manifests_are_a_fault_of_the_settings(world: World) -> None:
    (world.root / "manifests/brain.toml").write_text("name = 3")
    with pytest.raises(SettingsError, match=r"brain\.toml"):
        lineup(settings(world))


def test_the_checkouts_own_manifests_are_the_default() -> None:
    assert "starter" in catalog(Settings()).sets


def test_a_broken_lock_file_is_said(world: World) -> None:
    world.models.mkdir(parents=True)
    (world.models / "models.lock").write_text("{")
    assert "is not a lock file" in world.run("list").output
    with pytest.raises(CatalogError, match="is not a lock file"):
        world.shelf.lock()


def test_verify_finds_a_flipped_byte_that_the_cheap_check_cannot(world: World) -> None:
    world.run("pull")
    path = world.models / "ears/model.bin"
    data = bytearray(path.read_bytes())
    data[1_500_000] ^= 1
    path.write_bytes(data)
    assert "0 installed now" in world.run("pull").output
    result = world.run("verify")
    assert result.exit_code == 1
    assert f"damaged: {path}: has SHA-256" in result.output
    assert "2 models are sound, 1 are damaged" in result.output


def test_verify_of_a_named_model_that_is_missing_fails(world: World) -> None:
    world.run("pull", "ears")
    assert world.run("verify").exit_code == 0
    result = world.run("verify", "brain")
    assert result.exit_code == 1
    assert "brain: is missing" in result.output


def test_list_shows_size_licence_sets_and_state(world: World) -> None:
    world.run("pull", "ears")
    lines = {line.split()[0]: line.split() for line in world.run("list").output.splitlines() if line}
    assert lines["ears"] == ["ears", "stt", "3.0", "MB", "MIT", "all", "installed"]
    assert lines["brain"][-1] == "missing"


def littered(world: World) -> dict[str, Path]:
    """Everything installed, `joe` in no set any more, and litter of all kinds."""
    world.run("pull")
    (world.root / "manifests/sets.toml").write_text('[all]\ndescription = "x"\nmodels = ["ears", "brain"]\n')
    places = {
        "staging": world.models / ".staging/brain/x",
        "done": world.models / ".downloads/brain/x",
        "unwanted": world.models / ".downloads/joe/x",
        "model": world.models / "joe/x",
        "foreign": world.models / "photographs/x",
    }
    for path in places.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
    return places


def test_gc_removes_litter_and_nothing_else(world: World) -> None:
    places = littered(world)
    result = world.run("gc", "--yes")
    assert result.exit_code == 0, result.output
    assert {name for name, path in places.items() if path.exists()} == {"foreign"}
    assert world.run("verify", "ears", "brain").exit_code == 0
    assert "nothing to remove" in world.run("gc", "--yes").output


@pytest.mark.parametrize(("option", "answer"), [("--dry-run", None), ("", "n\n")])
def test_gc_removes_nothing_unless_told(world: World, option: str, answer: str | None) -> None:
    places = littered(world)
    result = world.run("gc", *option.split(), answer=answer)
    assert all(path.exists() for path in places.values())
    assert str(world.models / "joe") in result.output
    assert "photographs" not in result.output


def test_gc_keeps_what_it_is_told_to_keep(world: World) -> None:
    places = littered(world)
    world.run("gc", "--yes", "--keep", "joe")
    assert places["model"].exists()
    assert not places["staging"].exists()


@pytest.mark.parametrize("setting", ["APPLIANCE_EMBED__MODEL", "APPLIANCE_LLM__DRAFT_MODEL"])
def test_gc_keeps_what_the_settings_name(world: World, setting: str) -> None:
    places = littered(world)
    world.environment[setting] = "joe"
    assert world.run("gc", "--yes").exit_code == 0
    assert (places["model"].exists(), places["staging"].exists()) == (True, False)


def test_gc_keeps_downloads_of_a_model_that_is_still_wanted(world: World) -> None:
    kept = world.shelf.downloads("brain") / "half"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"x")
    world.run("gc", "--yes")
    assert kept.exists()


def test_import_takes_wheels_without_an_index(world: World) -> None:
    carried = world.root / "carried"
    world.index.rename(carried)
    before = sorted(path.name for path in carried.iterdir())
    result = world.run("import", str(carried))
    assert result.exit_code == 0, result.output
    assert "3 models imported" in result.output
    assert sorted(path.name for path in carried.iterdir()) == before
    assert world.run("verify", "all").exit_code == 0


def test_import_takes_another_boxs_models_folder(world: World) -> None:
    world.run("pull")
    carried = world.root / "carried"
    world.models.rename(carried)
    result = world.run("import", str(carried), "ears")
    assert result.exit_code == 0, result.output
    assert world.run("verify", "ears").exit_code == 0
    assert not (world.models / "brain").exists()


def test_import_verifies_what_it_takes(world: World) -> None:
    world.run("pull")
    carried = world.root / "carried"
    world.models.rename(carried)
    (carried / "joe/voice.onnx").write_bytes(b"x" * 300_000)
    result = world.run("import", str(carried))
    assert result.exit_code == 1
    assert "joe/voice.onnx: what was fetched is not what it should be" in result.output
    assert not (world.models / "joe").exists()


def rot(world: World, name: str, file: str) -> Path:
    """A byte that has flipped on the disk; the file's size stays."""
    path = world.models / name / file
    data = bytearray(path.read_bytes())
    data[1_000] ^= 1
    path.write_bytes(data)
    return path


def test_what_verify_advises_mends_bit_rot(world: World) -> None:
    world.run("pull")
    path = rot(world, "joe", "voice.onnx")
    with path.open("rb") as loaded:
        before = loaded.read()
        said = world.run("verify").output
        assert "appliance models pull --verify joe\n" in said
        assert "0 installed now" in world.run("pull", "joe").output
        assert "1 installed now" in world.run("pull", "--verify", "joe").output
        loaded.seek(0)
        assert loaded.read() == before != path.read_bytes()  # a box that has it open keeps it
    assert world.run("verify").exit_code == 0
    assert "0 installed now" in world.run("pull", "--verify").output


def test_import_mends_bit_rot_from_another_boxs_folder(world: World) -> None:
    world.run("pull")
    carried = world.root / "carried"
    shutil.copytree(world.models, carried)
    shutil.rmtree(carried / "ears")
    rot(world, "joe", "voice.onnx")
    assert "0 models imported" in world.run("import", str(carried), "joe").output
    assert "1 models imported" in world.run("import", "--verify", str(carried), "joe").output
    assert world.run("verify").exit_code == 0
    rot(world, "ears", "model.bin")
    result = world.run("import", "--verify", str(carried))
    assert (result.exit_code, "does not have ears, damaged in" in result.output) == (1, True)


def test_import_says_what_is_missing(world: World) -> None:
    empty = world.root / "empty"
    empty.mkdir()
    result = world.run("import", str(empty))
    assert result.exit_code == 1
    assert "has nothing to import" in result.output
    assert "tiny_llm==1.0" in result.output
    shutil.copy(next(world.index.glob("tiny_llm*")), empty)
    result = world.run("import", str(empty), "brain", "joe")
    assert result.exit_code == 1
    assert "does not have joe" in result.output
    assert (world.models / "brain").is_dir()


def test_the_fixture_writes_parts_as_manifests_have_them(world: World) -> None:
    assert world.wheel_file("a", b"", ("w", "1"), ("w", "2")).count("source") == 2
