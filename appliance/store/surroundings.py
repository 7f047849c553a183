"""What stands around a passage: small ones are found best, and whoever reads one wants what belongs to it.

So a passage is given together with its neighbours under the same heading, and none is given twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from appliance.dialogue.size import size
from appliance.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database as Tables

    from appliance.store.owners import Owner
    from appliance.store.passages import Found

WORDS: Final = 300
"""That a passage may have together with what is given with it: some 400 tokens."""
REACH: Final = 3
"""Passages before and behind one that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrounded:
    """One passage, and what stands right before and behind it under its heading, of `WORDS` in all."""

    ordinal: int
    heading: str
    page: int | None
    start: int
    before: str
    text: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Near:
    ordinal: int
    start: int
    text: str


def widened(tables: Tables, owner: Owner, found: Sequence[Found], limit: int) -> list[Found]:
    """The first `limit` of an owner's passages with their surroundings, of `WORDS` in all where they have fewer.

    One that was given with a better one is left out. Page, ordinal and start stay those of what was found.
    """
    given: dict[str, set[int]] = defaultdict(set)
    wide: list[Found] = []
    for each in found:
        if len(wide) == limit:
            break
        if each.ordinal in given[each.document]:
            continue
        near = _near(tables, owner, each.document, each.ordinal, each.heading)
        stretch = _stretch(near, each.ordinal, given[each.document])
        given[each.document].update(part.ordinal for part in stretch)
        wide.append(replace(each, text=_joined(stretch)))
    return wide


def surrounded(tables: Tables, owner: Owner, document: str, ordinal: int) -> Surrounded:
    """One passage of an owner's document that has been read. Raises `NotFound`."""
    rows = tables.query(
        "SELECT ordinal, passages.heading, page, start, passages.text FROM passages JOIN documents"
        " ON documents.number = document WHERE owner = ? AND id = ? AND status = 'ready' AND ordinal = ?",
        [owner.user, document, ordinal],
    )
    for row in rows:
        near = _near(tables, owner, document, ordinal, row["heading"])
        stretch = _stretch(near, ordinal, set())
        until = _joined([part for part in stretch if part.ordinal <= ordinal])
        after = _joined(stretch)[len(until) :]
        return Surrounded(**row, before=until[: len(until) - len(row["text"])], after=after)
    raise NotFound(f"There is no passage {ordinal} of the file.", param="passage")


def _near(tables: Tables, owner: Owner, document: str, ordinal: int, heading: str) -> dict[int, _Near]:
    """By ordinal: the passage and those around it that have its heading."""
    rows = tables.query(
        "SELECT ordinal, start, text FROM passages WHERE document ="
        " (SELECT number FROM documents WHERE owner = :owner AND id = :document) AND ordinal BETWEEN :first AND :last"
        " AND heading = :heading",
        {
            "owner": owner.user, "document": document, "heading": heading,
            "first": ordinal - REACH, "last": ordinal + REACH,
        },
    )  # fmt: skip
    return {near.ordinal: near for near in (_Near(**row) for row in rows)}


def _stretch(near: dict[int, _Near], ordinal: int, given: set[int]) -> list[_Near]:
    """As many as fit, taken from both sides in turn."""
    first = last = ordinal
    left = WORDS - size(near[ordinal].text)
    growing = True
    while growing:
        growing = False
        for at in (first - 1, last + 1):
            if at in near and at not in given and size(near[at].text) <= left:
                first, last, growing = min(first, at), max(last, at), True
                left -= size(near[at].text)
    return [near[at] for at in range(first, last + 1)]


def _joined(stretch: Sequence[_Near]) -> str:
    """One text. Passages may overlap; what lay between two of them was white space, or a title that both have."""
    text, end = "", stretch[0].start
    for each in stretch:
        gap = each.start - end
        text += each.text[-gap:] if gap < 0 else "\n" * min(gap, 2) + each.text
        end = max(end, each.start + len(each.text))
    return text
