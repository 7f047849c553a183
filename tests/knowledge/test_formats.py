"""What each format's reader makes of a small file."""

from __future__ import annotations

import codecs
import json

import pytest
from documents import blocks, docx, paragraph, passages, pdf, shown

from appliance.errors import ApplianceError
from appliance.knowledge import kinds, reading
from appliance.knowledge.cleaning import clean
from appliance.knowledge.limits import Limits
from appliance.knowledge.paragraphs import unwrapped


def test_txt_is_paragraphs_without_the_breaks_of_full_lines() -> None:
    text = (
        "A line that is as long as a line may be here and\nthen goes on.\n"
        "\nAddress\nStreet 1\n   \n- one item of a list that is long enough\n- two\fNew page"
    )
    assert [block.text for block in blocks(text.encode(), "txt")] == [
        "A line that is as long as a line may be here and then goes on.",
        "Address\nStreet 1",
        "- one item of a list that is long enough\n- two",
        "New page",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("kind", ["txt", "md", "html", "csv", "json", "jsonl"])
def test_every_text_format_comes_in_every_encoding(kind: kinds.Kind, encoding: str) -> None:
    said = "Grüße für 5 € – naïve"
    data = (json.dumps([said], ensure_ascii=False) if kind.startswith("json") else said).encode(encoding)
    if encoding == "utf-16":
        assert data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    (passage,) = passages(data, kind)
    assert passage.text.removeprefix("Column 1: ") == said


def test_html_may_declare_its_character_set() -> None:
    page = '<meta charset="windows-1251"><p>Привет</p>'
    assert [block.text for block in blocks(page.encode("cp1251"), "html")] == ["Привет"]
    assert blocks(page.replace("windows-1251", "rot13").encode("cp1251"), "html")[0].text != "Привет"


def test_markdown() -> None:
    text = """---
title: x
---
# Manual *one*

A [link](http://x) and
`code`.<br>Then.

- first
- second

  still second

3. three

| A | B |
|---|---|
| 1 | 2 |

```python
a = 1

b
```

<p>Some <b>html</b></p>
"""
    assert shown(text.encode(), "md") == [
        ("title: x", None, "row"),
        ("Manual one", 1, "text"),
        ("A link and code.\nThen.", None, "text"),
        ("- first", None, "item"),
        ("- second", None, "item"),
        ("still second", None, "item"),
        ("3. three", None, "item"),
        ("A | B", None, "row"),
        ("1 | 2", None, "row"),
        ("a = 1\n\nb", None, "code"),
        ("Some html", None, "text"),
    ]


def test_long_markdown_is_parsed_in_portions_that_do_not_break_code() -> None:
    part = "# Title\n\nText.\n\n```\n# no title\n\nmore\n```\n\n"
    found = blocks((part * 5000).encode(), "md")
    assert [block.level for block in found] == [1, None, None] * 5000


def test_html_is_what_a_reader_sees() -> None:
    page = """<!doctype html><title>Shop</title><script>bad()</script><style>p{}</style>
    <nav><a>Home</a></nav><h1>Our
      things</h1><p>One <b>bold</b> word.<br>Next<p>Open &amp; new
    <div hidden>no<input><br>no</div><p style="display: none">no</p><i aria-hidden="true">no</i>
    <ul><li>a<li>b</ul><ol><li>x</li><li>y</li></ol><table><tr><th>K<th>V<tr><td><p>k1</p><td>v1</table>
    <pre>  two
  lines</pre><noscript>no</noscript>tail"""
    assert shown(page.encode(), "html") == [
        ("Shop", 0, "text"),
        ("Our things", 1, "text"),
        ("One bold word.\nNext", None, "text"),
        ("Open & new", None, "text"),
        ("- a", None, "item"),
        ("- b", None, "item"),
        ("1. x", None, "item"),
        ("2. y", None, "item"),
        ("K | V", None, "row"),
        ("k1 | v1", None, "row"),
        ("  two\n  lines", None, "code"),
        ("tail", None, "text"),
    ]


def test_pdf_has_pages_and_bookmarks_are_headings() -> None:
    data = pdf(
        [["1. Setup", "Plug it in and wait until the lamp is light-", "ing up in green."], ["Use", "Press it."]],
        titles=[("Setup", 0), ("Use", 1), ("Unseen", 1)],
    )
    assert [(block.text, block.level, block.page) for block in blocks(data, "pdf")] == [
        ("Setup", 1, 1),
        ("Plug it in and wait until the lamp is lighting up in green.", None, 1),
        ("Unseen", 1, 2),
        ("Use", 1, 2),
        ("Press it.", None, 2),
    ]
    assert [passage.page for passage in passages(data, "pdf")] == [1]


def test_pdf_that_only_its_owner_may_change_can_be_read() -> None:
    assert blocks(pdf([["Free text"]], "", owner="other"), "pdf")[0].text == "Free text"


def test_word() -> None:
    cell = f"<w:tc>{paragraph('a')}{paragraph('b')}</w:tc><w:tc>{paragraph('c')}</w:tc>"
    box = (
        f"<w:p><w:r><w:t>Around</w:t></w:r><w:r><mc:AlternateContent><mc:Choice>{paragraph('Boxed')}</mc:Choice>"
        f"<mc:Fallback>{paragraph('Boxed')}</mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    body = (
        paragraph("Report", "Titel")
        + paragraph("Kapitel", "berschrift1")
        + paragraph("Mine", "Own")
        + "<w:p><w:r><w:t>One</w:t><w:tab/><w:t>two</w:t><w:br/><w:delText>gone</w:delText></w:r></w:p>"
        + paragraph("listed", properties="<w:numPr/>")
        + f"<w:tbl><w:tr>{cell}</w:tr></w:tbl>"
        + box
        + paragraph("Sub", properties='<w:outlineLvl w:val="2"/>')
    )
    assert shown(docx(body, notes=paragraph("A note.")), "docx") == [
        ("Report", 0, "text"),
        ("Kapitel", 1, "text"),
        ("Mine", 1, "text"),
        ("One\ttwo", None, "text"),
        ("- listed", None, "item"),
        ("a b | c", None, "row"),
        ("Boxed", None, "text"),
        ("Around", None, "text"),
        ("Sub", 3, "text"),
        ("A note.", None, "text"),
    ]


@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_csv_rows_name_their_columns(delimiter: str) -> None:
    rows = [["Name", "Price", "Note"], ["Lamp, red; or|so", "3,50", 'say "hi"\nthere'], ["Desk", "", "x"]]
    text = "\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    assert [block.text for block in blocks(text.encode(), "csv")] == [
        'Name: Lamp, red; or|so\nPrice: 3,50\nNote: say "hi" there',
        "Name: Desk\nNote: x",
    ]


def test_csv_without_a_header() -> None:
    assert [block.text for block in blocks(b"1,a\n2,b,c\n", "csv")] == [
        "Column 1: 1\nColumn 2: a",
        "Column 1: 2\nColumn 2: b\nColumn 3: c",
    ]


def test_json_records_are_the_elements_of_the_outermost_array() -> None:
    value = {
        "name": "Shop",
        "place": {"city": "Rome", "open": True, "none": None},
        "items": [
            {"id": 1, "tags": ["a", "b"], "size": {"w": 1.5}, "parts": [{"x": 1}, {"x": 2}]},
            {"id": 2, "empty": ""},
        ],
        "end": "z",
    }
    assert [block.text for block in blocks(json.dumps(value).encode(), "json")] == [
        "name: Shop",
        "place.city: Rome\nplace.open: true",
        "items.id: 1\nitems.tags: a, b\nitems.size.w: 1.5\nitems.parts.x: 1\nitems.parts.x: 2",
        "items.id: 2",
        "end: z",
    ]
    assert [block.text for block in blocks(b'["one", "two", [1, 2], {"k": "v"}]', "json")] == [
        "one",
        "two",
        "1, 2",
        "k: v",
    ]


def test_jsonl_is_a_record_a_line() -> None:
    data = b'{"a": 1, "b": {"c": "x"}}\n\n{"a": 2}\n"text"\n'
    assert [block.text for block in blocks(data, "jsonl")] == ["a: 1\nb.c: x", "a: 2", "text"]


@pytest.mark.parametrize(
    ("name", "data", "code", "said"),
    [
        ("x.txt", b"", "document_empty", "empty"),
        ("x.txt", b" \n\n ", "document_empty", "no text"),
        ("x.txt", b"MZ\0\0binary", "document_unreadable", "no text"),
        ("x.txt", bytes(range(1, 9)) * 9, "document_unreadable", "no text"),
        ("x.md", b"%PDF-1.4 ...", "document_unreadable", "is a PDF"),
        ("x.pdf", b"hello", "document_unreadable", "%PDF"),
        ("x.pdf", pdf([[], []]), "document_empty", "scan"),
        ("x.pdf", pdf([["Hidden"]], "pw"), "document_encrypted", "password"),
        ("x.docx", b"hello", "document_unreadable", "zip"),
        ("x.docx", kinds.OLE + bytes(600), "document_unreadable", r"old \.doc"),
        (
            "x.docx",
            kinds.OLE + bytes(66_000) + "EncryptedPackage".encode("utf-16-le"),
            "document_encrypted",
            "password",
        ),
        ("x.docx", docx("").replace(b"word/document.xml", b"word/nothing_.xml"), "document_unreadable", "not in it"),
        ("x.docx", docx("")[:-6] + b"\xff\xff\xff\x7f\0\0", "document_unreadable", "damaged"),
        ("x.json", b'{"a": ', "document_unreadable", "ends too early"),
        ("x.json", b"[]", "document_empty", "no text"),
        ("x.jsonl", b'{"a": 1}\nnot json\n', "document_unreadable", "not JSON"),
        ("x.json", b"[" + b"9" * 10_000 + b"]", "document_unreadable", "digits"),
        ("x.json", b"[1e" + b"9" * 20 + b"]", "document_unreadable", "digits"),
        ("x.exe", b"MZ", "document_unsupported", r"\.docx"),
        ("noname", b"x", "document_unsupported", r"\.pdf"),
    ],
)
def test_what_is_wrong_has_a_code_and_a_sentence(name: str, data: bytes, code: str, said: str) -> None:
    with pytest.raises(ApplianceError, match=said) as caught:
        passages(data, kinds.kind_of(name))
    assert (caught.value.code, caught.value.param) == (code, "file")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(characters=10), "10 characters"),
        (Limits(passages=1), "1 passages"),
        (Limits(pages=1), "1 pages"),
    ],
)
def test_too_large_is_413_and_says_what_of(limits: Limits, said: str) -> None:
    data = pdf([["Some words on the first page. " * 20] * 8, ["More words. " * 60] * 8])
    with pytest.raises(ApplianceError, match=said) as caught:
        passages(data, "pdf", limits)
    assert (caught.value.code, caught.value.status) == ("document_too_large", 413)


def test_text_is_cleaned() -> None:
    assert clean("a\0b\u00adc\ufb01\u00a0x\ud800\n \n\n \ny" + " " * 50 + "z. . . . . 7") == "abcfi x\n\ny        z… 7"


def test_half_a_pair_in_json_harms_nobody() -> None:
    (passage,) = passages(rb'["a \ud800 b"]', "json")
    assert passage.text.encode()


def test_every_kind_has_a_reader() -> None:
    assert set(reading.READERS) == set(kinds.KINDS) == set(kinds.SUFFIXES.values())


def test_lines_of_a_long_line_are_paragraphs_already() -> None:
    text = "x" * 300 + "\nsmall letter first"
    assert unwrapped(text) == text
