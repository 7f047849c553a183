"""A sentence encoder in small, as sentence-transformers keeps one, and what it does with tokens, in numpy."""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Weights = dict[str, Any]
"""Name to float32."""

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("the", "cat", "dog", "sat", "mat", "uber", "##s", "##ting", "on", "a", ".", ",", "!", "e", "cafe")
PARTS = {"query": "self.query", "key": "self.key", "value": "self.value"}


@dataclass
class Folder:
    """What stands in the files; `zipped` makes them. A test may change anything."""

    config: dict[str, Any]
    weights: Weights
    tokenizer: dict[str, Any]
    pooling: dict[str, Any] = field(default_factory=lambda: {"pooling_mode_mean_tokens": True})
    special: dict[str, Any] = field(
        default_factory=lambda: {
            f"{name.strip('[]').lower()}_token": name for name in SPECIAL
        }
    )  # fmt: skip

    def zipped(self) -> bytes:
        """The zip file; the same bytes each time."""
        files = {
            "config.json": json.dumps(self.config).encode(),
            "1_Pooling/config.json": json.dumps(self.pooling).encode(),
            "tokenizer.json": json.dumps(self.tokenizer).encode(),
            "tokenizer_config.json": json.dumps(self.special).encode(),
            "model.safetensors": safetensors(self.weights),
        }
        kept = io.BytesIO()
        with zipfile.ZipFile(kept, "w") as opened:
            for name, data in files.items():
                opened.writestr(zipfile.ZipInfo(name), data)
        return kept.getvalue()


def tiny(*, layers: int = 2, width: int = 64, heads: int = 4, seed: int = 1) -> Folder:
    """A model with weights drawn by lot."""
    tokens = [*SPECIAL, *WORDS]
    config = {
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": width, "intermediate_size": 2 * width,
        "layer_norm_eps": 1e-12, "max_position_embeddings": 32, "num_attention_heads": heads,
        "num_hidden_layers": layers, "type_vocab_size": 2, "vocab_size": len(tokens),
    }  # fmt: skip
    tokenizer = {
        "model": {"type": "WordPiece", "vocab": {token: number for number, token in enumerate(tokens)}},
        "normalizer": {"type": "BertNormalizer", "lowercase": True},
        "added_tokens": [{"content": token, "special": True} for token in SPECIAL],
    }
    return Folder(config, _drawn(layers, width, len(tokens), np.random.default_rng(seed)), tokenizer)


def _drawn(layers: int, width: int, vocabulary: int, dice: np.random.Generator) -> Weights:
    def table(rows: int) -> NDArray[np.float32]:
        return dice.standard_normal((rows, width), np.float32)

    def dense(name: str, to: int, of: int) -> Weights:
        drawn = dice.standard_normal((to, of), np.float32) / np.float32(of**0.5)
        return {f"{name}.weight": drawn, f"{name}.bias": dice.standard_normal(to, np.float32) / np.float32(10)}

    def norm(name: str) -> Weights:
        drawn = np.float32(1) + dice.standard_normal(width, np.float32) / np.float32(10)
        return {f"{name}.weight": drawn, f"{name}.bias": dice.standard_normal(width, np.float32) / np.float32(10)}

    weights: Weights = {
        "embeddings.word_embeddings.weight": table(vocabulary),
        "embeddings.position_embeddings.weight": table(32),
        "embeddings.token_type_embeddings.weight": table(2),
        **norm("embeddings.LayerNorm"),
        **dense("pooler.dense", width, width),
    }
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        for part in PARTS.values():
            weights |= dense(f"{layer}.attention.{part}", width, width)
        weights |= dense(f"{layer}.attention.output.dense", width, width)
        weights |= norm(f"{layer}.attention.output.LayerNorm")
        weights |= dense(f"{layer}.intermediate.dense", 2 * width, width)
        weights |= dense(f"{layer}.output.dense", width, 2 * width)
        weights |= norm(f"{layer}.output.LayerNorm")
    return weights


def safetensors(weights: Weights) -> bytes:
    """A file of these weights, in the order of their names, as its makers write it."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name in sorted(weights):
        each = weights[name].tobytes()
        kind = {"float32": "F32", "float16": "F16", "int64": "I64"}[str(weights[name].dtype)]
        header[name] = {
            "dtype": kind, "shape": weights[name].shape, "data_offsets": [len(data), len(data) + len(each)]
        }  # fmt: skip
        data += each
    written = json.dumps(header).encode()
    return struct.pack("<Q", len(written)) + written + data


def vector(
    tokens: list[int], weights: Mapping[str, NDArray[np.float32]], layers: int, heads: int
) -> NDArray[np.float32]:
    """What BERT makes of a text: the mean of its tokens' last states, of length 1."""
    width = weights["embeddings.LayerNorm.weight"].size

    def linear(states: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        return states @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normal(states: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        centred = states - states.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(states.var(-1, keepdims=True) + 1e-12)
        result: NDArray[np.float32] = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
        return result

    def split(states: NDArray[np.float32]) -> NDArray[np.float32]:
        return states.reshape(len(tokens), heads, width // heads).transpose(1, 0, 2)

    embedded = weights["embeddings.word_embeddings.weight"][tokens]
    embedded = embedded + weights["embeddings.position_embeddings.weight"][: len(tokens)]
    states = normal(embedded + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        query, key, value = (split(linear(states, f"{layer}.attention.{part}")) for part in PARTS.values())
        shares = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(width // heads))
        mixed = (shares / shares.sum(-1, keepdims=True)) @ value
        mixed = linear(mixed.transpose(1, 0, 2).reshape(len(tokens), width), f"{layer}.attention.output.dense")
        states = normal(states + mixed, f"{layer}.attention.output.LayerNorm")
        inner = linear(states, f"{layer}.intermediate.dense")
        inner = inner / 2 * (1 + np.vectorize(math.erf)(inner / np.sqrt(2)))
        states = normal(states + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean: NDArray[np.float32] = states.mean(0)
    mean /= np.linalg.norm(mean)
    return mean
