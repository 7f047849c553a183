"""Upgrades while people use the box: a good release costs nobody a request, an ill one undoes itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from host.appliances import door, variables
from host.household import forgotten, household
from host.playbook import play
from host.releases import CANNOT_MIGRATE, CRASHES, ONE_MORE_COLUMN, SPEAKS_BACKWARDS, YET_ANOTHER, release

if TYPE_CHECKING:
    from pathlib import Path

    from host.machine import Machine
    from host.releases import Edit, Signer

WATCH_SECONDS = 15
STEPS = "appliance store steps --json --config /etc/appliance/appliance.toml --state-dir /var/lib/appliance"


def current(box: Machine) -> str:
    return box.run("readlink /opt/appliance/current").out.strip().rsplit("/", 1)[-1]


def steps(box: Machine) -> list[str]:
    """Names of the migrations that the database has behind it."""
    found: list[str] = json.loads(box.run(STEPS).out)["applied"]
    return found


def test_a_good_release(bookworm: Machine, bundle: Path, folder: Path, signer: Signer) -> None:
    better = release(bundle, folder / "better.tar", "9.0.0", signer, ONE_MORE_COLUMN)
    way_in = door(bookworm, folder)
    with household(way_in) as everybody:
        play("upgrade.yml", [bookworm], variables(better, signer, appliance_watch_seconds=WATCH_SECONDS), folder)
    assert [told.lost for told in everybody] == [[] for _ in everybody]
    assert sum(told.requests for told in everybody) > 20
    print(f"longest wait {max(told.longest for told in everybody):.1f} s")
    assert current(bookworm) == "9.0.0"
    assert any("m090" in step for step in steps(bookworm))
    assert forgotten(way_in, everybody) == []


@pytest.mark.parametrize(
    ("name", "edits"),
    [
        ("crashes", CRASHES),
        ("speaks backwards", SPEAKS_BACKWARDS),
        ("cannot migrate", CANNOT_MIGRATE),
        ("migrates and speaks backwards", YET_ANOTHER + SPEAKS_BACKWARDS),
    ],
)
def test_an_ill_release(
    bookworm: Machine, bundle: Path, folder: Path, signer: Signer, name: str, edits: tuple[Edit, ...]
) -> None:
    before, behind = current(bookworm), steps(bookworm)
    ill = release(bundle, folder / "ill.tar", f"9.1.0-{name.replace(' ', '-')}", signer, ONE_MORE_COLUMN + edits)
    way_in = door(bookworm, folder)
    with household(way_in, speakers=0) as everybody:
        told = play(
            "upgrade.yml", [bookworm], variables(ill, signer, appliance_watch_seconds=WATCH_SECONDS), folder, fails=True
        )
    assert current(bookworm) == before, told.said
    assert steps(bookworm) == behind
    with way_in.client() as client:
        assert client.get("/health/ready").status_code == 200
    assert [told.lost for told in everybody] == [[] for _ in everybody]
    assert forgotten(way_in, everybody) == []


def test_a_fleet_stops_at_the_first_box(
    bookworm: Machine, trixie: Machine, bundle: Path, folder: Path, signer: Signer
) -> None:
    ill = release(bundle, folder / "ill.tar", "9.2.0", signer, ONE_MORE_COLUMN + CRASHES)
    before = current(trixie)
    told = play("upgrade.yml", [bookworm, trixie], variables(ill, signer), folder, fails=True)
    assert "rolled back" in told.said
    assert trixie.name not in told.hosts
    assert current(trixie) == before
    assert trixie.run("ls /opt/appliance/releases").out.split() == [before]


def test_back_by_hand(bookworm: Machine, folder: Path) -> None:
    """To a release that knows less of the database: what was said since then stays."""
    before, way_in = current(bookworm), door(bookworm, folder)
    with household(way_in, speakers=0) as everybody:
        play("rollback.yml", [bookworm], {"appliance_rollback_from": before}, folder)
    assert current(bookworm) != before
    again = play("rollback.yml", [bookworm], {"appliance_rollback_from": before}, folder)
    assert again.of(bookworm).changed == 0, "a second run does not go one further back"
    assert not any("m090" in step for step in steps(bookworm))
    assert [told.lost for told in everybody] == [[] for _ in everybody]
    assert forgotten(way_in, everybody) == []
