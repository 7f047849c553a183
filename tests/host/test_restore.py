"""A dead disk: a fresh host gets back what the newest backup remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from host.appliances import door, variables
from host.household import forgotten, household, until_acknowledged
from host.playbook import play

if TYPE_CHECKING:
    from pathlib import Path

    from host.machine import Machine
    from host.releases import Signer

BACKUPS = "/var/backups/appliance"


def test_a_backup_comes_back(trixie: Machine, bundle: Path, folder: Path, signer: Signer) -> None:
    way_in = door(trixie, folder)
    with household(way_in, speakers=0) as everybody:
        until_acknowledged(everybody, 4)
    trixie.run("systemctl start appliance-backup.service")
    kept = folder / "kept"
    kept.mkdir()
    for name in trixie.run(f"ls {BACKUPS}").out.split():
        (kept / name).write_bytes(trixie.fetch(f"{BACKUPS}/{name}"))
    backup = variables(bundle, signer, appliance_backup_file=str(kept))
    refused = play("restore.yml", [trixie], backup, folder, fails=True)
    assert "appliance_restore_over" in refused.said, "what it remembers would be lost"
    trixie.run(
        "systemctl stop appliance.socket appliance.service; "
        "find /var/lib/appliance /var/backups/appliance /etc/appliance/credentials -mindepth 1 -delete"
    )
    play("restore.yml", [trixie], backup, folder)
    assert forgotten(way_in, everybody) == [], "the key of then opens it, and what was said is there"
