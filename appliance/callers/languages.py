"""Languages by their codes."""

from __future__ import annotations

import re
from typing import Final

from appliance.errors import RequestError

LANGUAGES: Final = frozenset(
    re.findall(
        r"\w+",
        """
        af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id
        is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd
        si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh
        """,
    )
)
"""Those of Whisper."""


def language_code(given: str, param: str) -> str:
    """The first part of a tag such as en-US. Raises `RequestError` for a language that Whisper does not know."""
    language = given.lower().replace("_", "-").split("-")[0]
    if language not in LANGUAGES:
        raise RequestError(
            f"The language {given[:32]!r} is not known; give an ISO 639-1 code such as 'en' or 'de'.", param=param
        )
    return language
