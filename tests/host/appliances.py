"""Test hosts that became appliances, and how they are spoken with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from host.household import Door
from host.playbook import play

if TYPE_CHECKING:
    from pathlib import Path

    from host.machine import Machine
    from host.playbook import Play
    from host.releases import Signer

SETTINGS: Final = {"voice": {"max_reply_tokens": 32, "temperature": 0}}
"""Replies that have words each time, and no spoken turn that is longer than the 12 s which an answer has
when the service stops: 160 tokens may sound for 40."""
AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"


def variables(bundle: Path, signer: Signer, **more: Any) -> dict[str, Any]:
    """What an administrator would write into the inventory of a box that is installed from a bundle.

    `appliance_settings` go on top of `SETTINGS`, field by field.
    """
    given = more.get("appliance_settings", {})
    return {
        "appliance_bundle": str(bundle),
        "appliance_bundle_signers": [signer.public],
        **more,
        "appliance_settings": {name: SETTINGS.get(name, {}) | given.get(name, {}) for name in SETTINGS | given},
    }


def provision(machine: Machine, bundle: Path, signer: Signer, folder: Path, **more: Any) -> Play:
    """Run site.yml on one host."""
    return play("site.yml", [machine], variables(bundle, signer, **more), folder)


def door(machine: Machine, folder: Path) -> Door:
    """The way in over TLS, for an administrator."""
    authority = folder / f"{machine.name}.crt"
    authority.write_text(machine.read(AUTHORITY))
    machine.key = machine.key or machine.read("/var/lib/appliance/admin.key").strip()
    return Door(f"https://{machine.address}", authority, machine.key)
