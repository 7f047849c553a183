"""`appliance store`: the database's tables, for whoever goes to another release of the appliance and back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
import msgspec

from appliance.cli.backup import Sentences
from appliance.cli.display import Display
from appliance.cli.options import load_settings, with_settings_options


@click.group(cls=Sentences)
def store() -> None:
    """Look at the database's tables, try an upgrade on a copy, and come back from a newer appliance.

    \b
    appliance store steps --json
    appliance store rehearse
    appliance store take-over /var/lib/appliance/appliance.db
    """


@store.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object: database, known, applied (null: no file).")
@with_settings_options
def steps(as_json: bool, config: Path | None, state_dir: Path) -> None:
    """Name the steps that make the tables: those that this appliance knows, and whether the database has them."""
    from appliance.store.backup.snapshot import applied_to
    from appliance.store.migrations import known as ours
    from appliance.store.migrations import newer

    database = load_settings(config, state_dir).database
    known, applied = ours(), list(applied_to(database)) if database.is_file() else None
    if as_json:
        told = {"database": str(database.absolute()), "known": known, "applied": applied}
        click.echo(msgspec.json.encode(told).decode())
        return
    for name in known:
        click.echo(f"{name}  {'-' if applied is None else 'applied' if name in applied else 'missing'}")
    for name in newer(applied or ()):
        click.echo(f"{name}  applied by a newer appliance")
    click.echo(f"\nDatabase: {database}{'' if applied is not None else ' (there is none yet)'}")


@store.command()
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the copy as this file, on the database's disk.")
@with_settings_options
def rehearse(keep: Path | None, config: Path | None, state_dir: Path) -> None:
    """Bring a copy of the database to this appliance's tables, and check it; the database stays as it is.

    The box may go on working. It needs room for three copies on the database's disk. Ends with status 1 if the tables
    cannot be brought up to date, or if rows would be lost. Of a newer appliance's database the way back is tried.
    """
    from appliance.store.rehearsing import rehearse as on_a_copy

    database = load_settings(config, state_dir).database
    with _display() as display:
        done = on_a_copy(database, display, keep=keep)
    what = f"{len(done.undone)} steps of a newer appliance undone" if done.undone else f"{len(done.made)} steps made"
    click.echo(
        f"{database}: rehearsed on a copy in {done.seconds:.1f} s: {what}, {sum(done.rows.values()):,} rows whole"
    )


@store.command("take-over")
@click.argument("file", type=click.Path(path_type=Path))
@with_settings_options
def take_over(file: Path, config: Path | None, state_dir: Path) -> None:
    """Put the rows of FILE, which a newer appliance wrote, into this appliance's tables; the box has to be stopped.

    FILE may be the database itself; it is kept beside as ….newer-TIME, with what only the newer appliance knows.
    Nothing changes if a row would be lost, or if this appliance knows all that is in FILE.
    """
    from appliance.store.taking_over import take_over as take

    database = load_settings(config, state_dir).database
    with _display() as display:
        done = take(database, file, display)
    if done is None:
        click.echo(f"{file}: nothing to take over, this appliance knows all of its tables.")
        return
    for path in done.before:
        click.echo(f"{path}: what was there before")
    click.echo(f"{database}: {sum(done.rows.values()):,} rows taken over, without {', '.join(done.undone)}")


def _display() -> closing[Display]:
    return closing(Display(quiet=True))
