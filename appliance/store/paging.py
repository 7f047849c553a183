"""Rows a page at a time, in the order in which they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlite_utils import Database as Tables


def page_of(
    tables: Tables, rows: str, values: Sequence[str | int], *, by: str, after: int | None, limit: int,
    newest_first: bool,
) -> tuple[list[dict[str, Any]], bool]:  # fmt: skip
    """At most `limit` of some rows, and whether there are more.

    `rows` is a SELECT up to and with its WHERE, `by` the column that they are ordered by, `after` its value in the last
    row of the page before.
    """
    compare, order = ("<", "DESC") if newest_first else (">", "ASC")
    behind = "" if after is None else f" AND {by} {compare} ?"
    found = list(
        tables.query(
            f"{rows}{behind} ORDER BY {by} {order} LIMIT ?",
            [*values, *([] if after is None else [after]), limit + 1],
        )
    )
    return found[:limit], len(found) > limit
