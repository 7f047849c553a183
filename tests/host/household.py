"""People who use a box over TLS while things happen to it, and what they were told."""

from __future__ import annotations

import itertools
import secrets
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

PROBE: Final = Path(__file__).parents[2] / "appliance" / "probe.flac"
TURNS: Final = 10
"""Of a conversation: a long one is read anew after each start, which takes two cores many seconds."""
PATIENCE_SECONDS: Final = 120.0
"""The gap of an upgrade is waited through: a request that has waited longer counts as lost."""


@dataclass(frozen=True, slots=True)
class Door:
    """A box's address, the authority that vouches for it, and a key that opens it."""

    url: str
    authority: Path
    key: str

    def client(self) -> httpx.Client:
        """Connections that trust nobody but that authority."""
        return httpx.Client(
            base_url=self.url,
            verify=ssl.create_default_context(cafile=str(self.authority)),
            headers={"authorization": f"Bearer {self.key}"},
            timeout=PATIENCE_SECONDS,
        )


@dataclass
class Told:
    """What one person was told. `kept`: turns that were acknowledged, by conversation and number."""

    requests: int = 0
    lost: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    longest: float = 0.0


def write_turns(door: Door, name: str, told: Told, over: threading.Event) -> None:
    """Somebody who types, one short turn after the other, each over a connection of its own."""
    number = 0
    while not over.is_set():
        number += 1
        conversation = f"{name}-{number // TURNS}"
        words = f"{conversation} number {number}"
        began = time.monotonic()
        try:
            with door.client() as client:
                answer = client.post(
                    "/v1/chat/completions",
                    json={
                        "model": "default", "conversation": conversation, "max_tokens": 2,
                        "messages": [{"role": "user", "content": words}],
                    },
                )  # fmt: skip
            if answer.status_code == 200:
                told.kept.append((conversation, words))
            else:
                told.lost.append(f"{answer.status_code} {answer.text[:300]}")
        except httpx.HTTPError as error:
            told.lost.append(repr(error))
        told.requests += 1
        told.longest = max(told.longest, time.monotonic() - began)


def speak_turns(door: Door, name: str, told: Told, over: threading.Event) -> None:
    """Somebody who speaks."""
    audio = PROBE.read_bytes()
    for number in itertools.takewhile(lambda _: not over.is_set(), itertools.count()):
        began = time.monotonic()
        try:
            with door.client() as client:
                answer = client.post(
                    "/v1/voice/turns",
                    files={"audio": ("probe.flac", audio)},
                    data={"conversation": f"{name}-{number // TURNS}"},
                )
            if answer.status_code != 200 or len(answer.content) < 1000:
                told.lost.append(f"{answer.status_code} {answer.text[:300]}")
        except httpx.HTTPError as error:
            told.lost.append(repr(error))
        told.requests += 1
        told.longest = max(told.longest, time.monotonic() - began)


@contextmanager
def household(door: Door, *, writers: int = 2, speakers: int = 1) -> Iterator[list[Told]]:
    """So many people use the box for as long as the block lasts; what they were told is whole after it."""
    over = threading.Event()
    visit = secrets.token_hex(3)  # no scene goes on with the conversations of another
    everybody: list[Told] = []
    threads = []
    for number in range(writers + speakers):
        told = Told()
        everybody.append(told)
        what, who = (write_turns, "writer") if number < writers else (speak_turns, "speaker")
        threads.append(threading.Thread(target=what, args=(door, f"{who}-{number}-{visit}", told, over)))
    for thread in threads:
        thread.start()
    try:
        yield everybody
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS * 2)


def acknowledged(everybody: list[Told]) -> int:
    """How many turns."""
    return sum(len(told.kept) for told in everybody)


def until_acknowledged(everybody: list[Told], count: int) -> None:
    """Wait until so many were."""
    until = time.monotonic() + 120
    while acknowledged(everybody) < count:
        assert time.monotonic() < until, [told.lost for told in everybody]
        time.sleep(0.05)


def forgotten(door: Door, everybody: list[Told]) -> list[tuple[str, str]]:
    """Of the turns that were acknowledged, those that the box does not remember."""
    missing = []
    with door.client() as client:
        for name in sorted({name for told in everybody for name, _ in told.kept}):
            words = _said(client, name)
            missing += [
                (name, text) for told in everybody for who, text in told.kept if who == name and text not in words
            ]
    return missing


def _said(client: httpx.Client, conversation: str) -> set[str]:
    found: set[str] = set()
    after: dict[str, str] = {}
    while True:
        answer = client.get(f"/v1/conversations/{conversation}/items", params={"limit": "100", **after})
        answer.raise_for_status()
        page = answer.json()
        for item in page["data"]:
            found.update(part.get("text", "") for part in item.get("content", []))
        if not page["has_more"]:
            return found
        after = {"after": page["last_id"]}
