"""Known vulnerabilities in what the lock files name: `python .ci/audit.py LOCK...`, with what `safety.lock` has.

A vulnerability fails, unless `tool.audit.ignore` in pyproject.toml has its id, a reason and a date. What could not be
looked up, because nobody answers or the source does not know it, is said in one line and fails nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

SECONDS = 300
SILENT = ("requests.exceptions.", "Could not connect", "not redirecting", "ServiceError")
"""In the last line of pip-audit's complaint where nobody answered it."""
COMMAND = ("-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")


def asked(locks: list[str]) -> list[dict[str, Any]] | None:
    """What pip-audit says of each package; None if it could not ask. Any other failure of it ends this."""
    given = [part for lock in locks for part in ("--requirement", lock)]
    try:
        done = subprocess.run(
            [sys.executable, *COMMAND, *given], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    if done.stdout:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
        return found
    reason = done.stderr.strip().rpartition("\n")[2]
    if any(sign in reason for sign in SILENT):
        return None
    sys.exit(f"audit: pip-audit failed: {reason}")


def ignored() -> set[str]:
    """Ids that are known and borne."""
    project = tomllib.loads(Path("pyproject.toml").read_text())
    entries = project["tool"].get("audit", {}).get("ignore", [])
    for entry in entries:
        if missing := {"id", "reason", "date"} - set(entry):
            sys.exit(f"audit: an ignored vulnerability lacks {', '.join(sorted(missing))}: {entry}")
    return {entry["id"] for entry in entries}


def judged(packages: list[dict[str, Any]], borne: set[str]) -> tuple[list[str], int]:
    """A line for each vulnerability that is not borne, and how many packages were not looked up."""
    lines = [
        f"{package['name']} {package['version']}: {found['id']}, mended in {' '.join(found['fix_versions']) or 'none'}"
        for package in packages
        for found in package.get("vulns", ())
        if not borne & {found["id"], *found["aliases"]}
    ]
    return lines, sum("skip_reason" in package for package in packages)


def main(locks: list[str]) -> int:
    """Exit status."""
    borne, packages = ignored(), asked(locks)
    if packages is None:
        print("audit: NOT DONE: the source of advisories does not answer")
        return 0
    lines, unknown = judged(packages, borne)
    if unknown:
        print(f"audit: NOT DONE for {unknown} of {len(packages)} packages: the source of advisories does not know them")
    if looked_up := len(packages) - unknown:
        print("\n".join(lines) or f"audit: nothing known against {looked_up} packages")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
