"""What Whisper says when nobody said anything, and when it does not find an end."""

from __future__ import annotations

import re
from typing import Final

PHANTOMS: Final = frozenset(
    {
        "thank you", "thanks", "thanks for watching", "thank you for watching", "thank you very much", "you", "bye",
        "bye bye", "so", "oh", "the end", "okay", "please subscribe", "subscribe", "i", "hmm", "um", "uh", "ah",
        "vielen dank", "untertitel der amaraorg community", "untertitelung des zdf 2020", "merci",
        "sous titres réalisés par la communauté d amara org", "gracias", "grazie", "amaraorg",
    }
)  # fmt: skip
"""Captions that its training data has where films are silent."""

DOUBTFUL_NO_SPEECH: Final = 0.35
"""Probability of no speech from which a phantom is one."""
SURE_NO_SPEECH: Final = 0.6
"""... and from which whatever is doubtful is nothing: OpenAI's own limit ..."""
DOUBTFUL_LOGPROB: Final = -0.8
"""... together with a mean log probability below this."""


def says_twice(text: str) -> bool:
    """Whether the text is one phrase of two or more words over and over: a short context tempts Whisper into that."""
    words = _words(text)
    periods = range(2, len(words) // 2 + 1)
    return any(len(words) % size == 0 and words == words[:size] * (len(words) // size) for size in periods)


def said_nothing(text: str, no_speech_prob: float, avg_logprob: float) -> bool:
    """Whether a transcript stands for silence, a noise or a cough."""
    bare = re.sub(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|♪[^♪]*♪?", " ", text)  # [BLANK_AUDIO], (coughs), *sighs*, ♪ music ♪
    words = _words(bare)
    if not words:
        return True
    if no_speech_prob >= SURE_NO_SPEECH and avg_logprob < DOUBTFUL_LOGPROB:
        return True
    return " ".join(words) in PHANTOMS and no_speech_prob >= DOUBTFUL_NO_SPEECH


def _words(text: str) -> list[str]:
    return re.sub(r"[^\w\s]", "", text.lower().replace("-", " ")).split()
