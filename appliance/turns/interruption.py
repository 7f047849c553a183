"""Whether a sound during a reply is meant to stop it. A cough is not, nor is an "mm-hm" that says: go on."""

from __future__ import annotations

import re
from typing import Final, Literal

from appliance.turns.segmenter import samples

Verdict = Literal["hold", "interrupt", "resume"]

SHORTEST_MS: Final = 500
"""Voice that interrupts whatever is said; what people say while they listen is shorter."""

BACKCHANNELS: Final = frozenset(
    {
        "mm", "mmm", "mhm", "mmhm", "mmhmm", "hm", "hmm", "uhhuh", "aha", "ah", "oh", "uh", "um", "er", "huh",
        "yeah", "yes", "yep", "yup", "okay", "ok", "right", "sure", "i see", "got it", "wow", "nice", "cool",
        "ja", "genau", "ach so", "stimmt", "oui", "daccord", "ah bon", "sí", "claro", "vale", "si", "certo",
    }
)  # fmt: skip
"""What listeners say in English, German, French, Spanish and Italian."""


def verdict(voiced: int, text: str | None, *, shortest: int = samples(SHORTEST_MS)) -> Verdict:
    """What becomes of the reply after `voiced` samples of the user's voice.

    `text`: what was said, once the sound is over and it is known; empty for a sound without words.
    """
    if voiced >= shortest:
        return "interrupt"
    if text is None:
        return "hold"
    return "resume" if is_backchannel(text) else "interrupt"


def is_backchannel(text: str) -> bool:
    """Whether it is nothing, or only says that somebody listens. Once or over and over: "yeah, yeah"."""
    words = re.sub(r"[^\w\s]", "", text.casefold()).split()
    return not words or " ".join(words) in BACKCHANNELS or all(word in BACKCHANNELS for word in words)
