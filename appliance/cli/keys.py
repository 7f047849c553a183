"""`appliance keys`: who may come in."""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import click

from appliance.cli.options import load_settings, with_settings_options
from appliance.settings import Allowance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from appliance.settings import Settings
    from appliance.store.audit import Audit
    from appliance.store.keys import Key, Keys

DAY_MS: Final = 86_400_000
NAME: Final = re.compile(r"[^\x00-\x1f\x7f/]{1,64}")
ACTOR: Final = "command line"


@click.group()
def keys() -> None:
    """Make, list and revoke API keys. A running box heeds changes at once."""


@keys.command()
@click.argument("name")
@click.option("--user", default=None, help="Whose conversations it sees; NAME if absent. A user can have several keys.")
@click.option("--role", type=click.Choice(["user", "admin"]), default="user", show_default=True, help="What it may do.")
@click.option(
    "--scope", "scopes", multiple=True, help="What it is good for; may be repeated. All that the role may if absent."
)
@click.option(
    "--days",
    type=click.FloatRange(min=0, max=36_500, min_open=True),
    default=None,
    help="It expires after so many days.",
)
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=NUMBER",
    help="In place of its role's, such as tokens_day=100000; may be repeated. `appliance settings` has their names.",
)  # fmt: skip
@with_settings_options
def create(
    name: str, user: str | None, role: str, scopes: tuple[str, ...], days: float | None, limits: tuple[str, ...],
    config: Path | None, state_dir: Path,
) -> None:  # fmt: skip
    """Make a key called NAME and print it: it is shown this once."""
    from appliance.callers.caller import GRANTABLE

    for given in (name, user if user is not None else name):
        if not NAME.fullmatch(given):
            raise click.ClickException(f"{given[:64]!r} is no name: 1 to 64 characters on one line, without '/'.")
    known = GRANTABLE["admin" if role == "admin" else "user"]
    if unknown := [scope for scope in scopes if scope not in known]:
        raise click.ClickException(
            f"A key of a {role} has no scope {unknown[0]!r}; there are {', '.join(sorted(known))}."
        )
    own = dict(_limit(given) for given in limits)

    async def make(keys: Keys, audit: Audit) -> str:
        key, text = await keys.create(
            user=user or name, name=name, role="admin" if role == "admin" else "user", scopes=scopes,
            lasts_ms=None if days is None else int(days * DAY_MS), limits=own,
        )  # fmt: skip
        audit.note(ACTOR, "key created", f"{key.user}/{key.id}")
        return text

    click.echo(_run(config, state_dir, make))


@keys.command("list")
@with_settings_options
def list_(config: Path | None, state_dir: Path) -> None:
    """All keys without their texts, newest first."""

    async def look(keys: Keys, _: Audit) -> list[Key]:
        return await keys.all()

    rows = [("ID", "USER", "NAME", "ROLE", "STATE", "EXPIRES", "LAST USED", "SCOPES")]
    now = int(time.time() * 1000)
    for key in _run(config, state_dir, look):
        times = _day(key.expires_ms), _day(key.used_ms)
        rows.append((key.id, key.user, key.name, key.role, key.state(now), *times, ",".join(key.scopes) or "all"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@keys.command()
@click.argument("key_id")
@with_settings_options
def revoke(key_id: str, config: Path | None, state_dir: Path) -> None:
    """Let the key with this id open nothing any more. Who speaks with it is out within seconds."""

    async def end(keys: Keys, audit: Audit) -> Key:
        key = await keys.revoke(key_id)
        audit.note(ACTOR, "key revoked", f"{key.user}/{key.id}")
        return key

    key = _run(config, state_dir, end)
    click.echo(f"{key.id} ({key.user}, {key.name}) is revoked")


def first_key(settings: Settings) -> Path | None:
    """Where nobody has a key yet: make one for an admin, and the file that has it, readable for its owner alone.

    Where keys cannot be read now, as on a full disk, none is made. Raises `ApplianceError` where one cannot be written.
    """
    from appliance.errors import StorageFailed
    from appliance.logs import logger

    file = settings.database.with_name("admin.key")

    async def make(keys: Keys, audit: Audit) -> Path | None:
        try:
            if await keys.all():
                return None
        except StorageFailed as error:
            logger(__name__).warning("keys cannot be read now", code=error.code)
            return None
        key, text = await keys.create(user="admin", name="first start", role="admin")
        file.unlink(missing_ok=True)
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text + "\n")
        audit.note("first start", "key created", f"{key.user}/{key.id}")
        return file

    made: Path | None = _opened(settings, make)
    return made


def _limit(given: str) -> tuple[str, int]:
    name, _, number = given.partition("=")
    if name not in Allowance.__struct_fields__ or not number.isdecimal():
        there_are = ", ".join(Allowance.__struct_fields__)
        raise click.ClickException(f"{given!r} is no limit: write NAME=NUMBER; there are {there_are}.")
    return name, int(number)


def _run(config: Path | None, state_dir: Path, work: Callable[[Keys, Audit], Awaitable[Any]]) -> Any:
    from appliance.errors import ApplianceError
    from appliance.store.faults import StoreError

    try:
        return _opened(load_settings(config, state_dir), work)
    except (ApplianceError, StoreError, OSError) as error:
        raise click.ClickException(getattr(error, "message", str(error))) from error


def _opened(settings: Settings, work: Callable[[Keys, Audit], Awaitable[Any]]) -> Any:
    from appliance.errors import one_error
    from appliance.store.audit import Audit
    from appliance.store.database import Database
    from appliance.store.keys import Keys

    async def run() -> Any:
        with one_error():
            async with Database(settings.database).running() as database:
                return await work(Keys(database), Audit(database))

    return anyio.run(partial(run))


def _day(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(milliseconds / 1000))
