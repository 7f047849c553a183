"""What a role's variables are said to be is what they are, and the list of its packages is whole."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from appliance.settings.wyoming import Wyoming

yaml = pytest.importorskip("yaml")
ANSIBLE = Path(__file__).parents[2] / "ansible"
ROLES = sorted(path for path in (ANSIBLE / "roles").iterdir() if path.is_dir())


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_variable_is_described_with_its_default(role: Path) -> None:
    options = read(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    described = {name: option["default"] for name, option in options.items()}
    assert described == read(role / "defaults" / "main.yml")
    assert all(option["description"] for option in options.values())
    assert all(name.startswith(f"{role.name}_") for name in options)


def test_a_bundle_brings_every_package_that_a_role_may_install() -> None:
    listed = {line for line in (ANSIBLE / "packages.txt").read_text().splitlines() if line and line[0] != "#"}
    everything = {name: True for role in ROLES for name in read(role / "defaults" / "main.yml")}
    everything |= read(ANSIBLE / "roles/base/defaults/main.yml")
    wanted: set[str] = set()
    for role in ("hardening", "proxy", "monitoring", "base"):
        for name, packages in read(ANSIBLE / "roles" / role / "vars" / "main.yml").items():
            if isinstance(packages, str) and "_packages" in name:
                given = everything | {"hardening_time_service": "systemd-timesyncd", "base_timezone": "Etc/UTC"}
                packages = compiled(packages)(**given)
            if "_packages" in name:
                everything[name] = packages
                wanted |= set(packages)
    assert wanted == listed


def test_the_door_for_home_assistant_is_as_the_settings_have_it() -> None:
    usual = read(ANSIBLE / "roles/appliance/vars/main.yml")["appliance_wyoming_usual"]
    settings = {name: getattr(Wyoming(), name) for name in usual}
    assert {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()} == usual


RULES = Environment(autoescape=False, trim_blocks=True)  # noqa: S701 - as Ansible has it, of what is no page
RULES.tests["search"] = lambda text, pattern: re.search(pattern, text) is not None
CLOSED: dict[str, Any] = {
    "hardening_ssh_from": [], "hardening_ssh_port": 22, "proxy_enabled": False, "monitoring_enabled": False,
    "hardening_extra_ports": [], "hardening_no_egress": True, "hardening_egress_to": [], "hardening_dns_servers": [],
    "hardening_ntp_servers": [], "appliance_wyoming": {"port": 10300}, "appliance_wyoming_from": [],
    "appliance_wyoming_called": [], "appliance_drop_ins": [],
}  # fmt: skip


def rules(**changed: Any) -> set[str]:
    """What the firewall lets through beyond a box that is closed."""
    template = RULES.from_string((ANSIBLE / "roles/hardening/templates/nftables.conf.j2").read_text())
    opened, closed = (template.render(CLOSED | each).splitlines() for each in (changed, {}))
    assert set(closed) <= set(opened)
    return {line.strip() for line in opened if line not in closed}


def test_the_firewall_opens_that_door_to_those_who_may_use_it() -> None:
    assert rules(appliance_wyoming_from=["192.0.2.0/24", "fd00::/8"]) == {
        "ip saddr { 192.0.2.0/24 } tcp dport 10300 accept", "ip6 saddr { fd00::/8 } tcp dport 10300 accept",
    }  # fmt: skip
    assert rules(appliance_wyoming_called=[["192.0.2.9", "10700"]]) == {"ip daddr { 192.0.2.9 } tcp dport 10700 accept"}
    found = rules(appliance_drop_ins=["discovery.conf"])
    assert found == {
        "ip daddr 224.0.0.251 udp dport 5353 accept", "ip6 daddr ff02::fb udp dport 5353 accept",
        "ip6 daddr { fe80::/10 } udp sport 5353 accept",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"networks": {"wyoming.allow": ["192.0.2.7/24"]}}, "wyoming.allow: 192.0.2.7/24 has host bits set."),
        ({"networks": {"wyoming.allow": ["home"]}}, "wyoming.allow: 'home' does not appear to be an IPv4"),
        ({"lists": {"wyoming.satellites": ["kitchen"]}}, "wyoming.satellites has 'kitchen', which is no address"),
        ({"listen": {"wyoming.host": "192.0.2.1:10300"}}, "wyoming.host is 192.0.2.1:10300, whose address is not one"),
        ({"networks": {"wyoming.allow": ["192.0.2.0/24", "fd00::/8"]}, "listen": {"a": "0.0.0.0:10300"}}, ""),
    ],
)  # fmt: skip
def test_what_is_no_network_is_said_before_anything_is_changed(what: dict[str, Any], said: str) -> None:
    asked = {"user": "root", "connection": "", "lists": {}, "networks": {}, "listen": {}, **what}
    command = [sys.executable, str(ANSIBLE / "roles/preflight/files/ways_in.py"), json.dumps(asked)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert (said in told) if said else told == ""


def compiled(template: str) -> Any:
    return Environment(autoescape=True).compile_expression(template.strip().removeprefix("{{").removesuffix("}}"))
