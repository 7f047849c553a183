"""The bytes of a text file as characters.

UTF-8 with or without a byte order mark; UTF-16 with one; what is neither is Windows-1252, unless it declares another
character set itself, as HTML may. A file that is UTF-8 but for one byte is therefore read as Windows-1252.
"""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

CHUNK: Final = 65_536
FALLBACK: Final = "cp1252"
DECLARABLE: Final = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "iso8859-1",
    "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9", "iso8859-15", "koi8-r", "koi8-u", "big5", "gbk", "gb2312",
    "gb18030", "euc_jp", "shift_jis", "cp932", "iso2022_jp", "euc_kr", "cp949", "utf-8", "mac-roman"
)  # fmt: skip
"""Character sets that a file may declare, by Python's names."""
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def warm() -> None:
    """Load all of them now: a confined reader opens no file, and Python keeps each in one."""
    for name in (
        *DECLARABLE,
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32-be",
        "ascii",
        "cp437",
        "latin-1",
        "charmap",
    ):
        codecs.lookup(name)


def marked(head: bytes) -> str | None:
    """The encoding that a byte order mark announces."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def encoding_of(file: BinaryIO, declared: str | None = None) -> str:
    """The encoding of a text file, by Python's name; `declared` is what it says itself. Reads all of it."""
    file.seek(0)
    if found := marked(file.read(4)):
        return found
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return declared or FALLBACK
    return "utf-8"


def declarable(label: str) -> str | None:
    """Python's name of a character set that a file declares; None if it is none that a file may."""
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    return "cp1252" if name == "iso8859-1" else name if name in DECLARABLE else None  # as browsers understand it


def texts(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The whole file, some 64 K characters at a time, with newlines as \\n and U+FFFD for what is no character."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def lines(pieces: Iterable[str], longest: int) -> Iterator[str]:
    """The lines of a text, each with its newline; one of more than `longest` characters comes in pieces without."""
    held = ""
    for piece in pieces:
        held += piece
        whole = held.split("\n")
        held = whole.pop()
        for line in whole:
            yield from _pieces(line + "\n", longest)
        while len(held) > longest:
            yield held[:longest]
            held = held[longest:]
    if held:
        yield held


def _pieces(line: str, longest: int) -> Iterator[str]:
    if len(line) <= longest + 1:
        yield line
        return
    for at in range(0, len(line), longest):
        yield line[at : at + longest]
