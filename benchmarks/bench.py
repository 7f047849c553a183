"""The bench that all parts work at: which models and settings, what is said, and boxes of its own to measure."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks import box as boxes
from benchmarks.progress import step
from benchmarks.speech import Speech, recorded, synthesised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.catalog.lineup import Lineup
    from appliance.settings import Settings
    from benchmarks.box import Box, Watch

ANSWER_SECONDS = 300.0


@dataclass(slots=True)
class Bench:
    """What was asked for."""

    settings: Settings
    lineup: Lineup
    scratch: Path
    """Where boxes of the benchmark's own keep things: on the disk that is measured, removed at the end."""
    config: Path | None = None
    quick: bool = False
    sessions: tuple[int, ...] = ()
    """Live conversations at once, beside one alone."""
    recordings: Path | None = None
    """Folder of recorded speech, if there is one."""
    encoder: Path | None = None
    """GGUF file that makes vectors, in place of the box's own."""
    minutes: float | None = None
    """Of a long part; None: as long as it usually takes."""
    limit_seconds: float = 2.0
    """Voice to voice that has to be kept where a part looks for the most that keeps it."""
    think_seconds: float = 3.0
    speakers: int | None = None
    carried: int | None = None
    """People that the box carries, where that is known: by `capacity` in the same run, if not said."""
    stages: Path | None = None
    """Result with the stages that the model starts from; None: they are measured."""
    notes: list[str] = field(default_factory=list)
    """What is to be known of the part that is measured."""
    _speech: Speech | None = None
    _made: tempfile.TemporaryDirectory[str] | None = None

    @property
    def long_minutes(self) -> float:
        """Of a long part."""
        return self.minutes or (3.0 if self.quick else 30.0)

    @contextmanager
    def box(
        self, environ: Mapping[str, str] | None = None, *, keys: bool = False, watch: Watch | None = None,
        module: str = "appliance",
    ) -> Iterator[Box]:  # fmt: skip
        """A box with the models and settings of this one and nothing else: it has neither been told nor kept anything.

        It listens on loopback, and answers anybody there unless it is to want `keys`.
        """
        given = {"APPLIANCE_MODELS__DIR": str(self.settings.models_dir), **(environ or {})}
        with (
            self.folder() as own,
            boxes.running(own, given, keys=keys, config=self.config, watch=watch, module=module) as running,
        ):
            yield running

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder below `scratch`, for as long as the block lasts."""
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="bench-") as made:
            yield Path(made)

    @contextmanager
    def client(self, box: Box, key: str | None = None) -> Iterator[httpx.Client]:
        """A client of a box."""
        shown = {"authorization": f"Bearer {key}"} if key else {}
        with httpx.Client(base_url=box.url, timeout=ANSWER_SECONDS, headers=shown, trust_env=False) as client:
            yield client

    @property
    def speech(self) -> Speech:
        """Recorded speech, or what a box says, which is started for that the first time."""
        if self._speech is None and self.recordings is not None:
            self._speech = recorded(self.recordings)
        if self._speech is None:
            step("no recorded speech: the box's own voice is recorded")
            self._made = tempfile.TemporaryDirectory(dir=self.scratch, prefix="bench-")
            with self.box() as running, self.client(running) as client:
                self._speech = synthesised(client, Path(self._made.name))
        return self._speech

    def close(self) -> None:
        """Remove what was recorded."""
        if self._made is not None:
            self._made.cleanup()
