"""`appliance backup`: what the box remembers, in one file elsewhere, and back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.display import Display, Lines, mb
from appliance.cli.options import config_of, json_option, load_settings, with_settings_options

if TYPE_CHECKING:
    from appliance.settings import Settings
    from appliance.store.backup.manifest import Manifest


class Sentences(click.Group):
    """Turns what can go wrong with backups into one sentence and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from appliance.store.faults import BackupError, StoreError

        try:
            return super().invoke(ctx)
        except OSError as error:
            what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise click.ClickException(what) from error
        except (BackupError, StoreError, sqlite3.Error) as error:
            raise click.ClickException(str(error)) from error


file_argument = click.argument("file", type=click.Path(path_type=Path))
identity_option = click.option(
    "--identity", type=click.Path(dir_okay=False, path_type=Path), help="File with the age key that opens the backup."
)


@click.group(cls=Sentences)
def backup() -> None:
    """Back up what the box remembers, while it works, and restore it.

    A backup is one file: the database (conversations, responses, keys as digests), the documents beside it, and the
    settings file if there is one. Not in it: models and caches, and admin.key, which is a secret in clear.

    \b
    appliance backup create --to /mnt/usb --keep 14 --recipient age1...
    appliance backup verify /mnt/usb/appliance-20261126T060000Z.tar.gz.age --identity key.txt
    appliance backup restore appliance-20261126T060000Z.tar.gz
    """


@backup.command()
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for it, of this box alone.  [default: store.backups, or backups]",
)
@click.option("--keep", type=click.IntRange(min=1), help="Delete the oldest backups beyond so many, after a success.")
@click.option(
    "--recipient", "recipients", multiple=True, metavar="AGE1...", help="Encrypt to this public key; may be repeated."
)
@json_option
@with_settings_options
def create(
    to: Path | None, keep: int | None, recipients: tuple[str, ...], as_json: bool, config: Path | None, state_dir: Path
) -> None:
    """Make a backup of this moment, and read it again. The box may go on working.

    It needs room for a copy of the database on its own disk, and in the folder for the backup. Keys for encryption
    are made with `age-keygen`; without one of the private keys nobody can read the backup.
    """
    from appliance.store.backup.creating import create as make

    settings = load_settings(config, state_dir)
    file, folder = config_of(config, state_dir), to or settings.backups
    lines = Lines() if as_json else None
    with _display(lines) as display:
        made = make(settings.database, folder, display, settings=file, recipients=recipients, keep=keep)
    if lines is not None:
        lines.result(name=made.path.name, bytes=made.bytes, gone=[path.name for path in made.gone])
        return
    how = f", encrypted to {len(recipients)}" if recipients else ""
    click.echo(f"{made.path}: {mb(made.bytes)}, {_files(made.manifest)}{how}, read again and found right")
    for path in made.gone:
        click.echo(f"{path}: deleted")


@backup.command("list")
@click.option(
    "--in",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to look into.  [default: store.backups, or backups]",
)
@with_settings_options
def list_(folder: Path | None, config: Path | None, state_dir: Path) -> None:
    """Show the backups in the folder, newest first. Their bytes are not looked at; see `appliance backup verify`."""
    from appliance.store.backup.kept import every

    where = folder or load_settings(config, state_dir).backups
    rows = [("NAME", "MADE (UTC)", "SIZE", "ENCRYPTED")]
    for kept in every(where):
        made = f"{kept.made:%Y-%m-%d %H:%M:%S}"
        rows.append((kept.path.name, made, mb(kept.bytes), "yes" if kept.encrypted else "no"))
    if len(rows) == 1:
        click.echo(f"There is no backup in {where}.")
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo(f"\nFolder: {where}")


@backup.command()
@file_argument
@identity_option
@json_option
@with_settings_options
def verify(file: Path, identity: Path | None, as_json: bool, config: Path | None, state_dir: Path) -> None:
    """Read all of FILE, compare every SHA-256 with its manifest, and check the database in it.

    FILE is a path, or a name in the default folder. Ends with status 1 and the name of the damaged part if there is
    one. The database in it is copied beside the box's own meanwhile.
    """
    from appliance.store.backup.restoring import verify as read
    from appliance.store.faults import Damaged

    settings = load_settings(config, state_dir)
    lines = Lines() if as_json else None
    try:
        with _display(lines) as display:
            manifest = read(_found(file, settings), settings.database.parent, display, identities=identity)
    except Damaged as error:
        if lines is not None:
            lines.result(sound=False, why=str(error))
        raise
    if lines is not None:
        lines.result(sound=True, why="")
        return
    click.echo(f"{file}: whole, {_files(manifest)}, made {manifest.created} by appliance {manifest.appliance}")


@backup.command()
@file_argument
@identity_option
@click.option("--force", is_flag=True, help="Also where there is a database; that is kept beside as ….before-TIME.")
@with_settings_options
def restore(file: Path, identity: Path | None, force: bool, config: Path | None, state_dir: Path) -> None:
    """Verify FILE and put it in the place of the database; the appliance has to be stopped.

    FILE is a path, or a name in the default folder. Nothing changes unless all of it is right. A backup of an older
    appliance is brought up to date at the next start. The keys of then are good again, and no others.
    """
    from appliance.store.backup.restoring import restore as put_back

    settings = load_settings(config, state_dir)
    database = settings.database
    with _display() as display:
        done = put_back(_found(file, settings), database, display, identities=identity, force=force)
    for path in done.before:
        click.echo(f"{path}: what was there before")
    if done.settings is not None:
        click.echo(f"{done.settings}: the settings file of then; nothing uses it by itself")
    rows = ", ".join(f"{count:,} {table}" for table, count in done.rows.items())
    click.echo(f"{database}: restored as of {done.manifest.created}: {rows}")


def _display(lines: Lines | None = None) -> closing[Display] | closing[Lines]:
    return closing(Display(quiet=True)) if lines is None else closing(lines)


def _found(file: Path, settings: Settings) -> Path:
    """The path that is meant: as it is, or in the default folder."""
    there = settings.backups / file
    return there if not file.exists() and there.exists() else file


def _files(manifest: Manifest) -> str:
    count = len(manifest.files)
    return f"{count} {'file' if count == 1 else 'files'} of {mb(manifest.bytes)}"
