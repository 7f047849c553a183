"""What others have made for the Wyoming protocol, and a box for it to talk to."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
import soxr
from conftest import serving

from appliance.audio import read_wav, wav

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HEARD_RATE = 16_000


@dataclass(frozen=True)
class Box:
    """An appliance in a process of its own, the address of its doors, and the port where it speaks Wyoming."""

    process: subprocess.Popen[bytes]
    url: str
    port: int


@contextmanager
def speaking_wyoming(log: Path, **environ: str) -> Iterator[Box]:
    settings = {"ENABLED": "true", "PORT": "0", "NAME": "Kitchen", "DISCOVERY": "false"}
    given = {f"APPLIANCE_WYOMING__{name}": value for name, value in settings.items()} | environ
    with serving(log, **given) as (process, url):
        found = re.search(r"tcp://127\.0\.0\.1:(\d+)", log.read_text())
        assert found is not None, log.read_text()
        yield Box(process, url, int(found[1]))


def environment(name: str, what: str) -> Path:
    """The Python of an environment that `make clients` makes; a test that does not find it is skipped."""
    if not (ROOT / name / "made").is_file():
        pytest.skip(f"no {name} with {what}: `make clients` makes it, or says why it cannot")
    return ROOT / name / "bin" / "python"


def say(url: str, text: str) -> bytes:
    """A text in the box's voice as a microphone hears it: mono 16-bit samples at 16 kHz."""
    spoken = httpx.post(f"{url}/v1/audio/speech", json={"input": text, "response_format": "wav"}, timeout=60)
    pcm, rate = read_wav(spoken.raise_for_status().content)
    samples = soxr.resample(np.frombuffer(pcm, dtype="<i2").astype(np.float32), rate, HEARD_RATE)
    return bytes(samples.round().clip(-32_768, 32_767).astype("<i2").tobytes())


def recording(pcm: bytes, rate: int = HEARD_RATE) -> bytes:
    return wav(pcm, rate)


def words_in(url: str, sound: bytes) -> list[str]:
    """What is said in a WAV, as the box hears it."""
    files, data = {"file": ("a.wav", sound)}, {"language": "en"}
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files=files, data=data, timeout=60)
    return words_of(str(answer.raise_for_status().json()["text"]))


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def said_in(conversation: str, url: str) -> list[tuple[str, str]]:
    """Who said what in a conversation that the box remembers."""
    answer = httpx.get(f"{url}/v1/conversations/{conversation}/items", params={"order": "asc"})
    return [(item["role"], item["content"][0]["text"]) for item in answer.raise_for_status().json()["data"]]


def alike(one: list[str], other: list[str]) -> bool:
    """Whether most words of each are the other's; a voice and ears of this size make a slip now and then."""
    common = len(set(one) & set(other))
    return bool(common) and 2 * common > max(len(set(one)), len(set(other)))
