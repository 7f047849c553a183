"""The machine that a bundle is for: its Python, its processor's kind and its C library.

It need not be the machine that makes the bundle, so nothing here asks the running interpreter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from packaging.tags import compatible_tags, cpython_tags

from appliance.bundle.faults import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.tags import Tag

    from appliance.bundle.pins import Pin

OLDEST_GLIBC: Final = 5
"""No manylinux tag is older than glibc 2.5."""
LEGACY: Final = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""Names that wheels carried before the tags named the C library."""
LAST_PATCH: Final = 99
"""Higher than any patch release of a Python."""


@dataclass(frozen=True, slots=True)
class Target:
    """One Python on one kind of Linux machine."""

    python: str
    """Such as "3.11"."""
    machine: str
    """Such as "x86_64"."""
    glibc: str
    """Such as "2.36", which is Debian 12's."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.[0-9]{1,2}", self.python):
            raise BundleError(f"python: {self.python!r} is not of the form 3.11")
        if not re.fullmatch(r"2\.[0-9]{1,2}", self.glibc) or self.glibc_minor < OLDEST_GLIBC:
            raise BundleError(f"glibc: {self.glibc!r} is not of the form 2.36, or is older than 2.{OLDEST_GLIBC}")

    @property
    def glibc_minor(self) -> int:
        """36 of 2.36."""
        return int(self.glibc.split(".")[1])

    @property
    def abis(self) -> tuple[str, ...]:
        """Binary interfaces that this Python loads, the most exact first."""
        return (f"cp{self.python.replace('.', '')}", "abi3", "none")

    @property
    def platforms(self) -> tuple[str, ...]:
        """Platform tags of wheels that run there, the newest C library first."""
        found = []
        for minor in range(self.glibc_minor, OLDEST_GLIBC - 1, -1):
            found.append(f"manylinux_2_{minor}_{self.machine}")
            if minor in LEGACY:
                found.append(f"{LEGACY[minor]}_{self.machine}")
        return tuple(found)

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Every tag that a wheel for it may have, the best first."""
        version = [int(part) for part in self.python.split(".")]
        exact, interpreter = cpython_tags(version, self.abis, self.platforms), f"cp{self.python.replace('.', '')}"
        return (*exact, *compatible_tags(version, interpreter, self.platforms))

    def environment(self, patch: int) -> dict[str, Any]:
        """What markers are compared with, on patch release `patch` of its Python."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.{patch}",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.{patch}",
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }

    def needs(self, pin: Pin) -> bool:
        """Whether any patch release of its Python needs `pin`: which one the box has is not known."""
        marker = pin.marker
        return marker is None or any(marker.evaluate(self.environment(patch)) for patch in (0, LAST_PATCH))

    def needed(self, pins: Iterable[Pin]) -> tuple[Pin, ...]:
        """Those of `pins` that it needs, in their order."""
        return tuple(pin for pin in pins if self.needs(pin))
