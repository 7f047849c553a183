"""`appliance bundle`: the one file with which a box is installed or upgraded without a network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

import appliance
from appliance.bundle import inspection, wheelhouse
from appliance.bundle.debs import Suite
from appliance.bundle.faults import BundleError
from appliance.catalog.faults import CatalogError
from appliance.catalog.manifest import load_manifests
from appliance.catalog.shelf import Shelf
from appliance.cli.display import Display, mb
from appliance.cli.options import load_settings, state_dir_option
from appliance.releases.layout import Layout

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


class Sentences(click.Group):
    """Turns what can go wrong with bundles into one sentence and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (BundleError, CatalogError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Sentences)
def bundle() -> None:
    """Make one file with which a box is installed or upgraded without a network, and look into one."""


@bundle.command("create")
@click.option("--output", type=FILE, help="[default: dist/voice-appliance-VERSION-MACHINE.tar]")
@click.option(
    "--python",
    "pythons",
    multiple=True,
    default=("3.11", "3.13"),
    show_default=True,
    metavar="X.Y",
    help="Python of the boxes; may be repeated. Debian 12 has 3.11, Debian 13 has 3.13.",
)
@click.option("--glibc", default="2.36", show_default=True, help="Oldest C library of the boxes; Debian 12 has 2.36.")
@click.option("--set", "set_", metavar="NAME", help="Bring all models of this set.  [default: starter]")
@click.option("--model", "names", multiple=True, metavar="NAME", help="Bring this model (too); may be repeated.")
@click.option("--no-models", is_flag=True, help="Bring no models.")
@click.option("--sign", "key", type=FILE, metavar="KEYFILE", help="Sign it with this OpenSSH private key.")
@click.option("--cuda", is_flag=True, help="Bring the CUDA libraries of cuda.lock, for boxes with an NVIDIA GPU.")
@click.option("--llama-wheel", type=FILE, help="The compiled llama.cpp.  [default: the one that setup.sh compiled]")
@click.option("--source", type=FOLDER, help="The checkout that it is made of.  [default: the one this program is in]")
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Bring Debian packages for this release too.")
@click.option("--packages", type=FILE, help="List of these packages.  [default: ansible/packages.txt]")
@click.option("--installed", type=FILE, help="A box's /var/lib/dpkg/status: what is in it is left out.")
@click.option("--version", help="[default: the project's version and the commit]")
@click.option("--cache", type=FOLDER, help="Where fetched wheels are kept.  [default: ~/.cache/voice-appliance/bundle]")
@state_dir_option
def create(
    output: Path | None,
    pythons: tuple[str, ...],
    glibc: str,
    set_: str | None,
    names: tuple[str, ...],
    no_models: bool,
    key: Path | None,
    cuda: bool,
    llama_wheel: Path | None,
    source: Path | None,
    suites: tuple[str, ...],
    packages: Path | None,
    installed: Path | None,
    version: str | None,
    cache: Path | None,
    state_dir: Path,
) -> None:
    """Make a bundle from a checkout.

    What is fetched is kept, so that a second one, or one that was interrupted, is made in seconds. The file appears
    whole or not at all.
    """
    from appliance.bundle.recipe import Wanted, create  # brings the hub's library, which is slow to import

    if no_models and (set_ or names):
        raise click.UsageError("--no-models: --set and --model say otherwise")
    if len(set(pythons)) != len(pythons):
        raise click.UsageError("--python: the same one is named twice")
    source = source or Path(appliance.__file__).parents[1]
    named = "" if no_models else set_ or ("" if names else "starter")
    wanted = (*((named,) if named else ()), *names)
    known = load_manifests(source / "models") if wanted else None
    if known and named and named not in known.sets:
        raise click.UsageError(f"--set: there is no set {named!r}; there are {', '.join(known.sets)}")
    made = create(
        Wanted(
            source=source,
            output=output,
            pythons=pythons,
            glibc=glibc,
            version=version,
            set=named,
            models=known.select(wanted) if known else (),
            shelf=Shelf(load_settings(None, state_dir).models_dir),
            key=key,
            cuda=cuda,
            llama_wheel=llama_wheel,
            suites=tuple(
                Suite(name, _listed(packages or source / "ansible/packages.txt"), installed) for name in suites
            ),
            cache=cache or wheelhouse.cache(),
        ),
        Display(),
    )
    size = mb(made.path.stat().st_size)
    signed = f"signed with {key}" if key else "not signed"
    click.echo(f"{made.path}: version {made.manifest.version}, {size}, {len(made.manifest.files)} files, {signed}.")


def _listed(path: Path) -> tuple[str, ...]:
    try:
        lines = [line.split("#")[0].split() for line in path.read_text().splitlines()]
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
    return tuple(name for line in lines for name in line)


@bundle.command("inspect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="The manifest as it stands in the bundle, and whether it is signed."
)
def inspect_(file: Path, as_json: bool) -> None:
    """Show what is in a bundle. Nothing is verified."""
    manifest, head = inspection.look(file)
    signed = head.signature is not None
    if as_json:
        fields = json.loads(head.text) | {"signed": signed}
        click.echo(msgspec.json.format(msgspec.json.encode(fields), indent=1).decode())
        return
    rows = [
        ("version", manifest.version),
        ("made", manifest.made),
        ("signed", "yes, not verified" if signed else "no"),
        ("Python", ", ".join(manifest.python)),
        ("machine", f"{manifest.machine}, glibc {manifest.glibc} or newer"),
        ("CPU flags", " ".join(manifest.cpu) or "none"),
        ("CUDA", manifest.cuda or "none"),
        ("set", manifest.set or "none"),
        ("models", ", ".join(manifest.models) or "none"),
    ]
    rows += [(kind, f"{count} files, {mb(size)}") for kind, (count, size) in inspection.kinds(manifest).items()]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name.ljust(width)}  {value}")


@bundle.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--signers", type=FILE, default=Layout().signers, show_default=True, help="File of allowed signers (ssh-keygen)."
)
@click.option("--unsigned", is_flag=True, help="Bear a missing signature, as a box with --unsigned does.")
def verify_(file: Path, signers: Path, unsigned: bool) -> None:
    """Verify a bundle as a box does: its signature, then every byte. Ends with status 1 if anything is not right."""
    display = Display(quiet=not sys.stdout.isatty())
    manifest, signed = inspection.verify(file, signers, display, unsigned=unsigned)
    display.close()
    said = f"version {manifest.version}, {len(manifest.files)} files are as the manifest says. Signed by {signed}."
    click.echo(f"{file}: {said}")
