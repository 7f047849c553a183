"""What is known of an installed model beyond its place: the digest of its main file, and where a draft model is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.catalog.faults import CatalogError
from appliance.catalog.lineup import catalog
from appliance.catalog.shelf import Shelf
from appliance.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.settings import Settings


def digest_of(settings: Settings, name: str) -> str:
    """SHA-256 of a model's main file as its manifest or the lock file has it, in hex; "" if neither has. No hashing."""
    try:
        model, lock = catalog(settings).models.get(name), Shelf(settings.models_dir).lock()
    except CatalogError:
        return ""
    files = [file for file in model.files if file.path == model.main] if model is not None else []
    digest = lock.expected(model, files[0]) if model is not None and files else None
    return digest.sha256 if digest is not None else ""


def draft_of(settings: Settings) -> Path | None:
    """Main file of the draft model, if one is asked for. Raises `SettingsError` if it is not installed."""
    if settings.llm.speculation != "draft":
        return None
    name = settings.llm.draft_model
    try:
        known, shelf = catalog(settings), Shelf(settings.models_dir)
        models = {model.name: model for model in known.models.values() if model.role == "llm"}
        if name not in models:
            raise SettingsError(f"llm.draft_model: there is no llm model {name!r}; there are {', '.join(models)}")
        if (state := shelf.state(models[name])) != "installed":
            raise SettingsError(f"llm.draft_model: {name} is {state}. Fetch it with: appliance models pull {name}")
    except CatalogError as error:
        raise SettingsError(str(error)) from error
    return shelf.folder(name) / models[name].main
