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
_NAMED: Final = re.compile(r"\s*(?<!\S)Sources?: [^\n]*\Z")


def named(sources: Sequence[Source]) -> str:
    """What is said behind the reply's last word; nothing where there is no source."""
    places = list(dict.fromkeys(_place(source) for source in sources))[:MOST_NAMED]
    if not places:
        return ""
    return f" Source{'s' if len(places) > 1 else ''}: {', and '.join(places)}."


def nameless(reply: str) -> str:
    """An earlier reply as the model wrote it: it would name sources by itself if it saw that it did."""
    return _NAMED.sub("", reply)


def _place(source: Source) -> str:
    name = one_line(_JOINTS.sub(" ", _EXTENSION.sub("", source.name)), MOST_NAME) or "document"
    return name if source.page is None else f"{name}, page {source.page}"
