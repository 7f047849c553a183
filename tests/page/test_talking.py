"""A conversation by voice in the page: heard, shown, answered aloud, interrupted, remembered. Real models."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from browsers import microphone
from playwright.sync_api import expect
from sound_cards import LISTENING, ending, sound_cards, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from browsers import Browsers
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.long

TELLER = "Storyteller"
"""An assistant whose replies are long enough to be interrupted."""
ASKED = re.compile("grass is green")
"""What is sure to be understood of the question, whatever the browser's echo canceller does to it."""
HANDS_FREE = {"hands-free": True, "spoken-language": "en", "assistant": TELLER}


@pytest.fixture(scope="module", autouse=True)
def teller(box: str) -> Iterator[None]:
    body = {
        "name": TELLER,
        "instructions": "Tell a long story of many sentences about what the user says.",
        "model": "default",
    }
    made = httpx.post(f"{box}/v1/assistants", json=body).raise_for_status().json()
    yield
    httpx.delete(f"{box}/v1/assistants/{made['id']}").raise_for_status()


@pytest.fixture
def cards(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment of a browser whose loudspeaker can be listened to."""
    with sound_cards(tmp_path) as environ:
        yield environ


def status(page: Page) -> Locator:
    return page.locator("#status")


def said(page: Page, role: str) -> Locator:
    return page.locator(f".saying.{'mine' if role == 'user' else 'its'} > p:first-of-type")


def transcribed(url: str, recording: bytes) -> str:
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files={"file": ("a.wav", recording)}, data={"language": "en"})
    return str(answer.raise_for_status().json()["text"])


def kept(url: str, page: Page) -> list[dict[str, Any]]:
    """What the box remembers of the conversation that the page shows."""
    conversation = page.locator(".hood code").inner_text()
    items = httpx.get(f"{url}/v1/conversations/{conversation}/items?order=asc").raise_for_status().json()
    return list(items["data"])


def test_hands_free_from_the_first_word_to_the_interruption(
    box: str, question: bytes, browsers: Browsers, cards: Mapping[str, str], tmp_path: Path
) -> None:
    mic, heard = microphone(tmp_path / "mic.wav", question), tmp_path / "heard.wav"
    with browsers.opened(box, mic=mic, environ=cards, kept={**HANDS_FREE, "developer": True}) as page:
        recorder = subprocess.Popen(["parecord", "-d", "loudspeaker.monitor", *LISTENING, str(heard)], env=cards)
        try:
            page.get_by_role("button", name="Listen").click()
            expect(said(page, "user")).to_have_text(ASKED)
            expect(status(page)).to_have_text("Speaking")
            expect(page.locator(".saying .now")).to_be_visible()  # its words light up as they are spoken
            # The microphone's recording begins anew when it is opened again: the user speaks into the reply.
            page.get_by_role("button", name="Stop listening").click()
            page.get_by_role("button", name="Listen").click()
            expect(page.locator(".saying.its.cut")).to_have_count(1)
            expect(said(page, "user")).to_have_count(2)
            expect(said(page, "assistant")).to_have_count(2)
            first = said(page, "assistant").first.inner_text()
            page.get_by_role("button", name="Stop listening").click()
            page.keyboard.press("Escape")
            expect(status(page)).to_have_text("Press to begin listening")
        finally:
            recorder.terminate()
            recorder.wait()
        items = kept(box, page)
        page.screenshot(path=tmp_path / "talked.png")
    assert [item["role"] for item in items][:3] == ["user", "assistant", "user"]
    assert items[1]["status"] == "incomplete"
    sounded = words_of(transcribed(box, ending(heard)))
    assert len(sounded & words_of(first)) > len(sounded) / 3, (sounded, first)


def test_typed_words_are_answered_aloud_and_escape_is_heard(box: str, browsers: Browsers) -> None:
    with browsers.opened(box, kept={"assistant": TELLER, "developer": True}) as page:
        page.get_by_label("Or type a message").fill("The moon and the sea.")
        page.keyboard.press("Enter")
        expect(said(page, "user")).to_have_text("The moon and the sea.")
        expect(status(page)).to_have_text("Speaking")
        page.keyboard.press("Escape")
        expect(page.locator(".saying.its.cut")).to_have_count(1)
        expect(status(page)).to_have_text("Hold to talk")
        told, last = said(page, "assistant").inner_text(), kept(box, page)[-1]
    assert last["status"] == "incomplete"
    heard = "".join(part["text"] for part in last["content"])
    assert len(heard) < len(told)
    assert told.startswith(heard[:20])


def test_the_button_is_held_by_keyboard_too(box: str, question: bytes, browsers: Browsers, tmp_path: Path) -> None:
    mic = microphone(tmp_path / "mic.wav", question)
    with browsers.opened(box, mic=mic, kept={"spoken-language": "en"}) as page:
        button = page.get_by_role("button", name="Hold to talk")
        button.focus()
        page.keyboard.down(" ")
        expect(status(page)).to_have_text("Listening to you")
        expect(said(page, "user")).to_have_text(re.compile(r"\w+ \w+"))  # while it is being said
        page.keyboard.up(" ")
        expect(said(page, "assistant")).to_have_text(re.compile(r"\w+ \w+"))
        expect(status(page)).to_have_text("Hold to talk")


def test_a_finger_holds_the_button_and_hears_the_answer(
    box: str, question: bytes, browsers: Browsers, tmp_path: Path
) -> None:
    mic = microphone(tmp_path / "mic.wav", question)
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with browsers.opened(box, mic=mic, kept={"spoken-language": "en"}, visit=phone) as page:
        place = page.get_by_role("button", name="Hold to talk").bounding_box()
        assert place is not None
        finger = {"x": place["x"] + place["width"] / 2, "y": place["y"] + place["height"] / 2}
        hand = page.context.new_cdp_session(page)
        hand.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [finger]})
        expect(said(page, "user")).to_have_text(re.compile(r"\w+ \w+"))
        hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        expect(said(page, "assistant")).to_have_text(re.compile(r"\w+ \w+"))
        expect(status(page)).to_have_text("Hold to talk")  # its last sample was played
