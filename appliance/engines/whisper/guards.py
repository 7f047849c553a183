"""What Whisper says when nobody said anything, and when it does not find an end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PHANTOMS: Final = frozenset(
    {
        "thank you", "thanks", "thanks for watching", "thank you for watching", "thank you so much for watching",
        "thank you very much", "you", "bye", "bye bye", "so", "oh", "the end", "okay", "please subscribe", "subscribe",
        "yeah", "i", "im", "im sorry", "the", "hmm", "um", "uh", "ah", "pfft", "vielen dank", "merci", "gracias",
        "grazie", "untertitel der amaraorg community", "untertitelung des zdf 2020", "amaraorg",
        "sous titres réalisés par la communauté damaraorg", "subtítulos realizados por la comunidad de amaraorg",
    }
)  # fmt: skip
"""Captions that its training data has where films are silent, and what Whisper base says of noise."""

# Measured with Whisper base on recordings (clean, and with noise and voices 10 dB below), on spoken words as short as
# "no", and on silence, noise, hum, clicks, beeps and coughs: words have a mean log probability above −1.25, or a
# probability of no speech below 0.35; the others have neither, or they are one of the phantoms.
DOUBTFUL_NO_SPEECH: Final = 0.35
"""Probability of no speech from which a phantom is nothing, and whatever is less likely than ..."""
HARDLY_LOGPROB: Final = -1.3
"""... this mean log probability."""
NO_SPEECH: Final = 0.6
"""Probability of no speech from which whatever is less likely than `MIN_AVG_LOGPROB` is nothing: OpenAI's rule."""
MIN_AVG_LOGPROB: Final = -1.0
"""OpenAI's own limit of trust, as is the next."""
MAX_COMPRESSION_RATIO: Final = 2.4
MAX_CHARACTERS_A_SECOND: Final = 25.0
"""Speech beyond that is no speech ..."""
FREE_CHARACTERS: Final = 12
"""... but for a word or two that were cut tight."""
HARDLY_ANY: Final = 5e-4
"""Root mean square, of 1, of a signal too weak for words: −66 dB."""


def repeats(text: str) -> bool:
    """Whether the text is one phrase over and over, or ends in one: what a short context tempts Whisper into.

    A person may say "no, no" as well, so it is a reason to listen again and not to drop it.
    """
    words = words_of(text)
    count = len(words)
    if any(words[size:] == words[:-size] for size in range(1, count // 2 + 1)):
        return True
    return any(
        words[-2 * size :] == words[-3 * size : -size] and size * len(words[-1]) > 2
        for size in range(1, count // 3 + 1)
    )


def endless(text: str, seconds: float, compression_ratio: float) -> bool:
    """Whether nobody can have said so much, or so much of the same, in that time."""
    return compression_ratio > MAX_COMPRESSION_RATIO or len(text) > FREE_CHARACTERS + MAX_CHARACTERS_A_SECOND * seconds


def said_nothing(
    text: str, no_speech_prob: float, avg_logprob: float, *, level: float = 1.0, hints: Sequence[str] = ()
) -> bool:
    """Whether a transcript stands for silence, a noise or a cough.

    `level`: root mean square of the samples, of 1. `hints`: words that the model was given beforehand; it repeats them
    when it hears nothing.
    """
    bare = re.sub(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|♪[^♪]*♪?", " ", text)  # [BLANK_AUDIO], (coughs), *sighs*, ♪ music ♪
    words = words_of(bare)
    if not words:
        return True
    if no_speech_prob >= NO_SPEECH and avg_logprob < MIN_AVG_LOGPROB:
        return True
    if no_speech_prob >= DOUBTFUL_NO_SPEECH and avg_logprob < HARDLY_LOGPROB:
        return True
    weak = no_speech_prob >= DOUBTFUL_NO_SPEECH or level < HARDLY_ANY
    return weak and (" ".join(words) in PHANTOMS or len(set(words)) == 1 < len(words) or _within(words, hints))


def missed(text: str, no_speech_prob: float) -> bool:
    """Whether somebody spoke, as the model itself thinks, and still no word was found: a reason to listen again."""
    return not words_of(text) and no_speech_prob < DOUBTFUL_NO_SPEECH


def words_of(text: str) -> list[str]:
    """Its words in small letters, without punctuation."""
    return re.sub(r"[^\w\s]", "", text.lower().replace("-", " ")).split()


def _within(words: Sequence[str], hints: Sequence[str]) -> bool:
    return any(f" {' '.join(words)} " in f" {' '.join(words_of(hint))} " for hint in hints)
