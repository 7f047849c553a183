"""Signing, with OpenSSH's own program: administrators have keys for it, and boxes verify with it.

Formats and words are those of ssh-keygen(1), -Y sign.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from appliance.bundle.faults import BundleError
from appliance.releases.bundle import MANIFEST, SIGNATURE
from appliance.releases.signature import NAMESPACE


def sign(manifest: bytes, key: Path) -> bytes:
    """The signature of a manifest; a key with a passphrase is asked for it on the terminal. Raises BundleError."""
    with tempfile.TemporaryDirectory(prefix="sign-") as aside:
        file, made = Path(aside) / MANIFEST, Path(aside) / SIGNATURE
        file.write_bytes(manifest)
        try:
            done = subprocess.run(  # without a deadline: a passphrase is asked for by a person
                ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(file)],  # noqa: S607 - wherever it is
                input=b"",
                capture_output=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise BundleError("ssh-keygen is not on this machine; Debian has it in openssh-client") from error
        if done.returncode != 0 or not made.is_file():
            said = (done.stderr or done.stdout).decode(errors="replace").strip() or f"status {done.returncode}"
            raise BundleError(f"{key}: ssh-keygen could not sign with it: {said}")
        return made.read_bytes()
