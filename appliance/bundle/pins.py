"""Pins: what a lock file names, each with the digests that it may have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from appliance.bundle.faults import BundleError

if TYPE_CHECKING:
    from pathlib import Path

_HASH: Final = re.compile(r"\s--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package at one version."""

    name: str
    """As canonical names are written: lower case, with hyphens."""
    version: str
    marker: Marker | None
    """Where it is needed; None: everywhere."""
    sha256: frozenset[str]

    @property
    def requirement(self) -> str:
        """As pip takes it, without the marker."""
        return f"{self.name}=={self.version}"

    @property
    def line(self) -> str:
        """As it stands in a requirements file, with every digest and without the marker."""
        return " ".join([self.requirement, *(f"--hash=sha256:{digest}" for digest in sorted(self.sha256))])


def read(path: Path) -> tuple[Pin, ...]:
    """The pins of a lock file, in its order. Raises BundleError for a line that is not NAME==VERSION with hashes."""
    try:
        text = path.read_text()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return tuple(_pin(line, path) for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _pin(line: str, path: Path) -> Pin:
    digests = frozenset(_HASH.findall(line))
    wanted = _HASH.sub("", line).strip()
    try:
        requirement = Requirement(wanted)
    except InvalidRequirement as error:
        raise BundleError(f"{path}: {wanted}: is not a requirement: {error}") from error
    exact = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
    if exact is None or not digests:
        raise BundleError(f"{path}: {wanted}: is not locked: it must be NAME==VERSION with --hash=sha256:…")
    return Pin(canonicalize_name(requirement.name), exact[1], requirement.marker, digests)
