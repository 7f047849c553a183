"""The lineup: the models that the appliance serves with, as its settings say. A cheap check, no hashing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import appliance
from appliance.catalog.faults import CatalogError, ModelsMissing
from appliance.catalog.manifest import load_manifests
from appliance.catalog.shelf import Shelf
from appliance.jobs import ROLES
from appliance.places import Places
from appliance.settings import SettingsError

if TYPE_CHECKING:
    from appliance.catalog.manifest import Catalog, Model
    from appliance.settings import Settings

NEEDED = ("stt", "llm", "tts")
"""Roles that each set has a model for."""

__all__ = ["Installed", "Lineup", "ModelsMissing", "catalog", "lineup", "named"]


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that is on this disk."""

    name: str
    """As in its manifest, such as "whisper-base"."""
    role: str
    path: Path
    """Its folder."""
    main: Path
    """What the engine loads: the folder for stt, the .gguf for llm, the .onnx for tts and turn."""
    languages: tuple[str, ...]
    voice: str | None
    """Short voice name for tts, else None."""
    description: str = ""
    """For people."""


@dataclass(frozen=True, slots=True)
class Lineup:
    """One model for listening, one for thinking, and the voices, of which the first is the default."""

    stt: Installed
    llm: Installed
    voices: tuple[Installed, ...]
    turn: Installed | None = None
    """Hears whether a turn is over; without it only the length of a silence tells."""
    embed: Installed | None = None
    """Makes vectors of documents; without it they are found by their words alone."""


def catalog(settings: Settings) -> Catalog:
    """The manifests: those that the settings name, else those in the installed package, else the checkout's.

    Raises ManifestError.
    """
    package = Path(appliance.__file__).parent
    if settings.models.manifests:
        return load_manifests(Path(settings.models.manifests))
    if (package / "_models").is_dir():
        return load_manifests(package / "_models")
    return load_manifests(package.parent / "models")


def named(settings: Settings) -> tuple[str, ...]:
    """Models that the settings name beside the set. A draft model counts while it is not asked for, too."""
    return tuple(name for name in (settings.embed.model, settings.llm.draft_model) if name)


def lineup(settings: Settings) -> Lineup:
    """The models of the set in `settings.models.set`.

    Raises ModelsMissing if one is not installed whole, and SettingsError if the set, the manifests or
    the lock file are wrong.
    """
    shelf = Shelf(settings.models_dir)
    try:
        known, lock = catalog(settings), shelf.lock()
    except CatalogError as error:
        raise SettingsError(str(error)) from error
    name = settings.models.set
    if name not in known.sets:
        raise SettingsError(f"models.set: there is no set {name!r}; there are {', '.join(known.sets)}")
    by_role: dict[str, list[Model]] = {role: [] for role in ROLES}
    for model in known.select((name,)):
        by_role.setdefault(model.role, []).append(model)
    if lacking := [role for role in NEEDED if not by_role[role]]:
        raise SettingsError(f"models.set: the set {name!r} has no model for {', '.join(lacking)}")

    turn = by_role["turn"][:1]
    embed = _embed(settings, known) or by_role["embed"][:1]
    used = (by_role["stt"][0], by_role["llm"][0], *turn, *embed, *by_role["tts"])
    states = {model.name: shelf.state(model, lock) for model in used}
    if missing := [f"  {model} ({state})" for model, state in states.items() if state != "installed"]:
        command = " ".join([f"appliance models pull {name}", *(each.name for each in embed if settings.embed.model)])
        if not settings.models.dir and settings.state_dir != Places().default_state():
            command += f" --state-dir {settings.state_dir}"
        raise ModelsMissing(
            "\n".join(
                [
                    f"Models of the set {name!r} are not in {shelf.root}:",
                    *missing,
                    f"Fetch them with: {command}",
                ]
            )
        )
    stt, llm, *rest = (_installed(model, shelf) for model in used)
    heard = rest.pop(0) if turn else None
    meant = rest.pop(0) if embed else None
    return Lineup(stt, llm, tuple(rest), heard, meant)


def _embed(settings: Settings, known: Catalog) -> list[Model]:
    """The embed model that the settings name, if they do. Raises SettingsError if there is none of that name."""
    if not (name := settings.embed.model):
        return []
    models = {model.name: model for model in known.models.values() if model.role == "embed"}
    if name not in models:
        raise SettingsError(f"embed.model: there is no embed model {name!r}; there are {', '.join(models) or 'none'}")
    return [models[name]]


def _installed(model: Model, shelf: Shelf) -> Installed:
    path = shelf.folder(model.name)
    return Installed(model.name, model.role, path, path / model.main, model.languages, model.voice, model.description)
