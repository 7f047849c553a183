"""What is converted from a package does in llama.cpp what its makers meant: a model in small, and the real one."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from catalog.sentence_encoders import tiny, vector

from appliance.catalog.gguf_bert import convert
from appliance.engines.llama.encoder import LlamaEncoder
from appliance.engines.llama.header import read
from appliance.engines.specs import Encoder
from appliance.jobs import Embed, Embedding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.catalog.lineup import Installed

REFERENCE = Path(__file__).with_name("minilm.jsonl")
"""Texts, the tokens that the package's own tokenizer makes of them, and the vectors that `vector` makes of those with
the package's own weights."""

READ = {
    "The cat sat on the mat.": "[CLS] the cat sat on the mat . [SEP]",
    "ÜBERS,cats!": "[CLS] uber ##s , cat ##s ! [SEP]",
    "a café catting": "[CLS] a cafe cat ##ting [SEP]",
    "what": "[CLS] [UNK] [SEP]",
}
"""Texts, and the tokens that they have to become."""


def vectors(file: Path, texts: list[str]) -> list[tuple[int, NDArray[np.float32]]]:
    """How many tokens each text has, and its vector."""
    found = []
    for progress in LlamaEncoder(Encoder(name="m", path=str(file))).answer(Embed(texts=texts), b""):
        if progress is None:  # a text has been read
            continue
        part, made = progress
        assert isinstance(part, Embedding)
        found.append((part.tokens, np.frombuffer(made, np.float32)))
    return found


@pytest.mark.parametrize("width", [64, 48])  # 48 cannot be cut into blocks: its matrices stay floats
def test_a_model_in_small_agrees_with_numpy(tmp_path: Path, width: int) -> None:
    folder = tiny(width=width)
    numbers = folder.tokenizer["model"]["vocab"]
    (tmp_path / "m.gguf").write_bytes(b"".join(convert(io.BytesIO(folder.zipped()))))
    found = vectors(tmp_path / "m.gguf", list(READ))
    for (count, made), tokens in zip(found, READ.values(), strict=True):
        assert count == len(tokens.split())
        meant = vector([numbers[token] for token in tokens.split()], folder.weights, layers=2, heads=4)
        assert float(made @ meant) > 0.999, tokens


def test_the_real_model_agrees_with_numpy(encoder: Installed) -> None:
    reference = [json.loads(line) for line in REFERENCE.read_text().splitlines()]
    found = vectors(encoder.main, [each["text"] for each in reference])
    for (count, made), each in zip(found, reference, strict=True):
        assert count == len(each["tokens"]), each["text"]
        meant = np.array(each["vector"], np.float32)
        assert float(made @ meant) > 0.995, each["text"]


def test_the_real_models_head_says_what_it_is(encoder: Installed) -> None:
    head = read(encoder.main)
    assert head.values["general.architecture"] == "bert"
    assert (head.integer("bert.block_count"), head.integer("bert.embedding_length")) == (6, 384)
    assert len(head.tensors) == 5 + 16 * 6
