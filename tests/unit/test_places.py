"""Two programs know where a box has its parts, as one of them needs nothing of the other: they say the same."""

from __future__ import annotations

from appliance.places import Places
from appliance.releases.journal import NAME
from appliance.releases.layout import Layout


def test_both_say_the_same() -> None:
    places, layout = Places(), Layout()
    assert (places.opt, places.config, places.state, places.backups) == (
        layout.home, layout.settings, layout.remembered, layout.backups,
    )  # fmt: skip
    assert places.credentials == layout.probe_key.parent
    assert places.journal == layout.state / NAME
