"""The settings: whether they can be read, and are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.doctor.check import Check, fault, note, ok, skipped
from appliance.doctor.redaction import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.doctor.ground import Ground


def checks(ground: Ground) -> Iterator[Check]:
    """Of the file and the environment together, as the server would read them."""
    if ground.unseen:
        yield skipped("settings", f"{ground.unseen}; ask again as root")
    elif ground.wrong:
        do = "Mend that line; `appliance settings` prints every field with its default. The box does not start so."
        yield fault("settings", without_values(ground.wrong), do)
    else:
        yield ok("settings", f"{ground.config}: valid" if ground.config else "the defaults and the environment: valid")
        if ground.settings.http.open:
            yield note("keys", "http.open: the box answers anybody on this machine without a key")
