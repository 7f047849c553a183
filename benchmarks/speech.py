"""What is said to the box: recorded speech, or what its own voice says where there is none.

A folder of recordings may have their words in `transcripts.tsv`, a table with the columns `file` and `transcript`, or
beside each in a text file of the same name. Recorded speech is the better judge: of a synthesised voice the words are
easier to hear, and the end of a turn is easier to tell.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from appliance.cli.line import RATE, LineError
from appliance.cli.talk import recording
from appliance.probing.wrong_words import words

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

KINDS: Final = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a")
TABLE: Final = "transcripts.tsv"
SHORTEST, LONGEST = 0.8, 8.0
"""Seconds of what is said in a turn."""
MOST: Final = 40
"""Recordings that are used of a folder: the first by name."""
SAID: Final = (
    "Why is the sky blue?", "What is the best part of the week?", "Tell me about the sea.", "How do birds fly?",
    "The old clock on the wall has stopped.", "Bring your best compass to the third class.",
    "A cup of sugar makes sweet fudge.", "The fruit peel was cut in thick slices.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recording:
    """One file, its samples (16 bits, mono, `RATE`), and what is said in it if that is known."""

    file: Path
    pcm: bytes
    words: list[str] | None

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / 2 / RATE


@dataclass(frozen=True, slots=True)
class Speech:
    """All recordings of a run, and where they are from."""

    source: Literal["recorded", "synthesised"]
    recordings: tuple[Recording, ...]

    @property
    def turns(self) -> list[Recording]:
        """Those that are about as long as what people say in a turn; all of them if none is."""
        found = [each for each in self.recordings if SHORTEST <= each.seconds <= LONGEST]
        return found or list(self.recordings)

    @property
    def known(self) -> list[Recording]:
        """Those whose words are known."""
        return [each for each in self.recordings if each.words]

    def about(self) -> dict[str, Any]:
        """For the fingerprint."""
        digest = hashlib.sha256()
        for each in self.recordings if self.source == "recorded" else ():
            digest.update(each.pcm)  # a synthesised voice never sounds the same twice
        seconds = round(sum(each.seconds for each in self.recordings), 1) if self.source == "recorded" else None
        told = {"source": self.source, "recordings": len(self.recordings), "with_words": len(self.known)}
        return {**told, **({"seconds": seconds, "sha256": digest.hexdigest()[:16]} if seconds is not None else {})}


def recorded(folder: Path) -> Speech | None:
    """The recordings in a folder; None if there are none. Raises click's `ClickException` for one that is broken."""
    files = sorted(each for each in folder.iterdir() if each.suffix.lower() in KINDS) if folder.is_dir() else []
    if not files:
        return None
    table, found = _table(folder / TABLE), []
    for file in files[:MOST]:
        beside = file.with_suffix(".txt")
        said = table.get(file.name) or (beside.read_text(errors="replace") if beside.is_file() else None)
        try:
            found.append(Recording(file, recording(file), words(said) if said else None))
        except LineError as error:
            raise click.ClickException(f"--speech: {error}") from error
    return Speech("recorded", tuple(found))


def synthesised(client: httpx.Client, folder: Path) -> Speech:
    """What a running box says of `SAID`, as files in a folder."""
    found = []
    for number, text in enumerate(SAID):
        asked = client.post("/v1/audio/speech", json={"input": text, "response_format": "wav"})
        file = folder / f"{number}.wav"
        file.write_bytes(asked.raise_for_status().content)
        found.append(Recording(file, recording(file), words(text)))
    return Speech("synthesised", tuple(found))


def _table(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    with file.open(newline="", errors="replace") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if rows and not {"file", "transcript"} <= rows[0].keys():
        raise click.ClickException(f"{file}: the first line has to name the columns: file, transcript")
    return {row["file"]: row["transcript"] or "" for row in rows}
