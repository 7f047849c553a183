"""Sentence encoders of BERT's kind, from the folder that sentence-transformers keeps them in to llama.cpp's format.

In: a zip of config.json, 1_Pooling/config.json, tokenizer.json, tokenizer_config.json and model.safetensors (float32).
Out: GGUF, matrices as Q8_0, all else as 32-bit floats. The same zip always gives the same bytes.
"""

from __future__ import annotations

import re
import zipfile
from math import prod
from typing import IO, TYPE_CHECKING, Final, Literal, TypeVar

import msgspec
import numpy as np

from appliance.catalog.faults import Damaged
from appliance.catalog.gguf import BLOCK, Tensor, head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.catalog.gguf import Value

_T = TypeVar("_T")

MEAN: Final = 1
"""`LLAMA_POOLING_TYPE_MEAN`."""
MOSTLY_Q8_0: Final = 7
"""`LLAMA_FTYPE_MOSTLY_Q8_0`."""
NORMAL, CONTROL = 1, 3
"""`LLAMA_TOKEN_TYPE_…`."""
WORD: Final = "▁"
"""Before a token that begins a word, where BERT's own vocabulary marks those that go on with one ("##")."""
MOST_HEADER: Final = 10_000_000
"""Bytes of JSON that may stand before the weights."""

NAMES: Final = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
"""Of what the weights belong to: in BERT, in llama.cpp."""
SMALL: Final = ("position_embd", "token_types")
"""Tables that are added as they are, not multiplied: llama.cpp wants them as floats."""
UNUSED: Final = re.compile(r"pooler\.|embeddings\.position_ids$")


class _Config(msgspec.Struct):
    """config.json; what is not of these kinds is another model."""

    model_type: Literal["bert"]
    hidden_act: Literal["gelu"]
    hidden_size: int
    intermediate_size: int
    layer_norm_eps: float
    max_position_embeddings: int
    num_attention_heads: int
    num_hidden_layers: int
    type_vocab_size: int
    vocab_size: int
    position_embedding_type: Literal["absolute"] = "absolute"


class _Pooling(msgspec.Struct):
    """1_Pooling/config.json."""

    pooling_mode_mean_tokens: bool


class _Normalizer(msgspec.Struct):
    type: Literal["BertNormalizer"]
    lowercase: bool


class _WordPiece(msgspec.Struct):
    vocab: dict[str, int]
    type: Literal["WordPiece"] = "WordPiece"
    continuing_subword_prefix: Literal["##"] = "##"


class _Added(msgspec.Struct):
    content: str
    special: bool


class _Tokenizer(msgspec.Struct):
    """tokenizer.json."""

    model: _WordPiece
    normalizer: _Normalizer
    added_tokens: list[_Added]


class _Special(msgspec.Struct):
    """tokenizer_config.json."""

    cls_token: str
    sep_token: str
    unk_token: str
    pad_token: str
    mask_token: str


class _Weights(msgspec.Struct):
    """One entry of the header of model.safetensors; the offsets count from its end."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def convert(folder: IO[bytes]) -> Iterator[bytes]:
    """The bytes of the GGUF file, a tensor at a time. Raises Damaged if the zip is broken or holds something else."""
    try:
        with zipfile.ZipFile(folder) as opened:
            values = _values(opened)
            with opened.open("model.safetensors") as weights:
                yield from _tensors(weights, values)
    except (zipfile.BadZipFile, KeyError, msgspec.DecodeError) as error:
        raise Damaged(f"it is no sentence encoder of BERT's kind, as its makers keep one: {error}") from error


def _values(opened: zipfile.ZipFile) -> dict[str, Value]:
    config = _json(opened, "config.json", _Config)
    if not _json(opened, "1_Pooling/config.json", _Pooling).pooling_mode_mean_tokens:
        raise Damaged("only the mean of the tokens' states can be taken over, and this model wants something else")
    return {
        "general.architecture": "bert",
        "general.file_type": MOSTLY_Q8_0,
        "general.quantization_version": 2,
        "bert.context_length": config.max_position_embeddings,
        "bert.embedding_length": config.hidden_size,
        "bert.block_count": config.num_hidden_layers,
        "bert.feed_forward_length": config.intermediate_size,
        "bert.attention.head_count": config.num_attention_heads,
        "bert.attention.layer_norm_epsilon": config.layer_norm_eps,
        "bert.attention.causal": False,
        "bert.pooling_type": MEAN,
        **_vocabulary(opened, config),
    }


def _vocabulary(opened: zipfile.ZipFile, config: _Config) -> dict[str, Value]:
    tokenizer = _json(opened, "tokenizer.json", _Tokenizer)
    special = _json(opened, "tokenizer_config.json", _Special)
    numbers = tokenizer.model.vocab
    tokens = sorted(numbers, key=numbers.__getitem__)
    if [numbers[token] for token in tokens] != list(range(config.vocab_size)):
        raise Damaged("its vocabulary has gaps, or not as many tokens as the model")
    if not tokenizer.normalizer.lowercase:
        raise Damaged("it tells capital letters apart, which llama.cpp's tokenizer does not")
    control = {each.content for each in tokenizer.added_tokens if each.special}
    return {
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": [token if token in control else _word(token) for token in tokens],
        "tokenizer.ggml.token_type": [CONTROL if token in control else NORMAL for token in tokens],
        "tokenizer.ggml.token_type_count": config.type_vocab_size,
        "tokenizer.ggml.bos_token_id": numbers[special.cls_token],
        "tokenizer.ggml.cls_token_id": numbers[special.cls_token],
        "tokenizer.ggml.seperator_token_id": numbers[special.sep_token],
        "tokenizer.ggml.unknown_token_id": numbers[special.unk_token],
        "tokenizer.ggml.padding_token_id": numbers[special.pad_token],
        "tokenizer.ggml.mask_token_id": numbers[special.mask_token],
    }


def _word(token: str) -> str:
    return token[2:] if token.startswith("##") else WORD + token


def _tensors(stream: IO[bytes], values: dict[str, Value]) -> Iterator[bytes]:
    """In the order in which they stand in `stream`, so that no more than one is in memory."""
    size = int.from_bytes(_read(stream, 8), "little")
    if size > MOST_HEADER:
        raise Damaged(f"model.safetensors: {size} bytes of header are too many")
    header = msgspec.json.decode(_read(stream, size), type=dict[str, msgspec.Raw])
    header.pop("__metadata__", None)
    found = {name: msgspec.json.decode(raw, type=_Weights) for name, raw in header.items()}
    order = sorted(found, key=lambda name: found[name].data_offsets)
    written = {name: _tensor(name, found[name]) for name in order if not UNUSED.match(name)}
    yield head(values, list(written.values()))
    for name in order:
        begin, end = found[name].data_offsets
        data = _read(stream, end - begin)
        if name in written:
            yield written[name].data(np.frombuffer(data, "<f4").reshape(found[name].shape))


def _tensor(name: str, weights: _Weights) -> Tensor:
    known = re.fullmatch(r"(?:encoder\.layer\.(\d+)\.)?(.+)\.(weight|bias)", name)
    to = NAMES.get(known[2]) if known else None
    begin, end = weights.data_offsets
    if known is None or to is None or weights.dtype != "F32" or end - begin != 4 * prod(weights.shape):
        raise Damaged(f"model.safetensors: {name} ({weights.dtype}, {weights.shape}) is not one of BERT's weights")
    place = f"blk.{known[1]}." if known[1] else ""
    matrix = len(weights.shape) == 2 and to not in SMALL and weights.shape[1] % BLOCK == 0
    return Tensor(f"{place}{to}.{known[3]}", weights.shape, "q8_0" if matrix else "f32")


def _read(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise Damaged("model.safetensors: is cut off")
    return data


def _json(opened: zipfile.ZipFile, name: str, kind: type[_T]) -> _T:
    return msgspec.json.decode(opened.read(name), type=kind)
