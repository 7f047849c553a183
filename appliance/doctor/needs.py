"""What the models of the settings' set need, by their manifests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.catalog.lineup import catalog

if TYPE_CHECKING:
    from appliance.catalog.manifest import Model
    from appliance.settings import Settings


@dataclass(frozen=True, slots=True)
class Needed:
    """Memory while all of them run, in units of 1,000,000 bytes."""

    ram_mb: int
    vram_mb: int


def chosen(settings: Settings) -> list[Model]:
    """What the server loads: the first model of each role, all voices, and models that the settings name.

    Raises `CatalogError` where the manifests are wrong or there is no such set.
    """
    known = catalog(settings)
    models: list[Model] = []
    for model in known.select((settings.models.set,)):
        if model.role == "tts" or model.role not in {other.role for other in models}:
            models.append(model)
    named = {settings.embed.model, settings.llm.draft_model if settings.llm.speculation == "draft" else ""} - {""}
    if settings.embed.model:
        models = [model for model in models if model.role != "embed"]
    return models + [model for model in known.select(tuple(sorted(named))) if model not in models]


def needs(settings: Settings) -> Needed:
    """Of all that the server comes to load: voices after the first at their first use. Raises `CatalogError`."""
    every = [model.needs for model in chosen(settings)]
    return Needed(sum(need.ram_mb for need in every), sum(need.vram_mb for need in every))
