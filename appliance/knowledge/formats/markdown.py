"""Markdown: headings, paragraphs, items, rows of tables, code. Links and emphasis keep their words only.

The file is parsed some 64 K characters at a time, from one empty line to another, so that memory does not grow with it;
a link that is defined elsewhere keeps its brackets.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

from appliance.knowledge.block import Block
from appliance.knowledge.charsets import encoding_of, lines, texts
from appliance.knowledge.formats import html

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from markdown_it.token import Token

PORTION: Final = 65_536
LONGEST_PORTION: Final = 4 * PORTION
"""Characters after which a text without empty lines is cut at a line."""
FRONT_LINES: Final = 200
"""Lines that the metadata at the beginning of a file may have."""

NESTING: Final = 40
"""What is nested deeper, in quotes and lists, is left out."""


def blocks(file: BinaryIO) -> Iterator[Block]:
    """What is in it, in order."""
    parser = MarkdownIt("commonmark", {"maxNesting": NESTING}).enable("table").enable("strikethrough")
    source = lines(texts(file, encoding_of(file)), PORTION)
    front = list(islice(source, 1))
    if front == ["---\n"]:
        front += islice(source, FRONT_LINES)
        end = next((at for at, line in enumerate(front) if at and line.rstrip() in ("---", "...")), None)
        if end is not None:
            yield Block("".join(front[1:end]).rstrip("\n"), kind="row")
            front = front[end + 1 :]
    for portion in _portions(chain(front, source)):
        yield from _blocks(parser.parse(portion))


def _portions(source: Iterator[str]) -> Iterator[str]:
    held: list[str] = []
    length, fence = 0, ""
    for line in source:
        bare = line.strip()
        at_break = not fence and held and held[-1].isspace() and line[:1] not in " \t"
        if (length > PORTION and at_break) or length > LONGEST_PORTION:
            yield "".join(held)
            held, length, fence = [], 0, ""
        if fence and bare.startswith(fence):
            fence = ""
        elif not fence and bare.startswith(("```", "~~~")):
            fence = bare[:3]
        held.append(line)
        length += len(line)
    yield "".join(held)


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    level: int | None = None
    cells: list[str] | None = None
    lists: list[int | None] = []  # the number before the next item of each list around; None without numbers
    mark = ""
    for token in tokens:
        match token.type:
            case "heading_open":
                level = int(token.tag[1:])
            case "heading_close":
                level = None
            case "bullet_list_open":
                lists.append(None)
            case "ordered_list_open":
                lists.append(int(token.attrs.get("start", 1)))
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
            case "list_item_open":
                number = lists[-1]
                mark = "- " if number is None else f"{number}. "
                lists[-1] = None if number is None else number + 1
            case "tr_open":
                cells = []
            case "tr_close":
                yield Block(" | ".join(cells or ()), kind="row")
                cells = None
            case "inline" if cells is not None:
                cells.append(_words(token))
            case "inline":
                yield Block(mark + _words(token), level, kind="item" if lists and level is None else "text")
                mark = ""
            case "fence" | "code_block":
                yield Block(token.content.rstrip("\n"), kind="code")
            case "html_block":
                yield from html.read([token.content])


def _words(inline: Token) -> str:
    words = []
    for token in inline.children or ():
        match token.type:
            case "text" | "code_inline" | "image":
                words.append(token.content)
            case "softbreak":
                words.append(" ")
            case "hardbreak":
                words.append("\n")
            case "html_inline" if token.content.lower().startswith("<br"):
                words.append("\n")
    return "".join(words)
