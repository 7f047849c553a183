"""The Debian packages in a bundle, verified: `unpack_packages.py BUNDLE SUITE FOLDER SIGNERS [--unsigned]`.

The installer passes them over, since what it needs may be among them. Only plain files that the signed manifest names,
with its digests, come out; FOLDER/SUITE is there whole or not at all. Ends with status 2 where the bundle has none.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

MOST_BYTES = 16_000_000


def verify(manifest: bytes, signature: bytes, signers: str) -> None:
    """Raise SystemExit unless one of the signers has signed the manifest."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(signature)
        file.flush()
        command = f"ssh-keygen -Y verify -f {signers} -I bundle -n appliance-bundle -s {file.name}".split()
        done = subprocess.run(command, input=manifest, capture_output=True, check=False, timeout=60)
    if done.returncode:
        sys.exit(f"the bundle's signature is not good: {done.stdout.decode()}{done.stderr.decode()}")


def main(bundle: str, suite: str, folder: str, signers: str, *flags: str) -> None:
    """Unpack one suite's packages."""
    wanted = f"debs/{suite}/"
    to = Path(folder) / suite
    aside = Path(folder) / f".{suite}.new"
    with tarfile.open(bundle, "r:") as tar:
        first = tar.next()
        if first is None or first.name != "manifest.json" or first.size > MOST_BYTES:
            sys.exit("this is no bundle: manifest.json does not come first")
        head = tar.extractfile(first).read()
        member = tar.next()
        if member is not None and member.name == "manifest.json.sig" and member.size < MOST_BYTES:
            verify(head, tar.extractfile(member).read(), signers)
            member = tar.next()
        elif "--unsigned" not in flags:
            sys.exit("the bundle is not signed")
        named = {file["path"]: file for file in json.loads(head)["files"] if file["path"].startswith(wanted)}
        if not named:
            sys.stderr.write(f"the bundle has no packages for {suite}\n")
            sys.exit(2)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        while member is not None:
            if member.name.startswith(wanted):
                file, name = named.pop(member.name, None), member.name.removeprefix(wanted)
                if file is None or not member.isreg() or "/" in name or name in {"", ".", ".."}:
                    sys.exit(f"{member.name} is not in the manifest, or no plain file beside the others")
                data, digest = tar.extractfile(member), hashlib.sha256()
                with (aside / name).open("xb") as out:
                    while chunk := data.read(1 << 20):
                        digest.update(chunk)
                        out.write(chunk)
                if digest.hexdigest() != file["sha256"]:
                    sys.exit(f"{member.name} is damaged")
            member = tar.next()
    if named:
        sys.exit(f"the bundle lacks {min(named)}")
    aside.replace(to)


main(*sys.argv[1:])
