"""Small documents of the formats that are not text."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING

import pypdf
from pypdf.generic import NameObject, StreamObject

from appliance.knowledge import reading
from appliance.knowledge.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.knowledge.block import Block
    from appliance.knowledge.kinds import Kind
    from appliance.knowledge.passage import Passage

NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)
STYLES = (
    f"<w:styles {NAMESPACES}>"
    '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="berschrift1"/></w:style>'
    '<w:style w:styleId="Titel"><w:name w:val="Title"/></w:style>'
    "</w:styles>"
)


def pdf(
    pages: Sequence[Sequence[str]], password: str | None = None, *, owner: str | None = None,
    titles: Sequence[tuple[str, int]] = (),
) -> bytes:  # fmt: skip
    """A PDF with the given lines on each page; `titles` are bookmarks with their page, from 0."""
    writer = pypdf.PdfWriter()
    for lines in pages:
        page = writer.add_blank_page(400, 600)
        stream = StreamObject()
        shown = "".join(f"({line}) Tj 0 -14 Td " for line in lines)
        stream.set_data(f"BT /F 12 Tf 40 560 Td {shown} ET".encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(stream)
        font = pypdf.generic.DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
        page[NameObject("/Resources")] = pypdf.generic.DictionaryObject(
            {NameObject("/Font"): pypdf.generic.DictionaryObject({NameObject("/F"): font})}
        )
    for title, number in titles:
        writer.add_outline_item(title=title, page_number=number)
    if password is not None:
        writer.encrypt(password, owner, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def raw_pdf(objects: Sequence[bytes]) -> bytes:
    """A PDF of hand-written objects, numbered from 1; the first is the catalog."""
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def bomb_pdf(size: int) -> bytes:
    """One page whose content unpacks to `size` bytes of text."""
    packed = zlib.compress(b"BT /F 12 Tf " + b"(aaaaaaaaaaaaaa) Tj " * (size // 20) + b" ET", 9)
    return raw_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources 5 0 R >>",
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
            b"<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
        ]
    )


def paragraph(text: str, style: str = "", properties: str = "") -> str:
    """A Word paragraph."""
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{styled}{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx(body: str, *, prolog: str = "", styles: str = STYLES, notes: str = "") -> bytes:
    """A Word document with that body."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f"{prolog}<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>")
        archive.writestr("word/styles.xml", styles)
        if notes:
            archive.writestr("word/footnotes.xml", f"<w:footnotes {NAMESPACES}>{notes}</w:footnotes>")
    return out.getvalue()


def blocks(data: bytes, kind: Kind) -> list[Block]:
    """What a reader makes of it."""
    return list(reading.reader(kind).blocks(io.BytesIO(data)))


def shown(data: bytes, kind: Kind) -> list[tuple[str, int | None, str]]:
    """Text, level and kind of each block."""
    return [(block.text, block.level, block.kind) for block in blocks(data, kind)]


def passages(data: bytes, kind: Kind, limits: Limits | None = None) -> list[Passage]:
    """The whole way, in this process."""
    return list(reading.passages(io.BytesIO(data), kind, limits or Limits()))
