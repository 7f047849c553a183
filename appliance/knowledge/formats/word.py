"""Word documents (.docx): headings, paragraphs, items, rows of tables, notes at the end.

Their parts are parsed as a stream, an element at a time; sizes are checked before anything is unpacked.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from appliance.knowledge.block import BLOCK_CHARACTERS, Block
from appliance.knowledge.faults import encrypted, too_large, unreadable
from appliance.knowledge.sentences import last_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from appliance.knowledge.block import BlockKind

PARTS: Final = 10_000
PART_BYTES: Final = 256_000_000
"""That a part of the document may have unpacked."""
RATIO: Final = 500
"""How much larger a part of more than a megabyte may be unpacked; XML shrinks to a twentieth, seldom to a hundredth."""
STYLES: Final = 10_000
DOCUMENT: Final = "word/document.xml"
DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, etree.XMLSyntaxError
)  # fmt: skip
"""What comes of a broken archive."""
_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT: Final = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"


def blocks(file: BinaryIO) -> Iterator[Block]:
    """What is in it, in order; foot- and endnotes last. Raises `document_unreadable`, `…_encrypted`, `…_too_large`."""
    try:
        with zipfile.ZipFile(file) as archive:
            _check(archive)
            levels = _levels(archive)
            for part in (DOCUMENT, "word/footnotes.xml", "word/endnotes.xml"):
                if part in archive.NameToInfo:
                    yield from _Part(levels).blocks(archive, part)
    except DAMAGE as error:
        raise unreadable("The Word document is damaged.") from error


def _check(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if DOCUMENT not in archive.NameToInfo:
        raise unreadable(f"The file is no Word document: {DOCUMENT} is not in it.")
    if len(parts) > PARTS:
        raise unreadable(f"The Word document has more than {PARTS:,} parts.")
    for part in parts:
        if part.flag_bits & 1:
            raise encrypted("The Word document is locked with a password.")
        if part.filename.endswith(".xml") and part.filename.startswith("word/"):
            bomb = part.file_size > 1_000_000 and part.file_size > RATIO * part.compress_size
            if part.file_size > PART_BYTES or bomb:
                raise too_large(f"The Word document unpacks to {part.file_size:,} bytes of text.")


def _events(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[str, Any, str]]:
    """("start" or "end", element, its name without a namespace); what has ended is taken from memory."""
    with archive.open(part) as source:
        parsing = etree.iterparse(
            source, events=("start", "end"), resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
        )
        for at, (event, element) in enumerate(parsing):
            if at == 0 and element.getroottree().docinfo.internalDTD is not None:
                raise unreadable("The Word document declares a document type, which none does.")
            tag = element.tag
            if isinstance(tag, str) and tag.startswith((_W, _STRICT)):
                yield event, element, tag.rpartition("}")[2]
            elif isinstance(tag, str) and tag.endswith("}Fallback"):  # says again what its neighbour has said
                yield event, element, "Fallback"
            if event == "end":
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]


def _value(element: Any, name: str = "val") -> str:
    return str(element.get(f"{_W}{name}") or element.get(f"{_STRICT}{name}") or "")


def _levels(archive: zipfile.ZipFile) -> dict[str, int]:
    """The heading level of each style that has one; in every language, names begin with "heading"."""
    levels: dict[str, int] = {}
    based: dict[str, str] = {}
    style = ""
    if "word/styles.xml" not in archive.NameToInfo:
        return {}
    for event, element, name in _events(archive, "word/styles.xml"):
        if event == "start" and name == "style":
            style = _value(element, "styleId")
            if len(based) > STYLES:
                raise unreadable(f"The Word document has more than {STYLES:,} styles.")
        elif event == "start" and name == "basedOn":
            based[style] = _value(element)
        elif event == "start" and name == "name":
            named = _value(element).lower()
            if named == "title":
                levels[style] = 0
            elif named.startswith("heading ") and named[8:].isdecimal():
                levels[style] = int(named[8:10])
        elif event == "start" and name == "outlineLvl" and _value(element) in set("012345678"):
            levels.setdefault(style, int(_value(element)) + 1)
    for derived, base in based.items():
        if derived not in levels and base in levels:
            levels[derived] = levels[base]
    return levels


class _Part:
    """One part of the document while it is read."""

    def __init__(self, levels: Mapping[str, int]) -> None:
        self._levels = levels
        self._open: list[_Paragraph] = []
        self._tables: list[list[list[str]]] = []
        """Of each table around: the cells of its row, each with its paragraphs."""
        self._ignored = 0

    def blocks(self, archive: zipfile.ZipFile, part: str) -> Iterator[Block]:
        for event, element, name in _events(archive, part):
            if name in ("Fallback", "rPrChange", "pPrChange", "del", "moveFrom"):
                self._ignored += 1 if event == "start" else -1
            elif self._ignored:
                continue
            elif event == "start":
                self._start(name, element)
            else:
                yield from self._end(name, element)

    def _start(self, name: str, element: Any) -> None:
        match name:
            case "p":
                self._open.append(_Paragraph())
            case "tbl":
                self._tables.append([])
            case "tr" if self._tables:
                self._tables[-1] = []
            case "tc" if self._tables:
                self._tables[-1].append([])
            case "pStyle" if self._open:
                self._open[-1].level = self._levels.get(_value(element))
            case "outlineLvl" if self._open and _value(element) in set("012345678"):
                self._open[-1].level = int(_value(element)) + 1
            case "numPr" if self._open:
                self._open[-1].kind = "item"
            case "br" | "cr" if self._open:
                self._open[-1].add("\n")
            case "tab" | "ptab" if self._open:
                self._open[-1].add("\t")
            case "noBreakHyphen" if self._open:
                self._open[-1].add("-")

    def _end(self, name: str, element: Any) -> Iterator[Block]:
        match name:
            case "t" if self._open:
                self._open[-1].add(element.text or "")
                if not self._tables:
                    yield from self._open[-1].spill()
            case "p" if self._open:
                paragraph = self._open.pop()
                if self._tables and self._tables[-1]:
                    self._tables[-1][-1].append(" ".join(paragraph.text.split()))
                else:
                    yield from paragraph.take()
            case "tr" if self._tables:
                cells = [" ".join(filter(None, cell)) for cell in self._tables[-1]]
                self._tables[-1] = []
                if any(cells):
                    yield Block(" | ".join(filter(None, cells)), kind="row")
            case "tbl" if self._tables:
                self._tables.pop()


class _Paragraph:
    def __init__(self) -> None:
        self.level: int | None = None
        self.kind: BlockKind = "text"
        self._parts: list[str] = []
        self._length = 0
        self._joined = False

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def spill(self) -> Iterator[Block]:
        """The beginning of a paragraph that is too long for a block."""
        if self._length > BLOCK_CHARACTERS:
            text = self.text
            cut = last_end(text)
            yield Block(text[:cut], kind=self.kind, joined=self._joined)
            self._parts, self._length, self._joined = [text[cut:]], len(text) - cut, True

    def take(self) -> Iterator[Block]:
        text = self.text if self._joined else self.text.strip()
        if text:
            mark = "- " if self.kind == "item" and self.level is None and not self._joined else ""
            yield Block(
                mark + text, self.level, kind="text" if self.level is not None else self.kind, joined=self._joined
            )
