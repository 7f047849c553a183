"""llama.cpp's model and context: the only file that speaks its low-level interface for decoding.

One thread owns it. All sequences share one unified KV cache, so a prefix is copied by reference
(`llama_memory_seq_cp`) and a cell is free again once no sequence holds it.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Final

import llama_cpp
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from appliance.engines.llama.loading import Loaded
    from appliance.engines.llama.piece import Piece

NO_ROOM: Final = 1
"""`llama_decode`'s word for a cache without enough free cells. Nothing was decoded then."""


class DecodeFault(RuntimeError):
    """The backend failed. What the context holds is unknown, so the worker has to end and be replaced."""


class Context:
    """Decodes pieces of many sequences at once. `cells` tokens in all, `slots` sequences, `widest` tokens at a time."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._context = loaded.context
        self._memory = llama_cpp.llama_get_memory(self._context)
        self.cells = int(llama_cpp.llama_n_ctx(self._context))
        self.slots = int(llama_cpp.llama_n_seq_max(self._context))
        self.widest = int(llama_cpp.llama_n_batch(self._context))
        self.vocabulary_size = int(llama_cpp.llama_vocab_n_tokens(loaded.vocabulary))
        self.width = int(llama_cpp.llama_model_n_embd_out(loaded.model))
        self.rewinds = not (
            llama_cpp.llama_model_is_recurrent(loaded.model) or llama_cpp.llama_model_is_hybrid(loaded.model)
        )
        """Whether a sequence can be cut anywhere. A recurrent state only goes forward; a sliding window is kept whole
        (`swa_full`), so it can be cut like any other."""
        self._tokens = np.zeros(self.widest, np.int32)
        self._positions = np.zeros(self.widest, np.int32)
        self._slots = np.zeros(self.widest, np.int32)
        self._counts = np.ones(self.widest, np.int32)
        self._outputs = np.zeros(self.widest, np.int8)
        self._pointers = self._slots.ctypes.data + 4 * np.arange(self.widest, dtype=np.uint64)
        self._batch = llama_cpp.llama_batch(
            n_tokens=0,
            token=self._tokens.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_token)),
            embd=None,
            pos=self._positions.ctypes.data_as(ctypes.POINTER(llama_cpp.llama_pos)),
            n_seq_id=self._counts.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            seq_id=self._pointers.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(llama_cpp.llama_seq_id))),
            logits=self._outputs.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )

    def decode(self, pieces: Sequence[Piece]) -> list[int] | None:
        """Read the pieces; the row of each piece's first output. None: no room, and nothing was read.

        Raises `DecodeFault`.
        """
        rows, at = [], 0
        self._outputs[:] = 0
        for piece in pieces:
            end = at + len(piece.tokens)
            self._tokens[at:end] = piece.tokens
            self._positions[at:end] = range(piece.start, piece.start + len(piece.tokens))
            self._slots[at:end] = piece.slot
            self._outputs[end - piece.outputs : end] = 1
            rows.append(end - piece.outputs)
            at = end
        self._batch.n_tokens = at
        code = llama_cpp.llama_decode(self._context, self._batch)
        if code == NO_ROOM:
            return None
        if code != 0:
            raise DecodeFault(f"llama_decode answered {code}")
        return rows

    def embed(self, pieces: Sequence[Piece]) -> list[NDArray[np.float32]]:
        """Read pieces, an output for each token; their hidden states after the last layer, each (tokens, width)."""
        llama_cpp.llama_set_embeddings(self._context, True)
        try:
            rows = self.decode(pieces)
            if rows is None:
                raise DecodeFault("no free cells for an embedding")
            return [
                np.stack([self._state(row) for row in range(first, first + len(piece.tokens))])
                for first, piece in zip(rows, pieces, strict=True)
            ]
        finally:
            llama_cpp.llama_set_embeddings(self._context, False)

    def _state(self, row: int) -> NDArray[np.float32]:
        found = llama_cpp.llama_get_embeddings_ith(self._context, row)
        return np.ctypeslib.as_array(found, (self.width,)).copy()

    def logits(self, row: int) -> NDArray[np.float32]:
        """The row's logits, shape (vocabulary,): llama.cpp's own memory, good until the next decode."""
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self._context, row), (self.vocabulary_size,))

    def sample(self, chain: Any, row: int) -> int:
        """Draw a token from a row with a chain of samplers, which takes note of it."""
        return int(llama_cpp.llama_sampler_sample(chain, self._context, row))

    def copy(self, source: int, target: int, size: int) -> None:
        """Let slot `target`, which is empty, share the first `size` tokens of slot `source`."""
        # A recurrent state has no parts: it is copied whole or not at all.
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, -1, size if self.rewinds else -1)

    def cut(self, slot: int, size: int) -> bool:
        """Keep the first `size` tokens of a slot. False: this model cannot go back, and the slot is empty now."""
        if llama_cpp.llama_memory_seq_rm(self._memory, slot, size, -1):
            return True
        self.drop(slot)
        return False

    def drop(self, slot: int) -> None:
        """Empty a slot."""
        llama_cpp.llama_memory_seq_rm(self._memory, slot, -1, -1)

    def compact(self) -> None:
        """Move all cells that are held to the front, in their order: the cache is written out whole and read again.

        Raises `DecodeFault`.
        """
        size = llama_cpp.llama_state_get_size(self._context)
        data = np.empty(size, np.uint8)
        pointer = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        written = llama_cpp.llama_state_get_data(self._context, pointer, size)
        if not written or llama_cpp.llama_state_set_data(self._context, pointer, written) != written:
            raise DecodeFault("the cache did not take back what it held")

    def size(self, slot: int) -> int:
        """How many tokens llama.cpp holds for a slot."""
        return int(llama_cpp.llama_memory_seq_pos_max(self._memory, slot)) + 1

    def state(self, slot: int) -> bytes:
        """Everything that the context knows of a slot."""
        size = llama_cpp.llama_state_seq_get_size(self._context, slot)
        data = (ctypes.c_uint8 * size)()
        written = llama_cpp.llama_state_seq_get_data(self._context, data, size, slot)
        return bytes(memoryview(data)[:written])

    def restore(self, slot: int, state: bytes) -> bool:
        """Fill an empty slot with a state kept before; False, and the slot stays empty, if it does not fit."""
        data = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        if llama_cpp.llama_state_seq_set_data(self._context, data, len(state), slot):
            return True
        self.drop(slot)
        return False

    def close(self) -> None:
        """Give the memory back."""
        self._loaded.close()
