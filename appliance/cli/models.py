"""`appliance models`: which models there are, and the ways to get them onto this disk and off it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.catalog import importing, sweeping, verify
from appliance.catalog.faults import CatalogError
from appliance.catalog.lineup import catalog, named
from appliance.catalog.shelf import Shelf
from appliance.cli.display import Display, Lines, mb
from appliance.cli.options import CONFIG_HELP, STATE_DIR, json_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.catalog.manifest import Catalog, Model
    from appliance.settings import Settings


class Box:
    """What every command works on; the options may stand before the command or after it."""

    def __init__(self, state_dir: Path | None, config: Path | None) -> None:
        self.state_dir = state_dir
        self.config = config

    def open(self, state_dir: Path | None, config: Path | None) -> tuple[Settings, Catalog, Shelf]:
        """Settings, manifests and the models folder; ends the command if one of them is wrong."""
        settings = load_settings(config or self.config, state_dir or self.state_dir or STATE_DIR)
        return settings, catalog(settings), Shelf(settings.models_dir)

    def own_set(self, state_dir: Path | None, config: Path | None) -> str:
        """The set that the settings name without a choice."""
        state_dir = state_dir or self.state_dir or STATE_DIR
        return load_settings(config or self.config, state_dir, choice=False).models.set


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    state_dir = click.option(
        "--state-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help=f"Folder for models and everything else the box keeps.  [default: {STATE_DIR}]",
    )
    config = click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help=CONFIG_HELP)
    return state_dir(config(command))


_verify = click.option(
    "--verify", "deep", is_flag=True, help="Also read every byte of what is installed, and replace what is damaged."
)


class Sentences(click.Group):
    """Turns what can go wrong with models into one sentence and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except CatalogError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Sentences)
@_options
@click.pass_context
def models(ctx: click.Context, state_dir: Path | None, config: Path | None) -> None:
    """Fetch, verify and remove the models that the appliance runs.

    A model is installed whole and verified, or not at all; every command can be interrupted and run again.
    """
    ctx.obj = Box(state_dir, config)


@models.command("list")
@_options
@click.pass_obj
def list_(box: Box, state_dir: Path | None, config: Path | None) -> None:
    """Show every model: role, size, licence, sets, and whether it is installed, missing or damaged.

    The check compares sizes; `appliance models verify` also reads every byte. A size of "?" is known after
    the first pull.
    """
    settings, known, shelf = box.open(state_dir, config)
    lock = shelf.lock()
    rows = [("MODEL", "ROLE", "SIZE", "LICENCE", "SETS", "STATE")]
    for model in known.models.values():
        size = lock.bytes(model)
        sets = ",".join(name for name, members in known.sets.items() if model.name in members.models)
        rows.append(
            (
                model.name,
                model.role,
                mb(size) if size else "?",
                model.licence,
                sets or "-",
                shelf.state(model, lock),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo(f"\nModels folder: {shelf.root}. Set in use: {settings.models.set}.")
    for name, members in known.sets.items():
        click.echo(f"  {name}: {members.description}")


@models.command("pull")
@click.argument("names", nargs=-1, metavar="[SET|MODEL]...")
@_verify
@json_option
@_options
@click.pass_obj
def pull_(
    box: Box, names: tuple[str, ...], deep: bool, as_json: bool, state_dir: Path | None, config: Path | None
) -> None:  # fmt: skip
    """Fetch and install sets or single models; without a name, the set in the settings.

    What is installed is skipped after a look at its sizes, and an interrupted pull goes on where it was.
    With --verify every byte of it is read, and what is damaged is fetched anew; a box that runs goes on
    with what it has loaded.
    Wheels come from the index that pip is configured for, hub models from the hub or from the
    mirror in HF_ENDPOINT.
    """
    from appliance.catalog.pull import pull  # brings the hub's library, which is slow to import

    settings, known, shelf = box.open(state_dir, config)
    chosen = known.select(names or (settings.models.set,))
    if as_json:
        lines = Lines()
        lines.result(installed=pull(chosen, shelf, lines, deep=deep))
        return
    done = pull(chosen, shelf, Display(), deep=deep)
    click.echo(f"{len(chosen)} models in {shelf.root}: {len(done)} installed now, {len(chosen) - len(done)} before.")


@models.command("verify")
@click.argument("names", nargs=-1, metavar="[SET|MODEL]...")
@_options
@click.pass_obj
def verify_(box: Box, names: tuple[str, ...], state_dir: Path | None, config: Path | None) -> None:
    """Read every byte of the installed models and compare their SHA-256; without a name, of all of them.

    Ends with status 1 if a file is damaged, or if a model that was named is missing.
    """
    _, known, shelf = box.open(state_dir, config)
    lock, display, sound = shelf.lock(), Display(), 0
    broken: list[str] = []
    for model in known.select(names or tuple(known.models)):
        if shelf.folder(model.name).is_dir():
            faults = verify.faults(
                model,
                shelf.folder(model.name),
                lock,
                deep=True,
                on_bytes=display.progress if sys.stdout.isatty() else None,
            )
        else:
            faults = [f"{shelf.folder(model.name)}: is missing"] if names else []
            sound -= not faults
        for fault in faults:
            display.say(f"damaged: {fault}")
        broken += [model.name] if faults else []
        sound += not faults
    display.say(f"{sound} models are sound, {len(broken)} are damaged.")
    if broken:
        display.say(f"Fetch them anew with: appliance models pull --verify {' '.join(broken)}")
        display.say(f"or from a folder with: appliance models import --verify DIR {' '.join(broken)}")
        raise SystemExit(1)


@models.command("gc")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--keep", multiple=True, metavar="SET|MODEL", help="Keep this set or model too; may be repeated.")
@_options
@click.pass_obj
def gc_(box: Box, dry_run: bool, yes: bool, keep: tuple[str, ...], state_dir: Path | None, config: Path | None) -> None:
    """Remove what serves nothing.

    That is: interrupted installations, old downloads, and models that neither the settings name, as the set
    or singly, nor the set has that was chosen. Folders that belong to no manifest are never touched.
    """
    settings, known, shelf = box.open(state_dir, config)
    wanted = known.select((settings.models.set, box.own_set(state_dir, config), *named(settings), *keep))
    if not shelf.root.is_dir():
        click.echo("There is nothing to remove.")
        return
    with shelf.exclusive(click.echo):
        found = sweeping.waste(known, wanted, shelf)
        for item in found:
            click.echo(f"{item.path}  {mb(item.bytes)}  {item.why}")
        if not found:
            click.echo("There is nothing to remove.")
        elif dry_run:
            click.echo(f"{mb(sum(item.bytes for item in found))} would be freed.")
        elif yes or click.confirm("Remove all of these?"):
            sweeping.remove(found, shelf)
            click.echo(f"{mb(sum(item.bytes for item in found))} freed.")


@models.command("import")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, metavar="[SET|MODEL]...")
@_verify
@_options
@click.pass_obj
def import_(
    box: Box, folder: Path, names: tuple[str, ...], deep: bool, state_dir: Path | None, config: Path | None
) -> None:  # fmt: skip
    """Install models from a folder instead of the network; without a name, all that the folder has.

    DIR is the models folder of another box or of an unpacked bundle (with its models.lock), or a folder of
    wheels. Files are verified as in a pull, and DIR stays as it is. What is installed is skipped after a look
    at its sizes; with --verify every byte of it is read, and what is damaged is replaced.
    """
    _, known, shelf = box.open(state_dir, config)
    chosen: tuple[Model, ...] = known.select(names or tuple(known.models))
    done = importing.import_models(chosen, folder, shelf, Display(), deep=deep)
    if absent := [model.name for model in chosen if names and shelf.state(model) != "installed"]:
        raise CatalogError(f"{folder}: does not have {', '.join(absent)}")
    click.echo(f"{len(done)} models imported into {shelf.root}.")
