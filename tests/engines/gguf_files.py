"""Model files without weights: a true header, and a hole where the tensors would be."""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
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


def write(path: Path, values: Mapping[str, Value], tensors: Tensors) -> Path:
    """Write a GGUF file; it takes no room on the disk for its tensors."""
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
        file.truncate(len(head) + offset)
    return path


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
