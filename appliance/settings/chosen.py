"""The set of models that was chosen while the box ran: a small file in the state folder.

It goes before the settings file, and the environment before it. Without it the settings' own set is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = "chosen.toml"
OVERRULED_BY: Final = "APPLIANCE_MODELS__SET"
"""What goes before the choice, where it is in the environment."""
HEAD: Final = "# Chosen at /v1/admin/models/set. It goes before the settings file; without it the set there is used.\n"


class _Models(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    set: str


class _Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: _Models


msgspec.json.Decoder(_Chosen)  # known from now on: catalog/manifest.py says why


def read(state_dir: Path) -> str | None:
    """The set that is chosen, if one is. Raises `OSError`, and `ValueError` with what is wrong in the file."""
    try:
        data = (state_dir / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return msgspec.toml.decode(data, type=_Chosen).models.set


def written(name: str) -> bytes:
    """The file for a set."""
    return f"{HEAD}[models]\nset = {msgspec.json.encode(name).decode()}\n".encode()


def overruled(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names the set, so that a choice would change nothing."""
    return OVERRULED_BY in environ
