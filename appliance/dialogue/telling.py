"""The words of a text that tell what it is about: names, numbers, and words that are not in every other sentence.

Two words count as the same if their stems are equal: small letters without accents, and of a long word its first five,
so that endings make no difference ("descale", "descaling"; "Filter", "Filtern"). Scripts without spaces are compared by
pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from appliance.dialogue.words import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

STEM: Final = 5
NUMBER: Final = 2.0
"""Weight of what has a digit: two texts seldom share one by chance."""
NAME: Final = 1.5
"""... of what is written large inside a sentence,"""
WORD: Final = 1.0
"""... of any other word,"""
SHORT: Final = 0.5
"""... of a word of three letters, and of a pair of characters."""
MOST_CHARACTERS: Final = 40_000
"""Of a text that are looked at."""
MOST_WORDS: Final = 20_000
"""... and of its words."""
MOST_STEM: Final = 32
"""Characters of a number."""
NAMES: Final = 0.3
"""Where more of a text's words than these are written large inside a sentence, that makes no names: German's nouns."""

_WORD: Final = re.compile(r"[^\W_]+(?:[.,:][0-9]+)*")
_LISTED: Final = """
the and for are but not you all any can had her was one our out his has him how its may new now old see two who did
get she too use that with have this will your from they know want been good much some time very when come here just
like long make many more only over such take than them well were what which would there their could should about other
into also does then these those being because every each must need please tell say says said yes is it in on at to of
by or if as an be do so no up us we he me my am i a go hello thanks thank hi where why
der die das und ist ein eine einen einem einer den dem des nicht mit sich auf für von zu im am auch es an als wie ich
du er sie wir ihr man wenn dann nur noch nach bei aus um hat haben sind war wird werden kann können muss müssen soll
sollte was wer wo warum oder aber so dass mein dein sein bitte ja nein diese dieser dieses zum zur über bis hallo
le la les un une et est en du que qui ne pas pour dans ce il elle au sur se sont avec par plus nous vous je tu on mais
ou où si être avoir cette ces comme tout aux leur ont quel quelle bonjour merci
el los las lo por con para una su al como más pero sus este esta entre cuando muy sin sobre ser qué cómo hola il gli
che di della del nel per sono non più come anche questo questa quando è ciao o os as uma não dos das em são mais foi
muito het een van dat voor niet met zijn op aan ook maar bij naar hoe wat wie waar wordt worden deze
"""
"""English; German; French; Spanish, Italian, Portuguese and Dutch."""
_COMMON: Final = frozenset(_LISTED.split())
"""Words that many a sentence has. A language that is not here has a few more telling words, and no other harm."""


@dataclass(frozen=True, slots=True)
class Gist:
    """What a text tells, read once."""

    stems: dict[str, float] = field(default_factory=dict)
    """With what each is worth."""
    places: list[tuple[int, int, str]] = field(default_factory=list)
    """Where each stem begins and ends, in order."""
    beside: dict[str, set[str]] = field(default_factory=dict)
    """The telling words before and behind each number of one or two digits, which says little without them."""


def telling(text: str) -> dict[str, float]:
    """Stems of a text's telling words, with what each is worth."""
    return gist(text).stems


def gist(text: str) -> Gist:
    """What the first `MOST_CHARACTERS` tell."""
    found = Gist()
    text = text[:MOST_CHARACTERS]
    words = list(islice(_WORD.finditer(text), MOST_WORDS))
    begins = [True, *(text[word.end() : word.end() + 2].strip()[:1] in (".", "!", "?", ":") for word in words)]
    large = sum(word[0][0].isupper() and not first for word, first in zip(words, begins, strict=False))
    names = large < NAMES * len(words)
    before = number = ""
    for word, first in zip(words, begins, strict=False):
        for stem, weight, start, end in _stems(word[0], name=names and not first):
            found.stems[stem] = max(weight, found.stems.get(stem, 0.0))
            found.places.append((word.start() + start, word.start() + end, stem))
            if number:
                found.beside[number].add(stem)
            number = stem if weight == NUMBER and len(stem) <= 2 and stem.isdigit() else ""
            if number:
                found.beside.setdefault(number, set()).update([before] if before else [])
            before = stem
    return found


def alike(one: Collection[str], other: Collection[str]) -> bool:
    """Whether any two stems of them are equal, or one begins with the other."""
    return _begun(one, set(other)) or _begun(other, set(one))


def _begun(stems: Collection[str], by: set[str]) -> bool:
    return any(stem[:end] in by for stem in stems for end in range(1, len(stem) + 1))


def _stems(word: str, *, name: bool) -> Iterator[tuple[str, float, int, int]]:
    """With what each is worth, and where it stands in the word."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(each))
    end = len(word)
    if UNSPACED.search(word):
        for at in range(len(plain) - 1):
            start = at * end // len(plain)
            yield plain[at : at + 2], SHORT, start, min(end, start + 2)
    elif any(map(str.isdigit, plain)):
        yield plain[:MOST_STEM], NUMBER, 0, end
    elif plain in _COMMON or word.casefold() in _COMMON:
        return
    elif name and word[0].isupper():
        yield _stem(plain), NAME, 0, end
    elif len(plain) >= 3:
        yield _stem(plain), WORD if len(plain) > 3 else SHORT, 0, end


def _stem(plain: str) -> str:
    if 3 < len(plain) <= STEM + 1 and plain.endswith("s"):
        return plain[:-1][:STEM]
    return plain[:STEM]
