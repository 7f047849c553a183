"""So many people in conversation with a box, in a process of their own, and what they report."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from benchmarks.speakers import Report
from benchmarks.talker import talker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.speakers import Order


@contextmanager
def people(order: Order) -> Iterator[Iterator[Report]]:
    """Their reports as they come, at least one a second; they hang up on the way out."""
    with talker("benchmarks.speakers") as process:
        process.tell(asdict(order))

        def reports() -> Iterator[Report]:
            while not (report := msgspec.convert(process.hear(), Report)).ended:
                yield report

        yield reports()
        process.tell("stop")
        for _ in reports():  # until they have hung up
            pass
