"""What is read before a model is loaded: the shape in its file, and the machine's devices."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llama_cpp
import msgspec
import pytest
from gguf_files import transformer, write

from appliance.engines.faults import ModelUnusable
from appliance.engines.llama import devices as devices_module
from appliance.engines.llama.anatomy import shape_of
from appliance.engines.llama.devices import devices, gpus, memory
from appliance.engines.llama.hearing import complaints, hush
from appliance.engines.llama.memory import plan
from appliance.engines.specs import Llama

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.catalog.lineup import Lineup
    from appliance.engines.llama.memory import Plan

LOADED = Path(__file__).with_name("loaded.py")

MODELS = {
    "llama": transformer(
        "llama", layers=32, width=4096, heads=32, shared=8, head=128, feed_forward=14336, vocabulary=128256
    ),
    "qwen3, tied": transformer(
        "qwen3", layers=36, width=2560, heads=32, shared=8, head=128, feed_forward=9728, vocabulary=151936, tied=True
    ),
    "gemma3, sliding": transformer(
        "gemma3", layers=34, width=2560, heads=8, shared=4, head=256, feed_forward=10240, vocabulary=262144, tied=True,
        attention__sliding_window=1024,
    ),
    "lfm2, hybrid": transformer(
        "lfm2", layers=8, width=1024, heads=16, shared=[0, 0, 8, 0, 0, 8, 0, 8], head=64, feed_forward=4608,
        vocabulary=65536, tied=True, shortconv__l_cache=3,
    ),
}  # fmt: skip


def spec(**more: object) -> Llama:
    return msgspec.convert({"type": "Llama", "name": "m", "path": "m.gguf", **more}, Llama)


def took(path: Path, planned: Plan, *how: str) -> dict[str, int]:
    """What llama.cpp says that the model takes, loaded in a process of its own."""
    command = [sys.executable, str(LOADED), str(path), msgspec.json.encode(planned).decode(), *how]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    figures: dict[str, int] = json.loads(result.stdout)
    return figures


@pytest.mark.parametrize("kv_type", ["f16", "q8_0", "q4_0", "q8_0+f16"])
def test_the_starter_model_takes_what_is_planned(models: Lineup, kv_type: str) -> None:
    path = models.llm.main
    planned = plan(spec(path=str(path), kv_type=kv_type, context=1000), shape_of(path), devices())
    (need,), real = planned.needs, took(path, planned)
    assert real["cells"] == planned.cells == 2048
    assert need.weights == pytest.approx(real["weights"], rel=0.02)
    assert need.cache == pytest.approx(real["cache"], rel=0.02)
    assert real["compute"] <= need.compute <= 2 * real["compute"]
    assert real["output"] <= need.other


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("flash", ["on", "off"])
def test_other_architectures_take_what_is_planned(tmp_path: Path, name: str, flash: str) -> None:
    path = write(tmp_path / "m.gguf", *MODELS[name])
    asked = spec(path=str(path), context=4096, batch=128, flash_attention=flash, memory_margin_mb=0)
    machine = devices_module.Device(name="CPU", kind="cpu", free=2**36, total=2**36)
    planned = plan(asked, shape_of(path), [machine])
    (need,), real = planned.needs, took(path, planned, "--hollow")
    assert planned.kv_type == ("q8_0+f16" if flash == "on" else "f16")
    assert need.weights == real["weights"]
    assert need.cache == pytest.approx(real["cache"], rel=0.001)
    assert real["compute"] <= need.compute <= 2.2 * real["compute"]


def test_recurrent_layers_have_a_state_for_each_sequence(tmp_path: Path) -> None:
    shape = shape_of(write(tmp_path / "m.gguf", *MODELS["lfm2, hybrid"]))
    assert shape.hybrid
    assert [bool(state) for state in shape.state_bytes] == [not width for width in shape.key_widths]
    few, many = (plan(spec(sequences=count), shape, devices()) for count in (1, 32))
    assert (few.slots, many.slots) == (2, 33)
    assert many.needs[0].cache - few.needs[0].cache == 31 * sum(shape.state_bytes)


def test_the_shape_of_the_starter_model(models: Lineup) -> None:
    shape = shape_of(models.llm.main)
    assert (shape.architecture, shape.layers, shape.vocabulary, shape.width) == ("llama", 30, 49152, 576)
    assert shape.key_widths == shape.value_widths == (192,) * 30
    assert shape.tied_bytes == shape.input_bytes
    assert models.llm.main.stat().st_size > shape.bytes > 0.97 * models.llm.main.stat().st_size


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "is not a GGUF file"),
        (3, "is not a GGUF file"),
        (12, "is damaged or cut off in its header: failed to read header"),
        (500_000, "is damaged or cut off in its header"),
        (3_000_000, r"is cut off: 3000000 of 98362432 bytes are there"),
        (98_362_431, r"is cut off: 98362431 of 98362432 bytes are there"),
    ],
)
def test_a_file_that_was_cut_off(models: Lineup, tmp_path: Path, size: int, said: str) -> None:
    path = Path(shutil.copy(models.llm.main, tmp_path / "m.gguf"))
    with path.open("r+b") as file:
        file.truncate(size)
    with pytest.raises(ModelUnusable, match=f"^m.gguf {said}"):
        shape_of(path)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match="cannot be read: No such file"):
        shape_of(tmp_path / "none.gguf")
    (tmp_path / "text.gguf").write_text("Hello.")
    with pytest.raises(ModelUnusable, match="is not a GGUF file"):
        shape_of(tmp_path / "text.gguf")
    values, tensors = transformer(
        "llama", layers=2, width=64, heads=2, shared=2, head=32, feed_forward=128, vocabulary=100, weights="f16"
    )
    without = {name: tensor for name, tensor in tensors.items() if name != "blk.1.ffn_up.weight"}
    with pytest.raises(ModelUnusable, match=r"cannot be run by this llama.cpp: .*'blk.1.ffn_up.weight' not found"):
        shape_of(write(tmp_path / "lacking.gguf", values, without))
    other = values | {"general.architecture": "unheard-of"}
    with pytest.raises(ModelUnusable, match="unknown model architecture: 'unheard-of'"):
        shape_of(write(tmp_path / "other.gguf", other, tensors))


def test_a_model_in_several_files(tmp_path: Path) -> None:
    values, tensors = transformer(
        "llama", layers=4, width=64, heads=2, shared=2, head=32, feed_forward=128, vocabulary=100, weights="f16"
    )
    whole = shape_of(write(tmp_path / "m.gguf", values, tensors))
    names = list(tensors)
    parts = [{name: tensors[name] for name in half} for half in (names[:20], names[20:])]
    for number, part in enumerate(parts):
        split = {"split.no": (2, "H", number), "split.count": (2, "H", 2), "split.tensors.count": (5, "i", len(names))}
        write(tmp_path / f"m-{number + 1:05}-of-00002.gguf", split if number else values | split, part)
    shape = shape_of(tmp_path / "m-00001-of-00002.gguf")
    assert msgspec.structs.replace(shape, name=whole.name) == whole
    (tmp_path / "m-00002-of-00002.gguf").unlink()
    with pytest.raises(ModelUnusable, match=r"^m-00002-of-00002\.gguf cannot be read: No such file"):
        shape_of(tmp_path / "m-00001-of-00002.gguf")


def test_nothing_is_printed(models: Lineup, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shape_of(models.llm.main)
    broken = tmp_path / "m.gguf"
    broken.write_bytes(models.llm.main.read_bytes()[:1000])
    with pytest.raises(ModelUnusable):
        shape_of(broken)
    assert capfd.readouterr() == ("", "")


def test_complaints_are_heard_and_then_hushed(capfd: pytest.CaptureFixture[str]) -> None:
    with complaints() as said:
        llama_cpp.llama_model_load_from_file(b"none.gguf", llama_cpp.llama_model_default_params())
    assert "none.gguf" in said.first
    before, data = llama_cpp.llama_log_callback(), ctypes.c_void_p()
    llama_cpp.llama_log_get(ctypes.byref(before), ctypes.byref(data))
    capfd.readouterr()
    try:
        hush()
        llama_cpp.llama_model_load_from_file(b"none.gguf", llama_cpp.llama_model_default_params())
        assert capfd.readouterr() == ("", "")
    finally:
        llama_cpp.llama_log_set(before, data)


def test_the_cpu_is_there_and_a_build_without_gpus_has_none() -> None:
    first, *others = devices()
    assert first.kind == "cpu"
    assert 0 < first.free <= first.total
    assert others == []


def test_ggml_is_asked_as_it_wants_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    from llama_cpp._ggml import libggml

    monkeypatch.setattr(devices_module, "GPU", 0)  # the number of a CPU, which every build has
    (device,) = gpus(libggml)
    assert device.name == "CPU"
    assert device.description
    assert device.total > 0
    assert not device.splits_rows


class Library:
    """A ggml with these devices: name, type, free bytes."""

    def __init__(self, *found: tuple[bytes, int, int]) -> None:
        def memory(handle: Any, free: Any, total: Any) -> None:
            free.contents.value, total.contents.value = found[handle.value - 1][2], 2 * found[handle.value - 1][2]

        def function(call: Callable[..., Any]) -> Any:
            return lambda *arguments: call(*arguments)

        self.ggml_backend_dev_count = function(lambda: len(found))
        self.ggml_backend_dev_get = function(lambda index: index.value + 1)
        self.ggml_backend_dev_type = function(lambda handle: found[handle.value - 1][1])
        self.ggml_backend_dev_memory = function(memory)
        self.ggml_backend_dev_name = function(lambda handle: found[handle.value - 1][0])
        self.ggml_backend_dev_description = function(lambda _: b"A GPU")
        self.ggml_backend_dev_backend_reg = function(lambda _: 7)
        self.ggml_backend_reg_get_proc_address = function(lambda _, name: isinstance(name, ctypes.c_char_p))


def test_gpus_in_llama_cpps_order() -> None:
    found = gpus(Library((b"CPU", 0, 1), (b"CUDA0", 1, 5), (b"Vulkan0", 2, 6), (b"CUDA1", 1, 7), (b"BLAS", 3, 8)))
    assert [(gpu.name, gpu.free, gpu.total, gpu.shared, gpu.splits_rows) for gpu in found] == [
        ("CUDA0", 5, 10, False, True),
        ("CUDA1", 7, 14, False, True),
    ]
    (integrated,) = gpus(Library((b"CPU", 0, 1), (b"Vulkan0", 2, 6)))
    assert integrated.shared


def test_control_groups_bound_the_memory(tmp_path: Path) -> None:
    own, root = tmp_path / "own", tmp_path / "cgroup"
    group = root / "system.slice" / "appliance.service"
    group.mkdir(parents=True)
    own.write_text("4:cpu:/elsewhere\n0::/system.slice/appliance.service\n")
    free, total = memory(root, own)
    assert free > 2_000_000
    (group / "memory.max").write_text("3000000\n")
    (group / "memory.high").write_text("max\n")
    (group / "memory.current").write_text("1500000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    assert memory(root, own) == (2_000_000, 3_000_000)
    (group / "memory.high").write_text("1200000\n")
    assert memory(root, own) == (200_000, 1_200_000)
    for name in ("memory.current", "memory.stat", "memory.max"):
        (group.parent / name).write_text(
            {"memory.max": "900000", "memory.stat": "inactive_file 0"}.get(name, "1000000")
        )
    assert memory(root, own) == (0, 900_000)
    assert memory(root, tmp_path / "none")[1] == total


def test_control_groups_of_the_first_version(tmp_path: Path) -> None:
    own, group = tmp_path / "own", tmp_path / "memory" / "docker" / "1"
    group.mkdir(parents=True)
    own.write_text("3:cpu,memory:/docker/1\n")
    (group / "memory.limit_in_bytes").write_text("5000000")
    (group / "memory.usage_in_bytes").write_text("4000000")
    (group / "memory.stat").write_text("total_inactive_file 1000000\n")
    assert memory(tmp_path, own) == (2_000_000, 5_000_000)
