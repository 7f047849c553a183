"""What a role's variables are said to be is what they are, and the list of its packages is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

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


def compiled(template: str) -> Any:
    return Environment(autoescape=True).compile_expression(template.strip().removeprefix("{{").removesuffix("}}"))
