"""Licences: the texts that come in each wheel, and one table of everything in a bundle."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from packaging.utils import canonicalize_name

from appliance.bundle.faults import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message
    from pathlib import Path

    from appliance.catalog.manifest import Model

TEXTS: Final = re.compile(r"(licen[cs]e|copying|notice|authors|copyright|patents)", re.IGNORECASE)
"""Names of files beside a wheel's METADATA that are about rights; newer wheels have them in licenses/ and sboms/."""
LONGEST: Final = 80
"""Characters of a licence's name: some packages put the whole text into that field."""
INSIDE: Final = {
    # Libraries under a copyleft licence that wheels bring along without saying so in their own.
    "libx264": "GPL-2.0-or-later",
    "libx265": "GPL-2.0-or-later",
    "libavcodec": "LGPL-3.0-or-later",
    "libmp3lame": "LGPL-2.0-or-later",
    "libgnutls": "LGPL-2.1-or-later",
    "libgmp": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libnettle": "LGPL-3.0-or-later OR GPL-2.0-or-later",
}


@dataclass(frozen=True, slots=True)
class Rights:
    """What a wheel says of its licence."""

    name: str
    version: str
    licence: str
    texts: dict[str, bytes]
    """By path below the package's own folder."""
    inside: tuple[str, ...]
    """Libraries in it, each with its licence."""
    repository: str
    """Address of its source as its METADATA says, or ""."""

    @property
    def folder(self) -> str:
        """Where its texts are in a bundle."""
        return f"licences/{self.name}-{self.version}"

    @property
    def source(self) -> str:
        """File name of its source archive in a package index, as packages are named there today."""
        return f"{self.name.replace('-', '_')}-{self.version}.tar.gz"

    @property
    def is_gpl(self) -> bool:
        """Whether the package is under the GPL: whoever passes it on also passes on its source, or says where it is."""
        return bool(re.search(r"\bGPL|General Public", self.licence)) and "LGPL" not in self.licence


def read(wheel: Path) -> Rights:
    """The rights in a wheel. Raises BundleError if it has no METADATA."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if not name.endswith("/")]
            (metadata,) = [name for name in members if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
            folder = metadata.split("/")[0]
            head = message_from_bytes(archive.read(metadata))
            texts = {
                path: archive.read(f"{folder}/{path}")
                for path in sorted(name.removeprefix(f"{folder}/") for name in members if name.startswith(f"{folder}/"))
                if path.startswith(("licenses/", "sboms/")) or ("/" not in path and TEXTS.match(path))
            }
    except (ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{wheel}: is not a wheel: {error}") from error
    found = {PurePosixPath(name).name.split("-")[0].split(".")[0] for name in members if ".so" in name}
    inside = tuple(f"{name} ({licence})" for name, licence in INSIDE.items() if name in found)
    return Rights(canonicalize_name(head["Name"]), head["Version"], _licence(head), texts, inside, _repository(head))


def _licence(head: Message) -> str:
    """As newer packages say it, or older ones, or the oldest."""
    if expression := head["License-Expression"]:
        return str(expression)
    said = str(head["License"] or "").strip().splitlines()
    if said and len(said[0]) <= LONGEST:
        return said[0].strip()
    classifiers = [line for line in head.get_all("Classifier", []) if line.startswith("License ::")]
    return ", ".join(line.split(" :: ")[-1] for line in classifiers) or "not said"


def _repository(head: Message) -> str:
    links = dict(line.split(", ", 1) for line in head.get_all("Project-URL", []) if ", " in line)
    named = {label.lower(): address for label, address in links.items()}
    found = (named[label] for label in ("source", "source code", "repository", "code", "homepage") if label in named)
    return next(found, str(head["Home-page"] or ""))


def table(rights: Iterable[Rights], models: Iterable[Model]) -> str:
    """LICENCES.md of a bundle."""
    packages = sorted(rights, key=lambda each: (each.name, each.version))
    lines = ["# Licences", "", "Texts are in `licences/`, as each package brings them.", "", "## Packages", ""]
    lines += ["| name | version | licence | copyleft libraries inside |", "|---|---|---|---|"]
    lines += [_row(each.name, each.version, each.licence, ", ".join(each.inside)) for each in packages]
    if gpl := [each for each in packages if each.is_gpl]:
        lines += ["", "## Under the GNU General Public License", ""]
        lines += [
            f"- {each.name} {each.version}: {each.licence}. Its source: `{each.source}`{_at(each.repository)}."
            for each in gpl
        ]
    without = [f"{each.name} {each.version}" for each in packages if not each.texts]
    if without:
        lines += ["", f"Packages that bring no text: {', '.join(without)}."]
    lines += ["", "## Models", "", "| name | role | licence |", "|---|---|---|"]
    lines += [_row(model.name, model.role, model.licence) for model in sorted(models, key=lambda each: each.name)]
    return "\n".join([*lines, ""])


def _at(repository: str) -> str:
    return f" in a package index, or {repository}" if repository else " in a package index"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
