"""How many bytes one model takes, piece by piece. Pure arithmetic.

Weights and cache are exact, down to the block sizes of the cache's types. Compute buffers are estimates that lie
above what llama.cpp reserves: the logits of a whole batch, a few activations, the attention mask and, without flash
attention, the attention's scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from appliance.engines.llama.anatomy import Shape

MIB: Final = 1 << 20
FLOAT: Final = 4
HALF: Final = 2

GPU_CONTEXT: Final = 300 * MIB
"""What a GPU's driver and its libraries take beside llama.cpp's own buffers."""

ACTIVATIONS: Final = 4
"""Activations of the model's width that are alive at the same time; seen: 2 to 3."""

INPUT_COPIES: Final = 4
"""With several GPUs, batches overlap and each input has so many copies (`GGML_SCHED_MAX_COPIES`)."""

CANDIDATE: Final = 12
"""`llama_token_data`: what a sampler keeps of each word of the vocabulary, for each sequence."""

KvType = Literal["f16", "q8_0", "q4_0", "q8_0+f16"]


class Block(NamedTuple):
    """How a cache type lies in memory, and its number in ggml."""

    elements: int
    bytes: int
    number: int


_F16, _Q8_0, _Q4_0 = Block(1, 2, 1), Block(32, 34, 8), Block(32, 18, 2)
KV_TYPES: Final[dict[KvType, tuple[Block, Block]]] = {
    "f16": (_F16, _F16),
    "q8_0": (_Q8_0, _Q8_0),
    "q4_0": (_Q4_0, _Q4_0),
    "q8_0+f16": (_Q8_0, _F16),
}
"""Of the keys and of the values."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """One model, with the settings that its memory depends on."""

    shape: Shape
    kv_type: KvType
    flash: bool
    batch: int
    slots: int
    sequences: int

    @property
    def _tokens(self) -> int:
        """llama.cpp rounds the batch that it reserves for up to a multiple of the slots."""
        return ceil(self.batch / self.slots) * self.slots

    def cell(self, layer: int) -> int:
        """Bytes of one token in a layer's cache. Sliding windows count in full, as they are kept (`swa_full`)."""
        shape = self.shape
        value = shape.value_widths[layer]
        if not self.flash and value:
            value = max(shape.value_widths)  # llama.cpp pads the values then
        keys, values = KV_TYPES[self.kv_type]
        return _row(keys, shape.key_widths[layer]) + _row(values, value)

    def cache(self, place: int, cells: int) -> int:
        """Keys and values of `cells` tokens in a layer, or its states if it is recurrent; the output has neither."""
        if place == self.shape.layers:
            return 0
        state = self.shape.state_bytes[place] if self.shape.state_bytes else 0
        return cells * self.cell(place) + self.slots * state

    def weights(self, place: int, *, gpu: bool) -> int:
        """Weights of a layer, or of the output at the place after the last one."""
        shape = self.shape
        if place < shape.layers:
            return shape.layer_bytes[place]
        return shape.head_bytes + (shape.tied_bytes if gpu else 0)

    def compute(self, cells: int, *, copies: int = 1) -> int:
        """The buffer in which a device evaluates a batch."""
        shape, tokens = self.shape, self._tokens
        numbers = shape.vocabulary + ACTIVATIONS * max(shape.width, shape.heads * shape.key_length)
        numbers += 2 * shape.feed_forward
        if not self.flash:
            numbers += cells * shape.heads
        return tokens * numbers * FLOAT + copies * self._inputs(cells)

    def _inputs(self, cells: int) -> int:
        """Embeddings and masks: one mask of full attention, and one of the window if there is one."""
        masks = 2 if self.shape.window else 1
        return self._tokens * (self.shape.width * FLOAT + masks * cells * (HALF if self.flash else FLOAT))

    def scratch(self, cells: int) -> int:
        """A quantised cache is unpacked to halves on a GPU, a layer at a time, and the driver takes its share."""
        shape = self.shape
        widest = max(map(sum, zip(shape.key_widths, shape.value_widths, strict=True)), default=0)
        return GPU_CONTEXT + (0 if self.kv_type == "f16" else cells * widest * HALF)

    def host(self, cells: int) -> int:
        """What the CPU needs in any case: inputs, outputs of a whole batch, and the samplers' candidates."""
        shape = self.shape
        rows = max(self._tokens, self.slots)
        outputs = rows * (shape.vocabulary + shape.width) * FLOAT
        return self._inputs(cells) + outputs + self.sequences * shape.vocabulary * CANDIDATE


def _row(block: Block, width: int) -> int:
    return ceil(width / block.elements) * block.bytes
