"""The model files: all there and of the right size, and by their digests where it is to be a deep look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.catalog import verify
from appliance.catalog.faults import CatalogError
from appliance.catalog.lineup import catalog
from appliance.catalog.shelf import Shelf
from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.needs import chosen
from appliance.doctor.systemd import NoSystemd, last, show, there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.catalog.lock import Lock
    from appliance.catalog.manifest import Model
    from appliance.doctor.ground import Ground

VERIFY: Final = "appliance-verify.service"
MOST_NAMED: Final = 3


def checks(ground: Ground) -> Iterator[Check]:
    """Of the set that is used, and of all others that are installed."""
    if not ground.known:
        yield skipped("models", "which ones are used is in the settings")
        return
    settings, shelf = ground.settings, Shelf(ground.settings.models_dir)
    try:
        known, lock = catalog(settings), shelf.lock()
        used = chosen(settings)
    except CatalogError as error:
        yield fault("models", str(error), "Mend what it names: models.set, models.manifests or the lock file.")
        return
    broken = _faults(used, shelf, lock, deep=ground.deep)
    names = " ".join(dict.fromkeys(model.name for model, _ in broken))
    how = "sizes and SHA-256 are right" if ground.deep else "sizes are right"
    if broken:
        more = f", and {len(broken) - MOST_NAMED} files more" if len(broken) > MOST_NAMED else ""
        do = f"`appliance models pull --verify {names}`, or from a folder `appliance models import --verify DIR`."
        yield fault("models", "; ".join(text for _, text in broken[:MOST_NAMED]) + more, do)
    else:
        size = sum(lock.bytes(model) or 0 for model in used)
        yield ok("models", f"set {settings.models.set}: {len(used)} models, {size / 1e6:,.0f} MB, {how}")
    others = [model for model in known.models.values() if model not in used and shelf.folder(model.name).is_dir()]
    if worse := _faults(others, shelf, lock, deep=ground.deep):
        names = " ".join(dict.fromkeys(model.name for model, _ in worse))
        do = f"`appliance models pull --verify {names}`, or remove what is not used: `appliance models gc`."
        yield warning("other models", "; ".join(text for _, text in worse[:MOST_NAMED]), do)
    yield _verified(ground)


def _faults(models: list[Model], shelf: Shelf, lock: Lock, *, deep: bool) -> list[tuple[Model, str]]:
    found = []
    for model in models:
        if not shelf.folder(model.name).is_dir():
            found.append((model, f"{shelf.folder(model.name)}: is missing"))
        else:
            found += [(model, text) for text in verify.faults(model, shelf.folder(model.name), lock, deep=deep)]
    return found


def _verified(ground: Ground) -> Check:
    """When all bytes were last read."""
    name = "models verified"
    try:
        unit = show(ground, [VERIFY]).get(VERIFY)
    except NoSystemd as error:
        return skipped(name, f"when that was last, only systemd knows, and {error}")
    if unit is None or not there(unit):
        return skipped(name, f"{VERIFY} is not installed here")
    if not (when := last(unit)):
        return note(name, "not since the machine started", f"`systemctl start {VERIFY}`, or `--deep` here.")
    if unit.get("Result") != "success":
        do = f"`journalctl -u {VERIFY} -n 20` names them, and the command that fetches them anew."
        return fault(name, f"{when}: failed", do)
    return ok(name, f"{when}: every byte was right")
