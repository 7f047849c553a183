"""Wake words that the box can hear: microWakeWord's models, from wherever their package is installed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

PACKAGE: Final = "pymicro_wakeword"


class _Model(msgspec.Struct):
    wake_word: str
    model: str
    author: str = ""
    website: str = ""
    version: int = 1
    trained_languages: list[str] = []


@dataclass(frozen=True, slots=True)
class WakeWord:
    """One model; `file` describes it, beside its weights."""

    name: str
    phrase: str
    languages: tuple[str, ...]
    author: str
    website: str
    version: str
    file: Path


def wake_words() -> list[WakeWord]:
    """Those that are installed, by name. Nothing of the package is imported for it."""
    spec = find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    return [_read(file) for folder in folders or () for file in sorted(Path(folder, "models").glob("*.json"))]


def _read(file: Path) -> WakeWord:
    model = msgspec.json.decode(file.read_bytes(), type=_Model)
    languages = tuple(model.trained_languages)
    return WakeWord(file.stem, model.wake_word, languages, model.author, model.website, str(model.version), file)
