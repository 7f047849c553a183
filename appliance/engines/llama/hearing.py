"""What llama.cpp says while it works, which is very much: kept from standard error, and the reason of a failure taken
from it. Its log is the process's."""

from __future__ import annotations

import ctypes
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import llama_cpp

if TYPE_CHECKING:
    from collections.abc import Iterator

ERROR: Final = 4
"""`GGML_LOG_LEVEL_ERROR`."""

PREFIX: Final = re.compile(r"^\w+: (error loading model: )?")
"""The name of the function that complains."""


@dataclass(slots=True)
class Complaints:
    """Lines of level error, in order."""

    lines: list[str] = field(default_factory=list)

    @property
    def first(self) -> str:
        """The first line without the names of llama.cpp's functions: the later ones only repeat that it failed."""
        return PREFIX.sub("", self.lines[0]) if self.lines else "no reason given"


@contextmanager
def complaints() -> Iterator[Complaints]:
    """Hear llama.cpp's errors and let nothing else through, then give its log back to who had it."""
    said = Complaints()

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def hear(level: int, text: bytes, _: object) -> None:
        if level == ERROR:
            said.lines.append(text.decode(errors="replace").strip())

    before, data = llama_cpp.llama_log_callback(), ctypes.c_void_p()
    llama_cpp.llama_log_get(ctypes.byref(before), ctypes.byref(data))
    llama_cpp.llama_log_set(hear, ctypes.c_void_p())
    try:
        yield said
    finally:
        llama_cpp.llama_log_set(before, data)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _unheard(_level: int, _line: bytes, _data: object) -> None:
    pass


def hush() -> None:
    """From now on nothing that llama.cpp says is heard: its complaints can quote a text or a grammar."""
    llama_cpp.llama_log_set(_unheard, ctypes.c_void_p())
