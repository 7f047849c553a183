"""What is said of a bundle: what is in it, and whether it is whole and signed. It is read as a box reads it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.bundle.faults import BadBundle, BundleError
from appliance.releases import signature
from appliance.releases.bundle import Bundle, parse
from appliance.releases.faults import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.catalog.listener import Listener
    from appliance.releases.bundle import Head
    from appliance.releases.manifest import Manifest


def look(path: Path) -> tuple[Manifest, Head]:
    """What comes first in it, parsed and as it stands there. Nothing is verified. Raises BundleError."""
    with _opened(path) as bundle:
        head = bundle.head()
        return parse(head), head


def verify(path: Path, signers: Path, listener: Listener, *, unsigned: bool) -> tuple[Manifest, str]:
    """Compare everything, the signature first; and who signed it. `unsigned`: a missing signature is borne.

    Raises BadBundle where a box would refuse it, whatever box it is.
    """
    with _opened(path) as bundle:
        head = bundle.head()
        signed = signature.verify(head.text, head.signature, signers, unsigned=unsigned)
        manifest = parse(head)
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            listener.progress("verifying", done, manifest.bytes)

        bundle.unpack(manifest, None, count=count)
        return manifest, signed


@contextmanager
def _opened(path: Path) -> Iterator[Bundle]:
    try:
        with path.open("rb") as file:
            yield Bundle(file)
    except Refused as refused:
        raise BadBundle(f"{path}: {refused}") from refused
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error


def kinds(manifest: Manifest) -> dict[str, tuple[int, int]]:
    """Members and their bytes, by the folder that they are in."""
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for file in manifest.files:
        kind = file.path.split("/")[0]
        count[kind] += 1
        size[kind] += file.bytes
    return {kind: (count[kind], size[kind]) for kind in sorted(count)}
