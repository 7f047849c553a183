"""What the model's vocabulary says about a text before it is tokenised."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import llama_cpp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Vocabulary:
    """Read once, when the model is loaded."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._handle = llama_cpp.llama_model_get_vocab(model.model)
        pieces = [self.piece(token) for token in range(model.n_vocab())]
        self.longest_token_bytes = max(map(len, pieces))
        control = sorted(self._control_texts(pieces), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, control))) if control else None

    def _control_texts(self, pieces: Sequence[bytes]) -> Iterator[str]:
        for token, piece in enumerate(pieces):
            text = piece.decode("utf-8", "ignore")
            if len(text) > 1 and llama_cpp.llama_vocab_is_control(self._handle, token):
                yield text

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for; none for a token that the model does not have."""
        return b"" if token < 0 else bytes(self._model.detokenize([token], special=True))

    def is_end(self, token: int) -> bool:
        """Whether the token ends a reply."""
        return bool(llama_cpp.llama_vocab_is_eog(self._handle, token))

    def harmless(self, text: str) -> str:
        """`text` with the model's control words broken up by a space, so that nobody writes himself another role."""
        return self._control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text) if self._control else text
