"""What must not be on a page that people send to each other."""

from __future__ import annotations

import re
from typing import Final

KEYS: Final = re.compile(
    r"(?<![A-Za-z])va_[0-9A-Za-z]{4,}(?:_[0-9A-Za-z]+)?"  # API keys, whole or cut
    r"|AGE-SECRET-KEY-[0-9A-Z-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?i:bearer) +\S+"
    r"|(?<=://)[^/\s@]+:[^/\s@]*(?=@)",  # user and password of an address
    re.DOTALL,
)
VALUES: Final = re.compile(r"(?<=Invalid enum value ).*?(?= - at| *\Z)", re.DOTALL)
"""What a wrong setting was set to, where its error says so: anything may have been pasted there."""


def redacted(text: str) -> str:
    """The same without keys and passwords, and on one line."""
    return " ".join(KEYS.sub("[secret]", text).split())


def without_values(sentence: str) -> str:
    """An error of the settings without the value that is wrong; the file and the line say where it is."""
    return redacted(VALUES.sub("[not shown]", sentence))
