"""A conversation in the page survives what its connection does not: a killed server, a network that is gone."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from between import network
from browsers import microphone
from conftest import STATE, wait_ready
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browsers import Browsers
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.long

LOST_SECONDS = 10
QUESTION = "Tell me a long story about a ship."
LONG = {
    "APPLIANCE_VOICE__INSTRUCTIONS": "Tell a long story of many sentences.",
    "APPLIANCE_LLM__CONTEXT": "1024",
    "APPLIANCE_VOICE__TEMPERATURE": "0",
}


def replies(page: Page) -> Locator:
    return page.locator(".saying.its")


def type_and_hear(page: Page) -> None:
    """A question, until its answer sounds and has some words to go."""
    page.get_by_label("Or type a message").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("Speaking")
    expect(replies(page).locator(".lit").nth(1)).to_be_attached()


def hear_again(page: Page) -> None:
    """The answer is said from its beginning, and is the only one; enough of it is heard."""
    expect(page.locator("#status")).to_have_text("Speaking")
    expect(replies(page).locator(".lit").nth(1)).to_be_attached()
    expect(replies(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#status")).to_have_text("Hold to talk")
    expect(page.locator(".saying.its.cut")).to_have_count(1)


def remembered(url: str, page: Page) -> list[tuple[str, str]]:
    """Who said how much of what, as the box has it."""
    conversation = page.locator(".hood code").inner_text()
    items = httpx.get(f"{url}/v1/conversations/{conversation}/items?order=asc").raise_for_status().json()["data"]
    return [(item["role"], item["status"]) for item in items]


@contextmanager
def served(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A box on a port, which a test may kill."""
    command = [sys.executable, "-m", "appliance", "serve", "--open", "--port", str(port), "--state-dir", str(STATE)]
    caches = {f"APPLIANCE_CACHE__{name}_MB": "0" for name in ("SPEECH", "TRANSCRIPTS")}
    environ = {**os.environ, **caches, **LONG, "APPLIANCE_STORE__DIR": str(folder)}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environ) as process:
        try:
            wait_ready(f"http://127.0.0.1:{port}")
            yield process
        finally:
            process.terminate()
            process.wait(30)


def test_a_killed_server_is_waited_for_and_what_it_owed_is_said(browsers: Browsers, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as later:
        with served(port, tmp_path) as process:
            page = later.enter_context(browsers.opened(url, kept={"developer": True}))
            type_and_hear(page)
            process.kill()
            expect(page.locator("#status")).to_have_text("Connecting again …")
        later.enter_context(served(port, tmp_path))
        hear_again(page)
        assert remembered(url, page) == [("user", "completed"), ("assistant", "incomplete")]


def test_ten_seconds_without_a_network_in_the_middle_of_a_reply(box: str, browsers: Browsers) -> None:
    made = httpx.post(
        f"{box}/v1/assistants",
        json={"name": "Long", "instructions": LONG["APPLIANCE_VOICE__INSTRUCTIONS"], "temperature": 0},
    )
    with network(int(box.rpartition(":")[2])) as between:
        url = f"http://127.0.0.1:{between.port}"
        with browsers.opened(url, kept={"developer": True, "assistant": made.json()["name"]}) as page:
            type_and_hear(page)
            between.lose()
            expect(page.locator("#status")).to_have_text("Connecting again …")
            back = threading.Timer(LOST_SECONDS, between.find)
            back.start()
            expect(page.get_by_role("alert")).to_have_text(re.compile("The connection is lost"))
            hear_again(page)
            back.join()
            assert remembered(box, page) == [("user", "completed"), ("assistant", "incomplete")]


def test_what_is_said_while_the_network_is_away_is_answered_when_it_is_back(
    box: str, question: bytes, browsers: Browsers, tmp_path: Path
) -> None:
    mic = microphone(tmp_path / "mic.wav", question)
    with network(int(box.rpartition(":")[2])) as between:
        url = f"http://127.0.0.1:{between.port}"
        with browsers.opened(
            url, mic=mic, kept={"developer": True, "hands-free": True, "spoken-language": "en"}
        ) as page:
            page.get_by_role("button", name="Listen").click()
            expect(page.locator("#status")).to_have_text("Listening to you")
            between.lose()
            expect(page.locator("#status")).to_have_text("Connecting again …")
            between.find()
            expect(page.locator(".saying.mine p")).to_have_text(re.compile("grass is green"))
            expect(page.locator("#status")).to_have_text("Speaking")
            page.keyboard.press("Escape")
            expect(page.locator("#status")).to_have_text("Listening")
            assert [role for role, _ in remembered(box, page)] in (
                ["user", "assistant"],
                ["user"],
            )  # a word was heard, or not yet
