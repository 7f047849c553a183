"""What `nvidia-smi` says, as values. Its fields may be "[N/A]", "[Not Supported]", "[Unknown Error]" and more."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.doctor.child import Absent, Unanswered

if TYPE_CHECKING:
    from appliance.doctor.child import Answer, Ask

SECONDS: Final = 20.0
"""Without persistence mode the driver initialises each card first."""
FIELDS: Final = ("index", "name", "driver_version", "memory.total", "memory.free", "persistence_mode")
CARDS: Final = ("nvidia-smi", f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits")
PROGRAMS: Final = ("nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card. Sizes in MiB; None is what the driver does not say."""

    index: int
    name: str
    driver: str
    total: int | None
    free: int | None
    persistent: bool | None


class NoCards(Exception):
    """There are none to be asked; the message is nvidia-smi's own."""


def cards(ask: Ask) -> list[Card]:
    """Raises `Absent` where there is no nvidia-smi, `Unanswered` where it hangs, `NoCards` where it fails."""
    answer = ask(CARDS, SECONDS)
    if answer.code:
        raise NoCards(_first_line(answer))
    found = []
    for row in csv.reader(answer.out.splitlines(), skipinitialspace=True):
        if len(row) != len(FIELDS) or not row[0].isdecimal():
            if "".join(row).strip():
                raise NoCards(_first_line(answer))
            continue
        index, name, driver, total, free, persistent = (cell.strip() for cell in row)
        found.append(
            Card(
                index=int(index),
                name=name,
                driver=driver,
                total=_number(total),
                free=_number(free),
                persistent={"Enabled": True, "Disabled": False}.get(persistent),
            )
        )
    if not found:
        raise NoCards("No devices were found")
    return found


def used(ask: Ask) -> dict[int, int]:
    """MiB by process id, of programs that compute; nothing where the driver does not say, as inside containers."""
    try:
        answer = ask(PROGRAMS, SECONDS)
    except (Absent, Unanswered):
        return {}
    by_pid: dict[int, int] = {}
    for row in csv.reader(answer.out.splitlines() if not answer.code else ()):
        if len(row) == 2 and (pid := _number(row[0])) and (size := _number(row[1])):
            by_pid[pid] = by_pid.get(pid, 0) + size
    return by_pid


def _number(cell: str) -> int | None:
    return int(cell) if cell.strip().isdecimal() else None


def _first_line(answer: Answer) -> str:
    lines = [line.strip() for line in (answer.out + "\n" + answer.err).splitlines() if line.strip()]
    return lines[0][:200] if lines else f"nvidia-smi ended with status {answer.code}"
