"""The shape of a model: what decides how much memory it takes, read without reading its weights.

The header gives the sizes of the tensors, layer by layer. llama.cpp itself then loads the model with `no_alloc`: it
checks every tensor and gives the model's figures, but reserves and reads nothing (with `load_mode` NONE; with a
memory map it would end the process). So a model that it cannot run is refused here, with its own reason.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import llama_cpp
import msgspec

from appliance.engines.faults import ModelUnusable
from appliance.engines.llama import header
from appliance.engines.llama.hearing import complaints

SPLIT: Final = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
"""End of the name of a model in several files, of which the first is given."""

FLOAT_BYTES: Final = 4

ATTENTION: Final = ("attn_k.weight", "attn_kv_a_mqa.weight", "attn_k_b.weight", "attn_qkv.weight", "attn_kv.weight")
INPUT: Final = ("token_embd", "per_layer_token_embd", "position_embd", "token_types")
"""Beginnings of the names of what stays on the CPU."""

RECURRENT: Final = ("ssm_", "shortconv.", "time_mix_")


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One model. Tuples have a value for each layer; widths are in elements, `*_bytes` in bytes."""

    name: str
    architecture: str
    input_bytes: int
    """Embeddings, which stay on the CPU."""
    layer_bytes: tuple[int, ...]
    head_bytes: int
    """The output matrix and all else that is in no layer."""
    tied_bytes: int = 0
    """The output matrix where it is the embeddings over again: a copy that is made on a GPU only."""
    key_widths: tuple[int, ...]
    """Elements of one cached token's key; 0 in a layer without a cache."""
    value_widths: tuple[int, ...]
    state_bytes: tuple[int, ...] = ()
    """A recurrent layer's state, for one sequence; empty for a model without any."""
    key_length: int
    value_length: int
    """Elements of one head."""
    heads: int
    vocabulary: int
    width: int
    feed_forward: int
    trained_context: int
    window: int = 0
    """Tokens that a layer with a sliding window looks back; 0 without."""
    recurrent: bool = False
    hybrid: bool = False

    @property
    def layers(self) -> int:
        """Repeating layers. llama.cpp counts the output as one more."""
        return len(self.layer_bytes)

    @property
    def bytes(self) -> int:
        """All weights."""
        return self.input_bytes + sum(self.layer_bytes) + self.head_bytes


def shape_of(path: str | Path) -> Shape:
    """Read a model's shape. Raises `ModelUnusable` with a reason if llama.cpp could not load the file."""
    path = Path(path)
    heads = [header.read(part) for part in _parts(path)]
    figures = _figures(path)
    tensors = {name: size for head in heads for name, size in head.tensors.items()}
    return _shape(path.stem, heads[0], tensors, figures)


def _parts(path: Path) -> list[Path]:
    found = SPLIT.search(path.name)
    if found is None:
        return [path]
    return [
        path.with_name(f"{path.name[: found.start()]}-{n:05}-of-{found[2]}.gguf") for n in range(1, int(found[2]) + 1)
    ]


class _Figures(msgspec.Struct, frozen=True):
    """What llama.cpp knows better than the header."""

    vocabulary: int
    width: int
    heads: int
    nextn: int
    trained_context: int
    window: int
    recurrent: bool
    hybrid: bool


def _figures(path: Path) -> _Figures:
    parameters = llama_cpp.llama_model_default_params()
    parameters.no_alloc = True
    parameters.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE
    parameters.n_gpu_layers = 0
    parameters.split_mode, parameters.main_gpu = llama_cpp.LLAMA_SPLIT_MODE_NONE, -1  # no GPU is even looked at
    with complaints() as said:
        model = llama_cpp.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        raise ModelUnusable(f"{path.name} cannot be run by this llama.cpp: {said.first}")
    try:
        return _Figures(
            vocabulary=llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model)),
            width=llama_cpp.llama_model_n_embd(model),
            heads=llama_cpp.llama_model_n_head(model),
            nextn=llama_cpp.llama_model_n_layer_nextn(model),
            trained_context=llama_cpp.llama_model_n_ctx_train(model),
            window=llama_cpp.llama_model_n_swa(model),
            recurrent=llama_cpp.llama_model_is_recurrent(model),
            hybrid=llama_cpp.llama_model_is_hybrid(model),
        )
    finally:
        llama_cpp.llama_model_free(model)


def _shape(name: str, head: header.Header, tensors: dict[str, int], figures: _Figures) -> Shape:
    architecture = str(head.values["general.architecture"])
    layers = head.integer(f"{architecture}.block_count")
    weights: list[dict[str, int]] = [{} for _ in range(layers)]
    ends = {"input": 0, "head": 0}
    for tensor, size in tensors.items():
        block, _, rest = tensor.removeprefix("blk.").partition(".")
        if tensor.startswith("blk.") and block.isdecimal() and int(block) < layers:
            if int(block) < layers - figures.nextn:  # layers that predict further tokens are not loaded
                weights[int(block)][rest] = size
        else:
            ends["input" if tensor.startswith(INPUT) else "head"] += size
    keys, values = _widths(head, architecture, weights, figures)
    states = _states(head, architecture, weights, figures)
    experts = head.integer(f"{architecture}.expert_used_count") * head.integer(
        f"{architecture}.expert_feed_forward_length"
    )
    each = figures.width // max(1, figures.heads)
    return Shape(
        name=name,
        architecture=architecture,
        input_bytes=ends["input"],
        layer_bytes=tuple(sum(layer.values()) for layer in weights),
        head_bytes=ends["head"],
        tied_bytes=0 if "output.weight" in tensors else tensors.get("token_embd.weight", 0),
        key_widths=tuple(keys),
        value_widths=tuple(values),
        state_bytes=tuple(states) if any(states) else (),
        key_length=head.integer(f"{architecture}.attention.key_length", each),
        value_length=head.integer(f"{architecture}.attention.value_length", each),
        heads=figures.heads,
        vocabulary=figures.vocabulary,
        width=figures.width,
        feed_forward=max(head.integer(f"{architecture}.feed_forward_length"), experts),
        trained_context=figures.trained_context,
        window=figures.window,
        recurrent=figures.recurrent,
        hybrid=figures.hybrid,
    )


def _widths(
    head: header.Header, architecture: str, weights: list[dict[str, int]], figures: _Figures
) -> tuple[list[int], list[int]]:
    """Elements of a cached key and value in each layer; where a file leaves it open, the larger."""
    layers, prefix = len(weights), f"{architecture}.attention"
    heads = head.integers(f"{prefix}.head_count", layers)
    shared = [head.integers(f"{prefix}.head_count_kv", layers, each)[at] for at, each in enumerate(heads)]
    each = figures.width // max(1, figures.heads)
    latent = f"{prefix}.key_length_mla" in head.values  # keys and values in one, so there are no values
    last = layers - figures.nextn - head.integer(f"{prefix}.shared_kv_layers")
    keys, values = [0] * layers, [0] * layers
    for at, layer in enumerate(weights):
        if at >= last or not _attends(layer):
            continue
        keys[at] = shared[at] * _length(head, f"{prefix}.key_length", at, each)
        values[at] = 0 if latent else shared[at] * _length(head, f"{prefix}.value_length", at, each)
    return keys, values


def _length(head: header.Header, key: str, layer: int, each: int) -> int:
    """Elements of a head in a layer; layers with a sliding window can have their own."""
    full = head.integer(key, each)
    slides = head.values.get(f"{key.partition('.')[0]}.attention.sliding_window_pattern")
    sliding = head.integer(f"{key}_swa", full)
    if isinstance(slides, list) and layer < len(slides):
        return sliding if slides[layer] else full
    return max(full, sliding)


def _attends(layer: dict[str, int]) -> bool:
    recurs = any(tensor.startswith(RECURRENT) for tensor in layer)
    return any(tensor in layer and not (recurs and tensor == "attn_qkv.weight") for tensor in ATTENTION)


def _states(head: header.Header, architecture: str, weights: list[dict[str, int]], figures: _Figures) -> list[int]:
    """Bytes of a recurrent layer's state, as `n_embd_r` and `n_embd_s` of llama.cpp have it; 0 in other layers."""
    if not (figures.recurrent or figures.hybrid):
        return []

    def of(key: str, default: int = 0) -> int:
        return head.integer(f"{architecture}.{key}", default)

    width, heads = figures.width, figures.heads
    convolved = max(0, of("ssm.conv_kernel") - 1)
    if wkv := of("wkv.head_size"):
        elements = of("token_shift_count", 2) * width + width * wkv
    elif lately := of("shortconv.l_cache"):
        elements = width * (lately - 1)
    elif kda := of("kda.head_dim"):
        elements = 3 * (convolved or 3) * heads * kda + kda * kda * heads
    else:
        inner, state = of("ssm.inner_size"), of("ssm.state_size")
        elements = convolved * (inner + 2 * of("ssm.group_count") * state) + state * inner
    recurs = [figures.recurrent or any(tensor.startswith(RECURRENT) for tensor in layer) for layer in weights]
    return [elements * FLOAT_BYTES if each else 0 for each in recurs]
