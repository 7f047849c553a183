"""Naming the sources of a spoken reply: " Source: coffee machine manual, page 3." """

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from appliance.dialogue.quoting import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.jobs import Source

MOST_NAMED: Final = 2
MOST_NAME: Final = 80
"""Characters of a name that are said."""

_EXTENSION: Final = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_JOINTS: Final = re.compile(r"[-_.\s]+")
_WORD: Final = re.compile(r"\S+")


def named(sources: Sequence[Source]) -> str:
    """What is said behind the reply's last word; nothing where there is no source."""
    places = list(dict.fromkeys(_place(source) for source in sources))[:MOST_NAMED]
    if not places:
        return ""
    return f" Source{'s' if len(places) > 1 else ''}: {', and '.join(places)}."


def said_before(reply: str) -> int:
    """Where the naming behind a reply begins: characters, spaces not counted, as what is heard has its own spaces."""
    return sum(map(len, reply.split()))


def nameless(words: str, sources: Sequence[Source]) -> str:
    """What was heard of an earlier reply, as the model wrote it: it would name sources by itself if it saw any."""
    left = next((source.named for source in sources if source.named is not None), None)
    if left is None:
        return words
    for word in _WORD.finditer(words):
        if len(word[0]) > left:
            return words[: word.start() + left].rstrip()
        left -= len(word[0])
    return words


def _place(source: Source) -> str:
    name = one_line(_JOINTS.sub(" ", _EXTENSION.sub("", source.name)), MOST_NAME) or "document"
    return name if source.page is None else f"{name}, page {source.page}"
