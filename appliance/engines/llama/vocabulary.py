"""The model's vocabulary: texts to tokens, tokens to bytes, and which tokens mean more than their letters."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING, Any, Final

import llama_cpp

from appliance.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_PIECE: Final = 1024


class Vocabulary:
    """Read once, when the model is loaded. Safe to use from any thread."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.size = int(llama_cpp.llama_vocab_n_tokens(handle))
        self.pieces: Sequence[bytes] = list(_pieces(handle, self.size))
        """The bytes of each token; control words as they are written."""
        self.control = frozenset(token for token in range(self.size) if llama_cpp.llama_vocab_is_control(handle, token))
        self.ends = frozenset(token for token in range(self.size) if llama_cpp.llama_vocab_is_eog(handle, token))
        """Tokens that end a reply."""
        self.longest_piece = max(map(len, self.pieces))
        """Bytes: a text has at least so many tokens as this goes into it."""
        words = {self.pieces[token].decode("utf-8", "ignore") for token in self.control}
        longest_first = sorted((word for word in words if len(word) > 1), key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    @property
    def end(self) -> int:
        """The token that ends a text; −1 if there is none."""
        return int(llama_cpp.llama_vocab_eos(self._handle))

    def word(self, token: int) -> str:
        """A token as text; nothing for one that the model does not have."""
        return self.pieces[token].decode("utf-8", "ignore") if token >= 0 else ""

    @property
    def begin_word(self) -> str:
        """What a text begins with, if anything."""
        return self.word(int(llama_cpp.llama_vocab_bos(self._handle)))

    @property
    def end_word(self) -> str:
        """What a text ends with, if anything."""
        return self.word(self.end)

    def said(self, token: int) -> bytes:
        """The bytes that a token adds to a reply: none for a control word."""
        return b"" if token in self.control else self.pieces[token]

    def tokens(self, text: str, *, whole: bool, control: bool) -> list[int]:
        """Tokens of a text. `whole`: add what a text begins with; `control`: control words count as such."""
        data = text.encode()
        room = len(data) + 16
        found = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._handle, data, len(data), found, room, whole, control)
        if count < 0:
            raise ValueError(f"a text of {len(data)} bytes takes {-count} tokens")
        return found[:count]

    def known(self, tokens: Sequence[int], param: str) -> Sequence[int]:
        """These tokens. Raises `RequestError` for one that the model does not have."""
        for token in tokens:
            if not 0 <= token < self.size:
                raise RequestError(f"There is no token {token}; there are 0 to {self.size - 1}.", param=param)
        return tokens

    def harmless(self, text: str) -> str:
        """`text` with the control words broken up by a space, so that nobody writes himself another role.

        The space is put behind a word's first character, so that no two of its pieces meet to form another one.
        """
        return self._words.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text) if self._words else text


def _pieces(handle: Any, size: int) -> Iterator[bytes]:
    buffer = ctypes.create_string_buffer(LONGEST_PIECE)
    for token in range(size):
        length = llama_cpp.llama_token_to_piece(handle, token, buffer, LONGEST_PIECE, 0, True)
        yield ctypes.string_at(buffer, max(0, length))
