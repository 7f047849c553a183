"""The files of the page, as they leave: read once, compressed once, each with what a browser has to know of it."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import appliance

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(appliance.__file__).parent / "page"
KINDS: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain",
}
"""What is served, by the end of a name. Types for the developers are not."""
INDEX: Final = "index.html"
DIGEST: Final = "{digest}"
"""Where a file names the folder of the others, which changes with any of them."""
LANGUAGES: Final = "{languages}"
PRELOADS: Final = "{preloads}"
MAIN: Final = "js/main.js"
IMPORTED: Final = re.compile(r"""^(?:import|export)\b[^;"'=(]*\bfrom\s*["'](\.[^"']+\.js)["']""", re.MULTILINE)
"""What a module imports at its beginning, as opposed to what it asks for later by `import(…)`."""
STYLES: Final = "style/"
STYLE: Final = "style.css"
FIRST_STYLES: Final = ("style/base.css", "style/parts.css")
"""The others go further into what these say."""


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file, raw and as gzip."""

    media_type: str
    raw: bytes
    packed: bytes


@dataclass(frozen=True, slots=True)
class PageFiles:
    """All files by their path below the folder. `digest` is another one where any of them is."""

    digest: str
    files: Mapping[str, PageFile]


@cache
def page_files(folder: Path = FOLDER) -> PageFiles:
    """What is in a folder."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in KINDS and path.name != "tsconfig.json"
    }
    styles = [name for name in found if name.startswith(STYLES)]
    found[STYLE] = b"\n".join(
        found.pop(name) for name in sorted(styles, key=lambda name: (name not in FIRST_STYLES, name))
    )
    whole = hashlib.sha256()
    for name, raw in found.items():
        whole.update(f"{name}\0{len(raw)}\0".encode() + raw)
    digest = whole.hexdigest()[:12]
    found[INDEX] = _index(found, digest)
    return PageFiles(digest, {name: _file(name, raw) for name, raw in found.items()})


def _index(found: Mapping[str, bytes], digest: str) -> bytes:
    """The page's own file, which names what it begins with, so that that is fetched at once, not one behind another."""
    modules = sorted(_reached(found, MAIN))
    preloads = "\n".join(f'<link rel="modulepreload" href="/page/{digest}/{name}">' for name in modules)
    languages = " ".join(Path(name).stem for name in found if name.startswith("words/"))
    text = found[INDEX].decode()
    return text.replace(PRELOADS, preloads).replace(LANGUAGES, languages).replace(DIGEST, digest).encode()


def _reached(found: Mapping[str, bytes], begin: str) -> set[str]:
    """A module and all that it imports, directly or not."""
    reached, waiting = {begin}, [begin]
    while waiting:
        name = waiting.pop()
        for target in IMPORTED.findall(found[name].decode()):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            if path not in reached:
                reached.add(path)
                waiting.append(path)
    return reached


def _file(name: str, raw: bytes) -> PageFile:
    return PageFile(KINDS[Path(name).suffix], raw, gzip.compress(raw, 9, mtime=0))
