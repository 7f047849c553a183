"""CSV: each row becomes lines of "Column: value", so that it can be understood without the others."""

from __future__ import annotations

import csv
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from appliance.knowledge.block import Block
from appliance.knowledge.charsets import encoding_of, lines, texts
from appliance.knowledge.faults import unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

DELIMITERS: Final = ",;\t|"
SAMPLE_LINES: Final = 50
LINE: Final = 1_000_000
"""Characters that a line, and a cell, may have."""
COLUMNS: Final = 10_000
NAME: Final = 100
"""Characters of a column's name that are said with each value."""


def blocks(file: BinaryIO) -> Iterator[Block]:
    """A block a row. Raises `document_unreadable` for a row that has no end."""
    csv.field_size_limit(LINE)
    source = _whole(lines(texts(file, encoding_of(file)), LINE))
    sample = list(islice(source, SAMPLE_LINES))
    delimiter = _delimiter(sample)
    rows = csv.reader(chain(sample, source), delimiter=delimiter)
    try:
        first = next(filter(any, rows), [])
        second = next(rows, None)
        names = _names(first) if second is not None else None
        for row in chain([first] if names is None else [], [second or []], rows):
            yield from _block(names or (), row)
    except csv.Error as error:
        raise unreadable(f"Row {rows.line_num} of the table cannot be read: {error}.") from error


def _whole(source: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(source, 1):
        if len(line) >= LINE:
            raise unreadable(f"Line {number} of the table has more than {LINE:,} characters.")
        yield line


def _delimiter(sample: Sequence[str]) -> str:
    """The one that gives most rows the same number of columns, more than one."""

    def evenness(delimiter: str) -> int:
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
        except csv.Error:
            return 0
        usual = max(set(widths), key=widths.count, default=0)
        return widths.count(usual) if usual > 1 else 0

    return max(DELIMITERS, key=evenness)


def _names(row: Sequence[str]) -> list[str] | None:
    """The columns' names; None if the first row is already one of values."""
    names = [" ".join(cell.split())[:NAME] for cell in row]
    given = [name for name in names if name]
    if len(given) < len(set(given)) + 1 and not any(_number(name) for name in given):
        return names
    return None


def _number(cell: str) -> bool:
    return cell.strip("+-€$£% ").replace(".", "").replace(",", "").isdecimal()


def _block(names: Sequence[str], row: Sequence[str]) -> Iterator[Block]:
    if len(row) > COLUMNS:
        raise unreadable(f"The table has more than {COLUMNS:,} columns.")
    said = []
    for at, cell in enumerate(row):
        if value := " ".join(cell.split()):
            name = names[at] if at < len(names) and names[at] else f"Column {at + 1}"
            said.append(f"{name}: {value}")
    if said:
        yield Block("\n".join(said), kind="row")
