"""A ground for the doctor to stand on: a box below a folder of the test's own, and programs that answer by script."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance import settings as settings_module
from appliance.doctor.child import Absent, Answer
from appliance.doctor.ground import Ground
from appliance.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from appliance.doctor.check import Check


class Asked:
    """Answers by the first word of a command, or by any word in it; what is not in the script is absent."""

    def __init__(self, answers: Mapping[str, Answer | Exception]) -> None:
        self.answers = answers
        self.commands: list[list[str]] = []

    def __call__(self, command: Sequence[str], seconds: float) -> Answer:
        self.commands.append(list(command))
        for word, answer in self.answers.items():
            if any(word in part for part in command):
                if isinstance(answer, Exception):
                    raise answer
                return answer
        raise Absent(f"there is no {command[0]} here")


def standing(
    root: Path, answers: Mapping[str, Answer | Exception] | None = None, *,
    sections: Mapping[str, Mapping[str, Any]] | None = None, **given: Any,
) -> Ground:  # fmt: skip
    """A ground whose every path is below `root`."""
    settings = settings_module.load(environ={}, state_dir=root / "var/lib/appliance", overrides=sections)
    return replace(Ground(settings=settings, places=Places(root), ask=Asked(answers or {})), **given)


def found(checks: Callable[[Ground], Iterator[Check]], ground: Ground) -> dict[str, Check]:
    """By name; a name comes once."""
    by_name: dict[str, Check] = {}
    for check in checks(ground):
        assert check.name not in by_name
        by_name[check.name] = check
        if check.outcome in ("fault", "warning"):
            assert check.do, check
    return by_name


def outcomes(checks: Callable[[Ground], Iterator[Check]], ground: Ground) -> dict[str, str]:
    """The outcomes alone."""
    return {name: check.outcome for name, check in found(checks, ground).items()}
