"""A bundle's manifest: what is in it, and what box it is for."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from appliance.releases.faults import Refused

FORMAT: Final = 1
VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+_-]{0,63}")
PART: Final = re.compile(r"(?![ .-])[ -\[\]-~]{1,200}")
"""Of a path, between slashes: printable, and none begins as a hidden file or an option does."""
TOPS: Final = ("wheels", "systemd", "models", "licences", "debs")
ALONE: Final = re.compile(r"LICENCES\.md|requirements-3\.[0-9]{1,2}\.txt")
MODELS_LOCK: Final = "models/models.lock"


@dataclass(frozen=True, slots=True)
class File:
    """One member of a bundle; `sha256` in lower-case hex."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """See `docs/` for the format. `glibc` is the oldest that will do, `cpu` flags as in /proc/cpuinfo."""

    version: str
    made: str
    python: tuple[str, ...]
    machine: str
    glibc: str
    cpu: tuple[str, ...]
    cuda: str
    set: str
    models: tuple[str, ...]
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        """Of all members."""
        return sum(file.bytes for file in self.files)

    def size_of(self, top: str) -> int:
        """Bytes of all members in one folder."""
        return sum(file.bytes for file in self.files if file.path.startswith(f"{top}/"))


def parse(text: bytes) -> Manifest:
    """Read it. Raises `Refused` with the field that is wrong."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"manifest.json is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise Refused("manifest.json is no object")
    if told.get("format") != FORMAT:
        raise Refused(f"manifest.json: format is {told.get('format')!r}, and this program reads {FORMAT} only")
    version = _text(told, "version")
    if not VERSION.fullmatch(version):
        raise Refused(f"manifest.json: version {version!r} is not one that a folder may be named after")
    files = tuple(_file(entry) for entry in _list(told, "files"))
    _check_names([file.path for file in files])
    return Manifest(
        version=version, made=_text(told, "made"), python=_texts(told, "python"), machine=_text(told, "machine"),
        glibc=_text(told, "glibc"), cpu=_texts(told, "cpu"), cuda=_text(told, "cuda"), set=_text(told, "set"),
        models=_texts(told, "models"), files=files,
    )  # fmt: skip


def _check_names(paths: list[str]) -> None:
    known = set(paths)
    if len(known) != len(paths):
        twice = next(path for path, times in Counter(paths).items() if times > 1)
        raise Refused(f"manifest.json: {twice} is named twice")
    for path in paths:
        parts = path.split("/")
        placed = parts[0] in TOPS and len(parts) > 1
        whole = all(PART.fullmatch(part) for part in parts) and len(parts) <= 12
        if not (whole and (placed or ALONE.fullmatch(path))):
            raise Refused(
                f"manifest.json: files: {path!r} is no path that belongs into a bundle: one begins with"
                f" {', '.join(f'{top}/' for top in TOPS)}, and no part has a backslash or other than printable"
                " ASCII, or begins with a dot, a hyphen or a space"
            )
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in known:
                raise Refused(f"manifest.json: files: {path} lies in a file")


def _file(entry: Any) -> File:
    if not isinstance(entry, dict):
        raise Refused("manifest.json: files: an entry is no object")
    path, digest, size = _text(entry, "path"), _text(entry, "sha256"), entry.get("bytes")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Refused(f"manifest.json: files: {path!r}: bytes is no size")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise Refused(f"manifest.json: files: {path!r}: sha256 is no digest")
    return File(path, size, digest)


def _text(told: dict[str, Any], field: str) -> str:
    value = told.get(field)
    if not isinstance(value, str):
        raise Refused(f"manifest.json: {field} is no text")
    return value


def _list(told: dict[str, Any], field: str) -> list[Any]:
    value = told.get(field)
    if not isinstance(value, list):
        raise Refused(f"manifest.json: {field} is no list")
    return value


def _texts(told: dict[str, Any], field: str) -> tuple[str, ...]:
    values = _list(told, field)
    if not all(isinstance(value, str) for value in values):
        raise Refused(f"manifest.json: {field} is no list of texts")
    return tuple(values)
