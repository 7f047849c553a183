"""The manifest of a bundle that is made. What it may say, its reader decides: `appliance.releases.manifest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from appliance.bundle.faults import BundleError
from appliance.releases import manifest as manifests
from appliance.releases.bundle import MANIFEST, MOST_MANIFEST_BYTES
from appliance.releases.faults import Refused

if TYPE_CHECKING:
    from appliance.releases.manifest import Manifest


def encode(manifest: Manifest) -> bytes:
    """As it stands in a bundle. Raises BundleError, with the path or the field, if boxes would refuse it."""
    fields = {"format": manifests.FORMAT} | msgspec.to_builtins(manifest)
    text = msgspec.json.format(msgspec.json.encode(fields), indent=1) + b"\n"
    if len(text) > MOST_MANIFEST_BYTES:
        raise BundleError(
            f"{MANIFEST}: has {len(text):,} bytes for {len(manifest.files):,} files, and boxes read"
            f" {MOST_MANIFEST_BYTES:,} at most"
        )
    try:
        manifests.parse(text)
    except Refused as refused:
        raise BundleError(f"boxes would refuse this bundle: {refused}") from refused
    return text
