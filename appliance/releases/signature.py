"""Who made a bundle: OpenSSH's signatures over its manifest (the format is OpenSSH's PROTOCOL.sshsig)."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from appliance.releases.faults import Failed, Refused
from appliance.releases.running import run

PRINCIPAL: Final = "bundle"
NAMESPACE: Final = "appliance-bundle"
SECONDS: Final = 20.0


def verify(manifest: bytes, signature: bytes | None, signers: Path, *, unsigned: bool) -> str:
    """The key that signed, as a person compares it. Raises `Refused`; `unsigned`: a missing signature is borne."""
    if signature is None:
        if unsigned:
            return "nobody: it is unsigned, which --unsigned allows"
        raise Refused("the bundle is not signed; if you trust it all the same: --unsigned")
    if not signers.is_file():
        raise Refused(f"{signers}: there is no list of the keys that bundles may be signed with")
    with tempfile.TemporaryDirectory(prefix="appliance-release-") as folder:
        file = Path(folder) / "manifest.json.sig"
        file.write_bytes(signature)
        command: list[str | Path] = ["ssh-keygen", "-Y", "verify", "-f", signers.absolute()]
        command += ["-I", PRINCIPAL, "-n", NAMESPACE, "-s", file]
        try:
            said = run(command, SECONDS, stdin=manifest)
        except Failed as failed:
            raise Refused(
                f"the bundle's signature is not good: no key in {signers} has signed this manifest\n{failed}"
            ) from failed
    found = re.search(r"with (\S+ key \S+)", said)
    return found[1] if found else "a key that is known"
