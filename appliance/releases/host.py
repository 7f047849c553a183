"""This box, as far as a bundle asks for it."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.releases.manifest import Manifest

CPUINFO: Final = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """`cpu` are the kernel's names of what the processor can do; `venv` is whether Python can make environments."""

    machine: str
    python: str
    venv: bool
    glibc: str
    cpu: frozenset[str]
    nvidia: bool

    def lacks(self, manifest: Manifest) -> list[str]:
        """Why this box cannot run the bundle, a sentence each; nothing if it can."""
        why: list[str] = []
        if manifest.machine != self.machine:
            why.append(f"it is for {manifest.machine} machines, and this one is {self.machine}")
        if self.python not in manifest.python:
            why.append(f"it is for Python {' or '.join(manifest.python)}, and this box has {self.python}")
        elif f"requirements-{self.python}.txt" not in {file.path for file in manifest.files}:
            why.append(f"it has no requirements-{self.python}.txt")
        if not self.venv:
            why.append("this box's Python cannot make environments: install python3-venv")
        if _numbers(self.glibc) < _numbers(manifest.glibc):
            why.append(f"it needs glibc {manifest.glibc}, and this box has {self.glibc or 'none'}")
        if absent := sorted(set(manifest.cpu) - self.cpu):
            why.append(f"it needs a processor with {', '.join(absent)}, and this one has not")
        return why


def here() -> Host:
    """This one."""
    return Host(
        machine=platform.machine(),
        python="{}.{}".format(*sys.version_info),
        venv=find_spec("ensurepip") is not None and find_spec("venv") is not None,
        glibc=(os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc "),
        cpu=_flags(CPUINFO.read_text()),
        nvidia=_nvidia(),
    )


def _flags(text: str) -> frozenset[str]:
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            return frozenset(value.split())
    return frozenset()


def _nvidia() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
