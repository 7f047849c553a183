"""Which kind of file it is: its name says so, and its first bytes must agree."""

from __future__ import annotations

from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, get_args

from appliance.knowledge.charsets import marked
from appliance.knowledge.faults import empty, encrypted, unreadable, unsupported

if TYPE_CHECKING:
    from typing import BinaryIO

Kind = Literal["txt", "md", "html", "pdf", "docx", "csv", "json", "jsonl"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

SUFFIXES: Final = MappingProxyType[str, Kind](
    {
        **{f".{kind}": kind for kind in KINDS},
        ".text": "txt",
        ".log": "txt",
        ".markdown": "md",
        ".htm": "html",
        ".xhtml": "html",
        ".tsv": "csv",
        ".ndjson": "jsonl",
    }
)

HEAD_BYTES: Final = 65_536
PDF_HEAD_BYTES: Final = 1024
"""Mail gateways put a few bytes before a PDF's head, and every viewer looks for it so far."""
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_MAGIC: Final = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive or Office file"),
    (OLE, "an old Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
)
_CONTROLS: Final = bytes({*range(32), 127} - {*b"\t\n\f\r\x1b"})
_CONTROL_SHARE: Final = 0.01


def kind_of(name: str) -> Kind:
    """The kind that a file's name says. Raises `document_unsupported`."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        types = ", ".join(SUFFIXES)
        raise unsupported(f"Files whose name ends in {suffix[:16]!r} cannot be read. These can: {types}.")
    return SUFFIXES[suffix]


def check(file: BinaryIO, kind: Kind) -> None:
    """Look at the first bytes. Raises `document_empty`, `document_encrypted` or `document_unreadable`."""
    head = _head(file)
    if not head:
        raise empty("The file is empty.")
    if kind == "pdf":
        if b"%PDF-" not in head[:PDF_HEAD_BYTES]:
            raise unreadable("The file is no PDF: it does not begin with %PDF.")
    elif kind == "docx":
        _check_word(file, head)
    else:
        _check_text(head, kind)


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return head


def _check_word(file: BinaryIO, head: bytes) -> None:
    if head.startswith(OLE):  # Word wraps what it encrypts into the container of its old files
        before = b""
        while chunk := file.read(HEAD_BYTES):
            if _ENCRYPTED in before + chunk:
                raise encrypted("The Word file is locked with a password.")
            before = chunk[-len(_ENCRYPTED) :]
        raise unreadable("The file is an old .doc; save it as .docx.")
    if not head.startswith(b"PK"):
        raise unreadable("The file is no Word document: it is not a zip archive.")


def _check_text(head: bytes, kind: Kind) -> None:
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise unreadable(f"The file is {what}, not .{kind}.")
    if marked(head):
        return
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if b"\0" in head or controls > _CONTROL_SHARE * len(head):
        raise unreadable(
            f"The file is not .{kind}: it is no text in UTF-8, UTF-16 with a byte order mark, or Windows-1252."
        )
