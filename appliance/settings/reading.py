"""Where the settings come from: a file, the environment, the command line. Whatever is wrong is said with its place."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from appliance.settings.sections import SECTIONS, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "APPLIANCE_"


class SettingsError(Exception):
    """A setting is unknown or wrong; the message says where and how to mend it."""


def load(
    file: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    state_dir: Path | None = None,
) -> Settings:
    """Read the settings: defaults, then `file`, then the environment, then `overrides` (the command line).

    Raises `SettingsError` at the first key that is unknown or has a wrong value.
    """
    values: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    if file is not None:
        _read_file(file, values)
    _read_environment(os.environ if environ is None else environ, values)
    for section, fields in (overrides or {}).items():
        for key, value in fields.items():
            values[section][key] = _checked(section, key, value, f"--{key.replace('_', '-')}")
    sections = {name: SECTIONS[name](**fields) for name, fields in values.items()}
    return Settings(state_dir=state_dir or Path(".state"), file=file, **sections)  # type: ignore[arg-type]


def _read_file(file: Path, values: dict[str, dict[str, Any]]) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: is not TOML: {error}") from error
    for section, fields in table.items():
        where = f"{file}:{_line_of(text, section, None)}"
        if section not in SECTIONS:
            raise SettingsError(f"{where}: there is no section [{section}]; there are {_names(SECTIONS)}")
        if not isinstance(fields, dict):
            raise SettingsError(f"{where}: {section} is a section: write it as [{section}] with its fields below")
        for key, value in fields.items():
            values[section][key] = _checked(section, key, value, f"{file}:{_line_of(text, section, key)}")


def _read_environment(environ: Mapping[str, str], values: dict[str, dict[str, Any]]) -> None:
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
        if not separator or section not in SECTIONS:
            raise SettingsError(f"{name}: no such setting; the form is {PREFIX}SECTION__FIELD with {_names(SECTIONS)}")
        value: str | list[str] = environ[name]
        if isinstance(getattr(SECTIONS[section](), key, None), tuple):
            value = re.findall(r"[^\s,\[\]]+", environ[name])
        values[section][key] = _checked(section, key, value, name, strict=False)


def _checked(section: str, key: str, value: object, where: str, *, strict: bool = True) -> Any:
    hints = get_type_hints(SECTIONS[section], include_extras=True)
    if key not in hints:
        raise SettingsError(f"{where}: [{section}] has no field {key!r}; it has {_names(hints)}")
    try:
        return msgspec.convert(value, hints[key], strict=strict)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {section}.{key}: {error}") from error


def _names(names: Mapping[str, object]) -> str:
    return ", ".join(names)


def _line_of(text: str, section: str, key: str | None) -> int:
    """Line of `[section]`, or of `key` inside it. The TOML parser keeps no positions, so look again."""
    inside = found = 0
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*([^\]]+?)\s*\]", line)
        if header:
            inside = header[1].strip("\"'") == section
        if (inside and header) or (not inside and re.match(rf"\s*[\"']?{re.escape(section)}[\"']?\s*[=.]", line)):
            found = found or number
        if key and inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
            return number
    return found or 1
