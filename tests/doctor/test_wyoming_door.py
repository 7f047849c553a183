"""The door for Home Assistant: settings that let nobody in, and a key that is good for what is asked there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from appliance.doctor import wyoming
from appliance.doctor.child import Answer
from appliance.doctor.ground import ground
from appliance.places import Places
from appliance.store.database import Database
from appliance.store.keys import Keys
from doctor.standing import Asked, found, outcomes, standing

if TYPE_CHECKING:
    from pathlib import Path


def made(path: Path, *scopes: str, revoked: bool = False) -> str:
    """The id of a key in a database there."""

    async def make() -> str:
        async with Database(path).running() as database:
            key, _ = await Keys(database).create(user="home", name="home", role="user", scopes=scopes)
            if revoked:
                await Keys(database).revoke(key.id)
            return key.id

    path.parent.mkdir(parents=True)
    return anyio.run(make)


def test_a_door_that_is_shut_is_not_looked_at(tmp_path: Path) -> None:
    assert outcomes(wyoming.checks, standing(tmp_path)) == {}
    unseen = standing(tmp_path, sections={"wyoming": {"enabled": True}}, unseen="it may not be read")
    assert outcomes(wyoming.checks, unseen) == {}


@pytest.mark.parametrize(
    ("scopes", "revoked", "outcome", "said"),
    [
        ((), False, "ok", "active"),
        (("audio", "voice", "history"), False, "ok", "active"),
        (("audio",), False, "warning", "cannot answer"),
        (("audio", "voice"), True, "fault", "revoked"),
    ],
)
def test_its_key(tmp_path: Path, scopes: tuple[str, ...], revoked: bool, outcome: str, said: str) -> None:
    key = made(standing(tmp_path).settings.database, *scopes, revoked=revoked)
    check = found(wyoming.checks, standing(tmp_path, sections={"wyoming": {"enabled": True, "key": key}}))[
        "wyoming key"
    ]
    assert (check.outcome, said in check.seen) == (outcome, True)


def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    other = standing(tmp_path, sections={"wyoming": {"enabled": True, "key": "other"}})
    assert outcomes(wyoming.checks, other) == {"wyoming key": "skipped"}  # nor is the database
    made(other.settings.database)
    assert outcomes(wyoming.checks, other) == {"wyoming key": "fault"}


def test_settings_that_let_nobody_in_are_said(tmp_path: Path) -> None:
    none = standing(tmp_path, sections={"wyoming": {"enabled": True}})
    assert outcomes(wyoming.checks, none) == {"wyoming": "fault"}
    half = standing(tmp_path, sections={"wyoming": {"enabled": True, "key": "k", "allow": ["192.0.2.7/24"]}})
    assert "host bits" in found(wyoming.checks, half)["wyoming"].seen
    unlocked = standing(tmp_path, sections={"wyoming": {"enabled": True}, "http": {"open": True}})
    assert outcomes(wyoming.checks, unlocked) == {"wyoming key": "note"}


@pytest.mark.parametrize(("state", "door"), [("active", ("0.0.0.0", 10301)), ("inactive", None)])  # noqa: S104
def test_it_is_where_its_socket_unit_says(tmp_path: Path, state: str, door: tuple[str, int] | None) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/appliance").mkdir(parents=True)
    (tmp_path / "etc/appliance/appliance.toml").write_text("[wyoming]\nenabled = true\n")
    asked = Asked({"ActiveState": Answer(0, f"{state}\n"), "Listen": Answer(0, "0.0.0.0:10301 (Stream)\n")})
    places = Places(tmp_path)
    stood = ground(config=None, state_dir=places.state, url=None, key_file=None, deep=False, places=places, ask=asked)
    assert (stood.door, stood.wyoming) == (door, door or ("127.0.0.1", 10300))
