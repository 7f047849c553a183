"""PDF: the text of each page as paragraphs, with the bookmarks as headings where the page has a line like them.

What a scan shows is no text; nothing here reads pictures. Sizes are bounded by pypdf's own limits: 75 MB for a stream
unpacked, a hundred levels of any tree, no object twice in one.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError, LimitReachedError

from appliance.errors import ApplianceError
from appliance.knowledge.block import Block
from appliance.knowledge.faults import empty, encrypted, too_large, unreadable
from appliance.knowledge.paragraphs import paragraphs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

# pypdf imports its parts where it first needs them, and a confined reader cannot.
for _module in pkgutil.walk_packages(pypdf.__path__, "pypdf."):
    with suppress(ImportError):  # of libraries for pictures
        importlib.import_module(_module.name)

LOCKED: Final = "The PDF is locked with a password."
OUTLINE_DEPTH: Final = 9


def blocks(file: BinaryIO) -> Iterator[Block]:
    """What is on its pages. Raises `document_unreadable`, `…_encrypted`, `…_too_large`, or `…_empty` for a scan."""
    number, said = 0, False
    try:
        reader = pypdf.PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise encrypted(LOCKED)
        titles = _titles(reader)
        for number, page in enumerate(reader.pages, 1):
            text = page.extract_text()
            said = said or (not text.isspace() and bool(text))
            yield from _page(text, number, titles.get(number, ()))
    except ApplianceError:
        raise
    except (FileNotDecryptedError, DependencyError) as error:
        raise encrypted(LOCKED) from error
    except LimitReachedError as error:
        raise too_large(f"The PDF has more in it than may be unpacked{_place(number)}.") from error
    except MemoryError:
        raise
    except Exception as error:
        # pypdf lets every sort of error through when a file is broken
        raise unreadable(f"The PDF is damaged{_place(number)}.") from error
    if not number:
        raise empty("The PDF has no pages.")
    if not said:
        raise empty(f"The PDF has no text on its {number} pages. It may be a scan; pictures of text cannot be read.")


def _place(number: int) -> str:
    return f", at page {number}" if number else ""


def _titles(reader: pypdf.PdfReader) -> dict[int, list[tuple[int, str]]]:
    """Level and title of the bookmarks on each page. A document without any that can be read is no worse for it."""
    found: dict[int, list[tuple[int, str]]] = {}
    try:
        waiting: list[tuple[int, Any]] = [(1, item) for item in reversed(reader.outline)]
        while waiting:
            level, item = waiting.pop()
            if isinstance(item, list):
                waiting += [(level + 1, below) for below in reversed(item)]
                continue
            page = reader.get_destination_page_number(item)
            title = " ".join(str(item.title).split())
            if page is not None and page >= 0 and title and level <= OUTLINE_DEPTH:
                found.setdefault(page + 1, []).append((level, title))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - of any sort, and only the headings are lost
        return {}
    return found


def _page(text: str, number: int, titles: Iterable[tuple[int, str]]) -> Iterator[Block]:
    """Its paragraphs; a bookmark without a line of its own is a heading at the top."""
    lines = text.split("\n")
    places: dict[int, tuple[int, str]] = {}
    places_from = 0
    for level, title in titles:
        at = next((at for at in range(places_from, len(lines)) if _same(lines[at], title)), None)
        if at is None:
            yield Block(title, level, number)
        else:
            places[at], places_from = (level, title), at + 1
    start = 0
    for at in [*places, len(lines)]:
        for block in paragraphs((f"{line}\n" for line in lines[start:at]), hyphens=True):
            yield dataclasses.replace(block, page=number)
        if at in places:
            level, title = places[at]
            yield Block(title, level, number)
        start = at + 1


def _same(line: str, title: str) -> bool:
    """Whether a line is a title, with or without its number."""
    words, wanted = line.lower().split(), title.lower().split()
    return words == wanted or words[1:] == wanted or words == wanted[1:] != []
