"""The recipe: from what is wanted in a bundle to the file."""

from __future__ import annotations

import os
import platform
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from appliance.bundle import archive, debs, licences, llama, manifest, pins, signature, wheelhouse
from appliance.bundle.checkout import PROJECT, Checkout
from appliance.bundle.faults import BundleError
from appliance.bundle.pins import Pin
from appliance.bundle.target import Target
from appliance.catalog import lock as locks
from appliance.catalog import verify
from appliance.catalog.pull import pull
from appliance.catalog.shelf import Shelf
from appliance.releases.bundle import Head
from appliance.releases.manifest import VERSION, Manifest

if TYPE_CHECKING:
    from appliance.bundle.debs import Suite
    from appliance.catalog.listener import Listener
    from appliance.catalog.manifest import Model
    from appliance.releases.manifest import File

CUDA: str = "12"
"""Major version of the CUDA libraries in cuda.lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What goes into a bundle."""

    source: Path
    """The checkout."""
    output: Path | None
    pythons: tuple[str, ...]
    glibc: str
    version: str | None
    """None: the checkout's."""
    set: str
    models: tuple[Model, ...]
    shelf: Shelf
    """Where the models are, or are pulled to."""
    key: Path | None
    cuda: bool
    llama_wheel: Path | None
    suites: tuple[Suite, ...]
    cache: Path


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle that was made."""

    path: Path
    manifest: Manifest


def create(wanted: Wanted, listener: Listener) -> Made:
    """Make a bundle. Raises BundleError or CatalogError; then there is no file, or the old one."""
    checkout = Checkout(wanted.source)
    version = wanted.version or checkout.version
    if not VERSION.fullmatch(version):
        raise BundleError(f"version: {version!r} must begin with a digit and have 64 letters, digits or .+_- at most")
    output = wanted.output or Path("dist") / f"{PROJECT}-{version}-{platform.machine()}.tar"
    if output.is_dir():
        raise BundleError(f"{output}: is a folder; name a file")
    if wanted.key is not None and not wanted.key.is_file():
        raise BundleError(f"{wanted.key}: there is no key file")
    targets = tuple(Target(python, platform.machine(), wanted.glibc) for python in wanted.pythons)
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        aside = Path(name)
        members, cpu = _wheels(checkout, wanted, targets, aside, listener)
        members |= _units(checkout.folder)
        members |= _models(wanted, aside, listener)
        members |= _licences(members, wanted.models, aside)
        for suite in wanted.suites:
            members |= debs.collect(suite, wanted.cache, aside, listener)
        listed = archive.entries(members, listener)
        _compare_models(wanted, listed)
        made = Manifest(
            version=version,
            made=_now(),
            python=tuple(wanted.pythons),
            machine=platform.machine(),
            glibc=wanted.glibc,
            cpu=cpu,
            cuda=CUDA if wanted.cuda else "",
            set=wanted.set,
            models=tuple(model.name for model in wanted.models),
            files=listed,
        )
        head = manifest.encode(made)
        signed = signature.sign(head, wanted.key) if wanted.key else None
        archive.write(output, Head(text=head, signature=signed), made, members, checkout.epoch, listener)
    return Made(output, made)


def _now() -> str:
    """The time, or SOURCE_DATE_EPOCH for who wants the same bytes again."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(given), UTC) if given else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _wheels(
    checkout: Checkout, wanted: Wanted, targets: tuple[Target, ...], aside: Path, listener: Listener
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Wheels and the list of them for each Python; and the CPU flags that they need."""
    locked = pins.read(checkout.folder / "requirements.lock")
    if wanted.cuda:
        locked += pins.read(checkout.folder / "cuda.lock")
    compiled = wanted.llama_wheel or llama.kept(checkout.folder)
    if not compiled.is_file():
        raise BundleError(f"{compiled}: there is no such wheel")
    own = {llama.pin(checkout.folder, compiled, verify.sha256(compiled)): compiled}
    _check_llama(compiled, wanted, listener)
    listener.say("building the wheel of the appliance itself")
    built = checkout.wheel(aside)
    own[Pin(PROJECT, checkout.project_version, None, frozenset([verify.sha256(built)]))] = built

    members: dict[str, Path] = {}
    for target in targets:
        gathered = wheelhouse.gather(target.needed(locked), target, wanted.cache, listener) | own
        for path in gathered.values():
            name = f"wheels/{path.name}"
            if name in members and verify.sha256(members[name]) != verify.sha256(path):
                raise BundleError(f"{path.name}: two files of this name differ: {members[name]} and {path}")
            members.setdefault(name, path)
        listing = aside / f"requirements-{target.python}.txt"
        listing.write_text("".join(f"{_exact(pin, path)}\n" for pin, path in gathered.items()))
        members[listing.name] = listing
    return members, llama.flags(compiled)


def _exact(pin: Pin, wheel: Path) -> str:
    return Pin(pin.name, pin.version, None, frozenset([verify.sha256(wheel)])).line


def _check_llama(compiled: Path, wanted: Wanted, listener: Listener) -> None:
    needs = llama.glibc(compiled)
    if int(needs.split(".")[1]) > int(wanted.glibc.split(".")[1]):
        raise BundleError(
            f"{compiled.name}: was compiled for glibc {needs}, the boxes have {wanted.glibc}: compile it on a system "
            "as old as theirs, or raise --glibc"
        )
    if wanted.cuda and not llama.has_cuda(compiled):
        listener.say(
            f"{compiled.name} was compiled without CUDA: the language model will run on the CPU. "
            "Compile it with: CMAKE_ARGS=-DGGML_CUDA=on ./setup.sh"
        )


def _units(folder: Path) -> dict[str, Path]:
    root = folder / "systemd"
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {f"systemd/{path.relative_to(root).as_posix()}": path for path in found}


def _models(wanted: Wanted, aside: Path, listener: Listener) -> dict[str, Path]:
    """A folder as `appliance models import` takes it: the models' files, and the lock of those that need it."""
    if not wanted.models:
        return {}
    pull(wanted.models, wanted.shelf, listener)
    lock = wanted.shelf.lock()
    kept = {model.name: lock.entries[model.name] for model in wanted.models if model.name in lock.entries}
    written = aside / locks.NAME
    written.write_bytes(msgspec.json.format(msgspec.json.encode(kept, order="deterministic"), indent=2) + b"\n")
    members = {f"models/{locks.NAME}": written}
    for model in wanted.models:
        for file in model.files:
            members[f"models/{model.name}/{file.path}"] = wanted.shelf.folder(model.name) / file.path
    return members


def _compare_models(wanted: Wanted, listed: tuple[File, ...]) -> None:
    """A disk may have spoilt a model since it was pulled: what it hashes to now must be what it should."""
    lock, found = wanted.shelf.lock(), {entry.path: entry for entry in listed}
    for model in wanted.models:
        for file in model.files:
            must, entry = lock.expected(model, file), found[f"models/{model.name}/{file.path}"]
            if must is not None and (entry.bytes, entry.sha256) != (must.bytes, must.sha256):
                raise BundleError(
                    f"{wanted.shelf.folder(model.name) / file.path}: is damaged; remove the folder and run this again"
                )


def _licences(members: dict[str, Path], models: tuple[Model, ...], aside: Path) -> dict[str, Path]:
    rights: dict[tuple[str, str], licences.Rights] = {}
    for name, path in sorted(members.items()):
        if name.endswith(".whl"):
            read = licences.read(path)
            rights.setdefault((read.name, read.version), read)  # the same package's wheel for another Python
    found: dict[str, Path] = {}
    for each in rights.values():
        for text, data in each.texts.items():
            place = f"{each.folder}/{text.removeprefix('licenses/')}"
            file = aside / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            found[place] = file
    written = aside / "LICENCES.md"
    written.write_text(licences.table(rights.values(), models))
    return found | {written.name: written}
