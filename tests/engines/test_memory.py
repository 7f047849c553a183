"""The memory plan over made-up machines. What llama.cpp really takes stands in `test_anatomy`.

No GPU is needed here, and none is used: GPUs are numbers in a list.
"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.engines.faults import ModelDoesNotFit
from appliance.engines.llama import placement
from appliance.engines.llama.anatomy import Shape
from appliance.engines.llama.devices import Device
from appliance.engines.llama.memory import plan
from appliance.engines.llama.sizes import KV_TYPES, Sizes
from appliance.engines.specs import Llama

GIGA = 1_000_000_000


def cpu(free: float = 64, total: float = 64) -> Device:
    return Device(name="CPU", kind="cpu", free=int(free * GIGA), total=int(total * GIGA))


def gpu(number: int, free: float, *, shared: bool = False, splits_rows: bool = False) -> Device:
    size = int(free * GIGA)
    return Device(name=f"CUDA{number}", kind="gpu", free=size, total=size, shared=shared, splits_rows=splits_rows)


def spec(**more: object) -> Llama:
    return msgspec.convert({"type": "Llama", "name": "m", "path": "m.gguf", **more}, Llama)


BIG = Shape(
    name="Big", architecture="qwen3", input_bytes=350_000_000, layer_bytes=(110_000_000,) * 36, head_bytes=350_000_000,
    key_widths=(1024,) * 36, value_widths=(1024,) * 36, key_length=128, value_length=128, heads=32, vocabulary=151_936,
    width=4096, feed_forward=12_288, trained_context=40_960,
)  # fmt: skip
"""As Qwen3 8B in four bits: 4.7 GB, and 147 kB for a token in f16."""

SMALL = msgspec.structs.replace(
    BIG, name="Small", layer_bytes=(10_000_000,) * 8, key_widths=(256,) * 8, value_widths=(256,) * 8
)


@pytest.mark.parametrize(
    ("batch", "sequences", "slots", "planned"), [(256, 16, 64, 256), (32, 16, 32, 32), (1, 16, 17, 17)]
)
def test_the_batch_has_room_for_every_slot(batch: int, sequences: int, slots: int, planned: int) -> None:
    made = plan(spec(batch=batch, sequences=sequences), BIG, [cpu()])
    assert (made.slots, made.batch) == (slots, planned)


def test_all_is_as_asked_for_where_there_is_room() -> None:
    made = plan(spec(), BIG, [cpu(), gpu(0, 24)])
    assert (made.context, made.cells, made.gpu_layers, made.kv_type) == (4096, 8192, 37, "f16")
    assert made.notes == ()
    assert [need.device for need in made.needs] == ["CPU", "CUDA0"]
    assert made.needs[0].weights == BIG.input_bytes
    assert made.needs[1].weights == BIG.bytes - BIG.input_bytes


def test_cells_give_way_before_the_context() -> None:
    asked = spec(kv_type="f16", context=8192)
    most = plan(asked, BIG, [cpu(64)])
    fewer = plan(asked, BIG, [cpu(8.5)])
    shorter = plan(asked, BIG, [cpu(6.3)])
    assert (most.cells, most.context, most.notes) == (16384, 8192, ())
    assert 8192 <= fewer.cells < 16384
    assert fewer.context == 8192
    assert [note.partition(" (")[2] for note in fewer.notes] == ["llm.cells)"]
    assert 1024 <= shorter.cells == shorter.context < 8192
    assert [note.partition(" (")[2] for note in shorter.notes] == ["llm.cells)", "llm.context)"]


def test_a_refusal_says_what_is_needed_what_is_free_and_what_to_change() -> None:
    with pytest.raises(ModelDoesNotFit) as caught:
        plan(spec(), BIG, [cpu(5.0)])
    said = str(caught.value)
    needed = int(said.partition("needs ")[2].partition(" MB of main memory")[0])
    assert needed > 4660 + 77  # weights, and 1024 cells
    for part in ("Big", "1024 tokens", "4660 MB of it for weights", "5000 MB are free", "512 MB", "models.set"):
        assert part in said
    plan(spec(), BIG, [cpu((needed + 512) / 1000)])
    with pytest.raises(ModelDoesNotFit):
        plan(spec(), BIG, [cpu((needed + 510) / 1000)])


def test_a_quantised_cache_needs_flash_attention() -> None:
    for kv_type in ("q8_0", "q4_0"):
        with pytest.raises(ModelDoesNotFit, match=f"llm.kv_type {kv_type} needs flash attention: set llm.flash_att"):
            plan(spec(kv_type=kv_type, flash_attention="off"), BIG, [cpu()])
    assert plan(spec(flash_attention="off"), BIG, [cpu()]).kv_type == "f16"


def test_heads_that_do_not_divide_into_blocks() -> None:
    odd = msgspec.structs.replace(BIG, key_length=80, value_length=80)
    with pytest.raises(ModelDoesNotFit, match=r"are 80, 80: set llm\.kv_type to f16"):
        plan(spec(kv_type="q8_0"), odd, [cpu()])
    made = plan(spec(), odd, [cpu()])
    assert made.kv_type == "f16"
    assert "multiple of 32" in made.notes[0]


def test_blocks_are_counted_whole() -> None:
    cell = {kv_type: Sizes(SMALL, kv_type, True, 256, 64, 16).cell(0) for kv_type in KV_TYPES}
    assert cell == {"f16": 2 * 512, "q8_0": 34 * 512 // 32, "q4_0": 18 * 512 // 32, "q8_0+f16": 34 * 256 // 32 + 512}


def test_a_context_beyond_the_training_is_cut() -> None:
    made = plan(spec(context=50_000), BIG, [cpu(), gpu(0, 80)])
    assert made.context == 40_960
    assert "40960" in made.notes[0]


def test_a_small_gpu_takes_as_many_layers_as_fit() -> None:
    made = plan(spec(), BIG, [cpu(), gpu(0, 4)])
    assert 10 < made.gpu_layers < 36
    assert made.cells >= 4096
    assert f"holds {made.gpu_layers} of 37 layers" in made.notes[0]
    with pytest.raises(ModelDoesNotFit, match=r"GPUs.*set llm.gpu_layers to \d+, or to -1") as caught:
        plan(spec(gpu_layers=37), BIG, [cpu(), gpu(0, 4)])
    most = int(str(caught.value).partition("set llm.gpu_layers to ")[2].partition(",")[0])
    assert plan(spec(gpu_layers=most), BIG, [cpu(), gpu(0, 4)]).gpu_layers == most
    with pytest.raises(ModelDoesNotFit):
        plan(spec(gpu_layers=most + 1), BIG, [cpu(), gpu(0, 4)])


@pytest.mark.parametrize("asked", [spec(gpu_layers=0), spec()])
def test_no_layer_on_a_gpu_means_that_none_is_touched(asked: Llama) -> None:
    made = plan(asked, BIG, [cpu(), gpu(0, 0.9)])
    assert (made.gpu_layers, made.split_mode, made.main_gpu, made.kv_type) == (0, "none", -1, "q8_0+f16")
    assert [need.device for need in made.needs] == ["CPU"]


def test_two_gpus_share_by_their_free_memory() -> None:
    alike = plan(spec(), BIG, [cpu(), gpu(0, 8), gpu(1, 8)])
    assert alike.gpu_layers == 37
    assert abs(alike.tensor_split[0] - alike.tensor_split[1]) <= 6
    uneven = plan(spec(), BIG, [cpu(), gpu(0, 24), gpu(1, 6)])
    assert uneven.tensor_split[0] > 2 * uneven.tensor_split[1] > 0
    assert sum(uneven.tensor_split) == 37
    useless = plan(spec(), BIG, [cpu(), gpu(0, 0.5), gpu(1, 24)])
    assert list(useless.tensor_split) == [0, 37]
    assert [need.device for need in useless.needs] == ["CPU", "CUDA1"]


def test_given_shares_are_kept_or_refused() -> None:
    made = plan(spec(tensor_split=[1, 3]), BIG, [cpu(), gpu(0, 24), gpu(1, 24)])
    assert list(made.tensor_split) == [1, 3]
    small, large = made.needs[1:]
    assert large.weights == pytest.approx(3 * small.weights, rel=0.15)
    with pytest.raises(ModelDoesNotFit, match="has 3 shares for 2 GPUs"):
        plan(spec(tensor_split=[1, 1, 1]), BIG, [cpu(), gpu(0, 24), gpu(1, 24)])
    with pytest.raises(ModelDoesNotFit, match="main_gpu is 2, but the GPUs are numbered 0 to 1"):
        plan(spec(main_gpu=2, split_mode="none"), BIG, [cpu(), gpu(0, 24), gpu(1, 24)])


def test_one_gpu_alone_and_rows() -> None:
    alone = plan(spec(split_mode="none", main_gpu=1), BIG, [cpu(), gpu(0, 24), gpu(1, 24)])
    assert (alone.main_gpu, alone.tensor_split) == (1, ())
    assert [need.device for need in alone.needs] == ["CPU", "CUDA1"]
    rows = [gpu(number, 24, splits_rows=True) for number in range(2)]
    split = plan(spec(split_mode="row"), BIG, [cpu(), *rows])
    assert split.split_mode == "row"
    assert split.needs[1].weights == split.needs[2].weights
    layers = plan(spec(split_mode="row"), BIG, [cpu(), gpu(0, 24), gpu(1, 24)])
    assert layers.split_mode == "layer"
    assert "llm.split_mode" in layers.notes[0]


def test_a_gpu_without_memory_of_its_own_takes_main_memory() -> None:
    roomy = plan(spec(), BIG, [cpu(16), gpu(0, 16, shared=True)])
    assert roomy.gpu_layers == 37
    tight = plan(spec(), BIG, [cpu(7.2), gpu(0, 7.2, shared=True)])
    assert sum(need.bytes for need in tight.needs) <= 7.2 * GIGA - 512_000_000
    with pytest.raises(ModelDoesNotFit, match="main memory"):
        plan(spec(), BIG, [cpu(5), gpu(0, 5, shared=True)])


def test_a_draft_model_has_its_place() -> None:
    asked = spec(speculation="draft")
    alone = plan(asked, BIG, [cpu(), gpu(0, 24)])
    made = plan(asked, BIG, [cpu(), gpu(0, 24)], SMALL)
    assert (alone.draft_gpu, made.draft_gpu) == (None, 0)
    assert made.needs[1].weights - alone.needs[1].weights == SMALL.bytes - SMALL.input_bytes
    assert made.needs[1].cache > alone.needs[1].cache
    roomier = plan(asked, BIG, [cpu(), gpu(0, 8), gpu(1, 12)], SMALL)
    assert roomier.draft_gpu == 1
    beside = plan(spec(gpu_layers=37, cells=1024), BIG, [cpu(), gpu(0, 6.4)], SMALL)
    assert beside.draft_gpu is None
    assert "llm.draft_model" in beside.notes[-1]
    with pytest.raises(ModelDoesNotFit, match=r"turn llm\.speculation off"):
        plan(asked, BIG, [cpu(5.9)], SMALL)


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=4).filter(any))
def test_counts_come_out_of_llama_cpp_as_they_went_in(counts: list[int]) -> None:
    places = sum(counts)
    assert placement.by_shares(places, counts) == counts
    ends = np.cumsum(np.array(counts, np.float32), dtype=np.float32)
    ends /= ends[-1]
    found = [
        int(np.searchsorted(ends, np.float32(place) / np.float32(places), side="right")) for place in range(places)
    ]
    assert [found.count(number) for number in range(len(counts))] == counts


shapes = st.builds(
    lambda layers, weight, ends, kv, words, wide, tied, state: Shape(
        name="Any", architecture="any", input_bytes=ends, layer_bytes=(weight,) * layers,
        head_bytes=1000 if tied else ends, tied_bytes=ends if tied else 0, key_length=64,
        key_widths=(kv,) * layers, value_widths=(kv,) * layers,
        state_bytes=(state,) * layers if state else (), value_length=64, heads=max(1, wide // 64), vocabulary=words,
        width=wide, feed_forward=4 * wide, trained_context=32768,
    ),
    st.integers(1, 40), st.integers(1, 400_000_000), st.integers(1, 600_000_000), st.sampled_from([0, 64, 512, 1024]),
    st.integers(1000, 260_000), st.sampled_from([256, 2048, 5120]), st.booleans(), st.sampled_from([0, 0, 100_000]),
)  # fmt: skip
specs = st.builds(
    spec,
    context=st.integers(1, 40_000), cells=st.one_of(st.just(0), st.integers(1, 100_000)), sequences=st.integers(1, 64),
    gpu_layers=st.integers(-1, 45), flash_attention=st.sampled_from(["auto", "off"]), batch=st.integers(1, 2048),
    kv_type=st.sampled_from(["auto", "f16"]), split_mode=st.sampled_from(["none", "layer", "row"]),
    memory_margin_mb=st.integers(0, 2000),
)  # fmt: skip
machines = st.builds(
    lambda main, gpus, shared: [cpu(main), *(gpu(n, free, shared=shared) for n, free in enumerate(gpus))],
    st.floats(0, 30), st.lists(st.floats(0, 25), max_size=3), st.booleans(),
)  # fmt: skip


@settings(deadline=None)
@given(specs, shapes, machines, st.one_of(st.none(), shapes))
def test_a_plan_never_takes_more_than_is_free(
    asked: Llama, shape: Shape, machine: list[Device], draft: Shape | None
) -> None:
    try:
        made = plan(asked, shape, machine, draft)
    except ModelDoesNotFit as refusal:
        assert "MB are free" in str(refusal)  # noqa: PT017 - a refusal is as good as a plan
        return
    free = {device.name: device for device in machine}
    for need in made.needs:
        assert need.bytes <= free[need.device].free - asked.memory_margin_mb * 1_000_000
    main = sum(need.bytes for need in made.needs if need.device == "CPU" or free[need.device].shared)
    assert main <= machine[0].free - asked.memory_margin_mb * 1_000_000
    assert made.cells % 256 == 0
    assert 0 < made.context <= min(asked.context, made.cells)
    assert made.slots > asked.sequences
    assert made.batch >= max(asked.batch, made.slots)
    if draft is None:
        weights = sum(need.weights for need in made.needs)
        assert weights == shape.bytes + (shape.tied_bytes if made.gpu_layers else 0)
        sizes = Sizes(shape, made.kv_type, made.flash_attention, made.batch, made.slots, asked.sequences)
        cache = sum(sizes.cache(layer, made.cells) for layer in range(shape.layers))
        assert sum(need.cache for need in made.needs) == cache


@settings(deadline=None)
@given(specs, shapes, machines)
def test_what_a_plan_gives_can_be_asked_for(asked: Llama, shape: Shape, machine: list[Device]) -> None:
    try:
        made = plan(asked, shape, machine)
    except ModelDoesNotFit:
        return
    same = msgspec.structs.replace(
        asked, context=made.context, cells=made.cells, gpu_layers=made.gpu_layers, kv_type=made.kv_type
    )
    again = plan(same, shape, machine)
    assert (again.context, again.cells, again.gpu_layers) == (made.context, made.cells, made.gpu_layers)
    assert [note for note in again.notes if "llm.split_mode" not in note] == []
    more = msgspec.structs.replace(same, cells=made.cells + 256)
    assert plan(more, shape, machine).cells - made.cells in (
        (0,) if any("llm.cells" in n for n in made.notes) else (0, 256)
    )
