"""Model files without weights: a true header, and a hole where the tensors would be, or numbers drawn by lot."""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Value = bool | int | float | str | list[int] | tuple[int, str, int]
"""As a tuple: number of the type, its form for `struct`, value."""
Tensors = dict[str, tuple[tuple[int, ...], str]]

TYPES = {"f32": (0, 1, 4), "f16": (1, 1, 2), "q8_0": (8, 32, 34), "q4_K": (12, 256, 144)}
"""Name: number in ggml, elements and bytes of a block."""

ALIGNMENT = 32


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Value) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _string(value)
        case (number, form, whole):
            return struct.pack(f"<I{form}", number, whole)
        case list():
            return struct.pack(f"<IIQ{len(value)}I", 9, 4, len(value), *value)


def write(path: Path, values: Mapping[str, Value], tensors: Tensors, *, seed: int | None = None) -> Path:
    """Write a GGUF file. Without a seed it takes no room on the disk for its tensors; with one, all have to be f32."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(_string(key) + _value(value) for key, value in values.items())
    offset = 0
    for name, (shape, kind) in tensors.items():
        number, elements, size = TYPES[kind]
        head += _string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, number, offset)
        offset += -(-prod(shape) // elements * size // ALIGNMENT) * ALIGNMENT
    head += bytes(-len(head) % ALIGNMENT)
    with path.open("wb") as file:
        file.write(head)
        if seed is not None:
            file.writelines(_drawn(tensors, np.random.default_rng(seed)))
        file.truncate(len(head) + offset)
    return path


def _drawn(tensors: Tensors, dice: np.random.Generator) -> Iterator[bytes]:
    """Weights of a model that says nothing, but depends on every token."""
    for name, (shape, kind) in tensors.items():
        assert kind == "f32"
        drawn = dice.standard_normal(prod(shape), np.float32)
        if name.endswith("ssm_a"):
            drawn = -np.exp(drawn)  # states fade
        elif len(shape) == 1:
            drawn = np.float32(1) + drawn / np.float32(10)
        else:
            drawn /= np.float32(shape[0] ** 0.5)
        yield drawn.tobytes() + bytes(-drawn.nbytes % ALIGNMENT)


def mamba(
    *, layers: int, width: int, vocabulary: int, state: int = 16, kernel: int = 4
) -> tuple[dict[str, Value], Tensors]:
    """A state-space model without any attention."""
    inner, rank = 2 * width, max(1, width // 16)
    values: dict[str, Value] = {
        "general.architecture": "mamba",
        "tokenizer.ggml.model": "no_vocab",
        "mamba.vocab_size": vocabulary,
        "mamba.block_count": layers,
        "mamba.context_length": 32768,
        "mamba.embedding_length": width,
        "mamba.feed_forward_length": 0,
        "mamba.attention.head_count": 0,
        "mamba.attention.layer_norm_rms_epsilon": 1e-5,
        "mamba.ssm.conv_kernel": kernel,
        "mamba.ssm.inner_size": inner,
        "mamba.ssm.state_size": state,
        "mamba.ssm.time_step_rank": rank,
    }
    tensors: Tensors = {"token_embd.weight": ((width, vocabulary), "f32"), "output_norm.weight": ((width,), "f32")}
    for layer in range(layers):
        each: Tensors = {
            "attn_norm.weight": ((width,), "f32"),
            "ssm_in.weight": ((width, 2 * inner), "f32"),
            "ssm_conv1d.weight": ((kernel, inner), "f32"),
            "ssm_conv1d.bias": ((inner,), "f32"),
            "ssm_x.weight": ((inner, rank + 2 * state), "f32"),
            "ssm_dt.weight": ((rank, inner), "f32"),
            "ssm_dt.bias": ((inner,), "f32"),
            "ssm_a": ((state, inner), "f32"),
            "ssm_d": ((inner,), "f32"),
            "ssm_out.weight": ((inner, width), "f32"),
        }
        tensors |= {f"blk.{layer}.{name}": tensor for name, tensor in each.items()}
    return values, tensors


def transformer(
    architecture: str,
    *,
    layers: int,
    width: int,
    heads: int,
    shared: int | list[int],
    head: int,
    feed_forward: int,
    vocabulary: int,
    weights: str = "q4_K",
    tied: bool = False,
    **more: Value,
) -> tuple[dict[str, Value], Tensors]:
    """A dense transformer as Llama, Qwen3 and Gemma have it, or with `shared` 0 in a layer LFM2's short convolution.

    `shared`: heads of keys and values, for all layers or for each.
    """
    kv = [shared] * layers if isinstance(shared, int) else shared
    values: dict[str, Value] = {
        "general.architecture": architecture,
        "tokenizer.ggml.model": "no_vocab",
        f"{architecture}.vocab_size": vocabulary,
        f"{architecture}.block_count": layers,
        f"{architecture}.context_length": 32768,
        f"{architecture}.embedding_length": width,
        f"{architecture}.feed_forward_length": feed_forward,
        f"{architecture}.attention.head_count": heads,
        f"{architecture}.attention.head_count_kv": shared,
        f"{architecture}.attention.key_length": head,
        f"{architecture}.attention.value_length": head,
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-5,
        f"{architecture}.rope.dimension_count": head,
    }
    values |= {f"{architecture}.{key.replace('__', '.')}": value for key, value in more.items()}
    norm = "token_embd_norm" if architecture == "lfm2" else "output_norm"
    tensors: Tensors = {"token_embd.weight": ((width, vocabulary), weights), f"{norm}.weight": ((width,), "f32")}
    if not tied:
        tensors["output.weight"] = ((width, vocabulary), weights)
    for layer in range(layers):
        each: Tensors = {
            "attn_norm": ((width,), "f32"),
            "ffn_norm": ((width,), "f32"),
            "ffn_gate": ((width, feed_forward), weights),
            "ffn_up": ((width, feed_forward), weights),
            "ffn_down": ((feed_forward, width), weights),
        }
        if kv[layer]:
            each |= {
                "attn_q": ((width, heads * head), weights),
                "attn_k": ((width, kv[layer] * head), weights),
                "attn_v": ((width, kv[layer] * head), weights),
                "attn_output": ((heads * head, width), weights),
            }
            if architecture != "llama":
                each |= {"attn_q_norm": ((head,), "f32"), "attn_k_norm": ((head,), "f32")}
        else:
            each |= {
                "shortconv.conv": ((int(str(more["shortconv__l_cache"])), width), "f32"),
                "shortconv.in_proj": ((width, 3 * width), weights),
                "shortconv.out_proj": ((width, width), weights),
            }
        if architecture == "gemma3":
            each |= {"post_attention_norm": ((width,), "f32"), "post_ffw_norm": ((width,), "f32")}
        tensors |= {f"blk.{layer}.{name}.weight": tensor for name, tensor in each.items()}
    return values, tensors
