"""Cutting a text that is still being written into clauses that can be spoken already.

The first clause is short, so that the first sound comes early. A clause that is written and spoken at some 100
characters a second has to be ready before the one before it, played at 15, is over: so it may be four times as long.
A cut needs some of what follows, to tell "3.5" and "e.g." from an end; it does not depend on how the text comes.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from appliance.dialogue.abbreviations import abbreviated

FIRST_MIN: Final = 10
"""Characters that a first clause needs before a comma may end it: two thirds of a second of sound."""
FIRST_JOINT: Final = 14
"""Characters that a first clause needs before a word such as "because" may end it."""
FIRST_LINK: Final = 20
"""... and before a word such as "of" or "is": every word that the first sound waits for takes 10 ms to be written and
20 to be spoken, while a phrase by itself sounds only a little less natural."""
FIRST_MAX: Final = 60
LATER_MIN: Final = 24
"""Characters that a later clause needs before a full stop may end it."""
LATER_PAUSE: Final = 100
"""Characters from which a comma ends a later clause; a shorter one ends at a comma only if it has to."""
LATER_MAX: Final = 200
SECOND_MAX: Final = 60
"""However short the clause before was, the next may have so many."""
GROWTH: Final = 4

_TURN: Final = (
    r"(?:because|but|although|unless|whereas|weil|aber|obwohl|während|mais|lorsque|puisque|pero|porque|aunque"
    r"|perché|mentre|omdat|maar|terwijl|eftersom|но|потому)"
)
"""Words before which a speaker may well pause."""

_LINK: Final = (
    r"(?:that|which|who|where|and|or|than|of|in|on|at|to|for|with|by|from|into|about|as|is|are|was|were|has|have|can|will"
    r"|und|oder|als|von|im|auf|mit|für|zu|zum|zur|bei|ist|sind|hat|haben|kann|wird"
    r"|et|ou|qui|que|de|du|des|dans|sur|avec|pour|par|est|sont|y|o|del|en|con|para|por|es|son|e|di|della|nel|per|è)"
)
"""Words that begin a phrase."""

_CLOSE: Final = r"""["'”’»›)\]}*_`~」』】）》〉]*"""
_MARK: Final = re.compile(
    rf"""
      (?P<line> \n )
    | (?P<stop> [.!?…؟۔።။។]+ {_CLOSE} (?=\s)
              | [。｡！？।॥]+ {_CLOSE} (?=[^。｡！？।॥"'”’»›)\]}}*_`~」』】）》〉]) )
    | (?P<pause> [,;:–—،؛]+ {_CLOSE} (?=\s)
               | (?<!\d)[，、；：]+ (?=[^，、；：]) | [，、；：]+ (?=[^，、；：\d]) )
    | (?P<joint> \s (?=(?i:{_TURN})\s) )
    | (?P<link> \s (?=(?i:{_LINK})\s) )
    """,
    re.VERBOSE,
)
_ELLIPSIS: Final = re.compile(r"(?:\.\.|…)")

_JOINT: Final = re.compile(
    r"\s(?=(?:and|but|or|because|when|while|if|so|und|aber|oder|weil|dass|wenn|et|mais|ou|que|quand|qui"
    r"|y|pero|porque|cuando|ma|perché|che|en|maar|omdat|mas|и|но|что|потому)\s)",
    re.IGNORECASE,
)
"""Where a sentence without any mark is cut rather than elsewhere."""
_SPACE: Final = re.compile(r"\s+")
_DENSE: Final = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""A character of these takes as long to say as three others."""
_AHEAD: Final = 64
"""Characters behind the longest clause that are looked at."""


class Clauses:
    """Feed it text as it is written; it gives back each clause once it is certain.

    `phrases`: the first clause may be a phrase, for somebody who waits for the first sound.
    """

    def __init__(self, *, phrases: bool = False) -> None:
        self._text, self._phrases = "", phrases
        self._before = 0
        """Length of the clause before; 0 at first."""

    def feed(self, text: str) -> list[str]:
        """Clauses that are complete now, in order."""
        self._text += text
        found = []
        while (end := self._end()) is not None:
            clause, self._text = self._text[:end].strip(), self._text[end:]
            if clause:
                found.append(clause)
                self._before = _length(clause)
        return found

    def finish(self) -> list[str]:
        """What is left when the text has ended."""
        rest, self._text = self._text.strip(), ""
        return [rest] if rest else []

    def _end(self) -> int | None:
        shortest, pause, longest = self._limits()
        text = self._text[: longest + _AHEAD]
        paused = 0
        for mark in _MARK.finditer(text):
            length = _length(text[: mark.end()])
            if length > longest:
                break
            if mark["line"]:
                return mark.end()
            if _inside_link(text[: mark.end()]):
                continue
            if mark["joint"]:
                if not self._before and length >= FIRST_JOINT:
                    return mark.end()
                continue
            if mark["link"]:
                if self._phrases and not self._before and length >= FIRST_LINK:
                    return mark.end()
                continue
            if mark["stop"] and not _drawn_out(mark["stop"]):
                if length >= shortest and not abbreviated(text[: mark.start()], mark["stop"], text[mark.end() :]):
                    return mark.end()
            elif length >= pause:
                return mark.end()
            elif length > longest // 3:
                paused = mark.end()
        if _length(text) <= longest:
            return None
        return paused or _forced(text, longest)

    def _limits(self) -> tuple[int, int, int]:
        """Characters that a clause needs before a full stop and before a comma may end it, and that it may have."""
        if not self._before:
            return 1, FIRST_MIN, FIRST_MAX
        return LATER_MIN, LATER_PAUSE, min(LATER_MAX, max(SECOND_MAX, GROWTH * self._before))


def split(text: str) -> list[str]:
    """The clauses of a text that is complete."""
    clauses = Clauses()
    return [*clauses.feed(text), *clauses.finish()]


def _length(text: str) -> int:
    return len(text) + 2 * sum(1 for _ in _DENSE.finditer(text))


def _drawn_out(mark: str) -> bool:
    """Whether it is an ellipsis: a pause, and perhaps the end of a sentence."""
    return _ELLIPSIS.match(mark) is not None and not any(other in mark for other in "!?؟")


def _inside_link(text: str) -> bool:
    return text.rfind("[") > text.rfind("]")


def _forced(text: str, longest: int) -> int:
    """Where to cut a text that has no mark: before a word that joins, at a space, or anywhere."""
    limit = longest
    while _length(text[:limit]) > longest:
        limit -= 1
    joints = [match.end() for match in _JOINT.finditer(text, 0, limit) if match.end() > longest // 3]
    spaces = [match.end() for match in _SPACE.finditer(text, 0, limit) if text[: match.end()].strip()]
    if joints or spaces:
        return (joints or spaces)[-1]
    while limit > 1 and (unicodedata.category(text[limit])[0] == "M" or text[limit - 1 : limit + 1] == "``"):
        limit -= 1
    return limit
