"""Full stops that end no sentence: "Dr.", "e.g.", "fig. 3", "1. May"."""

from __future__ import annotations

import re
from typing import Final

_NEVER: Final = re.compile(
    r"mr|mrs|ms|mx|dr|prof|st|mt|rev|hon|gen|col|maj|lt|sgt|capt|sen|gov|vs|e\.g|i\.e|approx|dept|est|jan|feb|apr|aug"
    r"|sept|oct|nov|z\.b|d\.h|u\.a|o\.ä|bzw|ca|evtl|ggf|inkl|vgl|dipl|ing|sog|mio|mrd|geb|hr|fr|mme|mlle"
    r"|mm|cf|p\.ex|env|sra|srta|dña|ud|uds|ee\.uu|aprox|exmo|sig|sig\.ra|dott|bijv|dhr|mevr|t\.ex|bl\.a"
    r"|т\.е|ул|им|np|tzn|ul"
)
"""Abbreviations that do not end a sentence, in lower case and without their full stop."""
_BEFORE_DIGIT: Final = re.compile(
    r"no|nr|nos|núm|fig|vol|pp|pag|pág|art|abs|bd|tel|kap|cap|№|sec|eq|ch|min|max|mar|jun|jul|sep|dec"
)
"""Those that do only where no number follows."""
_BEFORE_CAPITAL: Final = re.compile(
    r"etc|usw|ecc|enz|itd|jr|sr|inc|ltd|co|corp|a\.m|p\.m|т\.д|т\.п|др|u\.s\.w|al|ave|blvd|rd|ft|km|min|sec"
)
"""Those that do only where no small letter follows."""
_INITIAL: Final = re.compile(r"(?:^|.*[.(])?[A-Za-zÀ-ɏΑ-ωА-я]")
_NUMBER: Final = re.compile(r"\d{1,2}")


def abbreviated(before: str, stop: str, after: str) -> bool:
    """Whether the mark `stop` between two texts belongs to what is before it, or that cannot be told yet.

    The last word of `before` and the first character of `after` decide.
    """
    if stop[0] != "." or stop[1:2] in ("!", "?"):
        return False
    token = before.rsplit(maxsplit=1)
    word = token[-1].lstrip("([{\"'“„«*_").lower() if token and not before[-1:].isspace() else ""
    if not word or _NEVER.fullmatch(word) or _INITIAL.fullmatch(word) or _NUMBER.fullmatch(word):
        return bool(word)
    following = after.lstrip()[:1]
    goes_on = []
    if _BEFORE_DIGIT.fullmatch(word):
        goes_on.append(following.isdigit())
    if _BEFORE_CAPITAL.fullmatch(word):
        goes_on.append(following.islower())
    return any(goes_on) or (bool(goes_on) and not following)
