"""What the doctor has found, on a page for people or as one JSON object."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Final

from appliance import __version__
from appliance.doctor.check import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from appliance.doctor.check import Check, Outcome

FORMAT: Final = 1
COLOURS: Final[dict[Outcome, str]] = {
    "fault": "\033[1;31m", "warning": "\033[33m", "note": "\033[36m", "ok": "\033[32m", "skipped": "\033[2m",
}  # fmt: skip
PLAIN: Final = "\033[0m"
LOUD: Final = ("fault", "warning")
"""Whose words are never cut."""


def page(checks: Sequence[Check], *, width: int, colour: bool) -> Iterator[str]:
    """Lines of at most `width` characters, worst first: one a check, and beneath it what to do."""
    names = min(max((len(check.name) for check in checks), default=0), 32)
    indent = " " * (9 + names + 2)
    for check in checks:
        head = f"{check.outcome:<9}{check.name:<{names}}  "
        lines = textwrap.wrap(
            check.seen, max(width - len(indent), 30), max_lines=None if check.outcome in LOUD else 1, placeholder=" …"
        )
        if check.do and check.outcome != "ok":
            lines += textwrap.wrap(
                check.do, max(width - len(indent), 30), initial_indent="→ ", subsequent_indent="  "
            )  # fmt: skip
        for number, line in enumerate(lines or [""]):
            start = head if number == 0 else indent
            if colour and number == 0:
                start = f"{COLOURS[check.outcome]}{start[:9]}{PLAIN}{start[9:]}"
            yield f"{start}{line}".rstrip()
    yield ""
    yield summary(checks)


def summary(checks: Sequence[Check]) -> str:
    """How many of each, in words."""
    counts = Counter(check.outcome for check in checks)
    words = {"fault": "faults", "warning": "warnings", "note": "notes", "ok": "ok", "skipped": "skipped"}
    return ", ".join(f"{counts[each]} {words[each] if counts[each] != 1 else each}" for each in ORDER)


def document(checks: Sequence[Check], *, at: datetime, deep: bool) -> str:
    """One JSON object; `appliance.cli.doctor` describes it."""
    return json.dumps(
        {
            "format": FORMAT,
            "appliance": __version__,
            "at": at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "deep": deep,
            "outcome": checks[0].outcome if checks else "skipped",
            "checks": [
                {"name": check.name, "outcome": check.outcome, "seen": check.seen, "do": check.do} for check in checks
            ],
        },
        indent=2,
        ensure_ascii=False,
    )
