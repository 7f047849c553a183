"""HTML: headings, paragraphs, items, rows of tables. What a reader does not see is left out.

The parser tells of tags as it meets them and builds no tree; of the page it keeps the bytes only, once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from lxml import etree

from appliance.knowledge.block import BLOCK_CHARACTERS, Block
from appliance.knowledge.charsets import declarable, encoding_of, texts
from appliance.knowledge.formats.elements import APART, HEADINGS, VOID, hidden
from appliance.knowledge.sentences import last_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import BinaryIO

    from appliance.knowledge.block import BlockKind

DECLARED_WITHIN: Final = 4096
"""Bytes at a file's beginning in which it may say its character set."""
_DECLARED: Final = re.compile(rb"""charset\s*=\s*["']?\s*([\w.:-]{1,32})""", re.IGNORECASE)

_SPACE: Final = re.compile(r"[ \t\n\r\f]+")
_SPACES: Final = re.compile(r" {2,}")
_AROUND: Final = re.compile(r" *\n *")


def blocks(file: BinaryIO) -> Iterator[Block]:
    """What is seen of the page, in order. A character set that it declares counts if it is not UTF-8."""
    file.seek(0)
    label = _DECLARED.search(file.read(DECLARED_WITHIN))
    declared = declarable(label[1].decode("ascii", "replace")) if label else None
    yield from read(texts(file, encoding_of(file, declared)))


def read(pieces: Iterable[str]) -> Iterator[Block]:
    """What is seen of a page, or part of one, that comes in pieces."""
    page = _Page()
    parser = etree.HTMLParser(target=page, encoding="utf-8", huge_tree=True, no_network=True)
    for piece in pieces:
        parser.feed(piece.replace("\0", "").encode())
        yield from page.found
        page.found.clear()
    parser.close()
    page.close()
    yield from page.found


class _Page:
    """Hears of tags and text; collects blocks in `found`."""

    def __init__(self) -> None:
        self.found: list[Block] = []
        self._unseen = 0
        """Elements that are open, from the outermost unseen one on."""
        self._parts: list[str] = []
        self._length = self._pre = 0
        self._level: int | None = None
        self._kind: BlockKind = "text"
        self._joined = False
        self._cells: list[str] | None = None
        self._lists: list[int | None] = []
        self._mark = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._unseen or hidden(tag, attributes):
            self._unseen += tag not in VOID
            return
        if tag == "br":
            self._parts.append("\n")
        elif tag in ("td", "th"):
            self._cell()
        elif tag == "tr":
            self._row()
            self._cells = []
        elif tag in APART:
            self._begin(tag)

    def _begin(self, tag: str) -> None:
        if tag in HEADINGS:
            self._row()
        self._end_paragraph()
        self._level = HEADINGS.get(tag)
        self._pre += tag == "pre"
        if tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "li":
            number = self._lists[-1] if self._lists else None
            self._mark = "- " if number is None else f"{number}. "
            if number is not None:
                self._lists[-1] = number + 1

    def end(self, tag: str) -> None:
        if self._unseen:
            self._unseen -= tag not in VOID
        elif tag in ("td", "th"):
            self._cell()
        elif tag in ("tr", "table"):
            self._row()
        elif tag in APART:
            self._end_paragraph()
            self._level = None
            self._pre = max(0, self._pre - (tag == "pre"))
            if tag in ("ul", "ol") and self._lists:
                self._lists.pop()

    def data(self, text: str) -> None:
        if self._unseen:
            return
        self._parts.append(text if self._pre else _SPACE.sub(" ", text))
        self._length += len(text)
        if self._length > BLOCK_CHARACTERS:
            text = self._text()
            cut = last_end(text)
            self._tell(text[:cut])
            self._parts, self._length, self._joined = [text[cut:]], len(text) - cut, True

    def close(self) -> None:
        self._row()
        self._end_paragraph()

    def _end_paragraph(self) -> None:
        if self._cells is not None:  # a paragraph within a cell
            self._parts.append(" ")
            return
        if text := self._text().strip("\n" if self._pre else None):
            self._tell(text)
        self._parts, self._length, self._joined = [], 0, False

    def _cell(self) -> None:
        if self._cells is None:
            self._end_paragraph()
            self._cells = []
        elif text := self._text().strip():
            self._cells.append(text)
        self._parts, self._length = [], 0

    def _row(self) -> None:
        if self._cells is None:
            self._end_paragraph()
            return
        self._cell()
        cells, self._cells, self._joined = self._cells, None, False
        if cells:
            self.found.append(Block(" | ".join(cells), kind="row"))

    def _tell(self, text: str) -> None:
        kind: BlockKind = "code" if self._pre else "item" if self._lists and self._level is None else "text"
        self.found.append(Block(self._mark + text, self._level, kind=kind, joined=self._joined))
        self._mark = ""

    def _text(self) -> str:
        text = "".join(self._parts)
        return text if self._pre else _AROUND.sub("\n", _SPACES.sub(" ", text))
