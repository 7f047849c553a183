"""Who sees what of the page, and what it says where there is no microphone. A box with keys, scripted stages."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

sys.path.append(str(Path(__file__).parents[1] / "web"))
from scripted import ScriptedStage, furnished
from test_identity import STOP, appliance

from appliance.callers.names import Names
from appliance.jobs import Token
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browsers import Browsers
    from playwright.sync_api import Page

ELSEWHERE = "--host-resolver-rules=MAP box.test 127.0.0.1"
"""A name of the box that is not this machine's own, as a phone on the premises has it."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    stage = ScriptedStage([Token(text="Hello"), STOP])
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with furnished({"store": {"dir": str(folder)}}, Stages(stage, stage, stage, stage), names) as address:
        yield address


def key(folder: Path, *more: str) -> str:
    return appliance("keys", "create", "--state-dir", str(folder), *more)


def sign_in(page: Page, text: str) -> None:
    page.get_by_label("Key").fill(text)
    page.get_by_role("button", name="Sign in").click()


def test_a_key_is_asked_for_and_a_wrong_one_is_told(url: str, folder: Path, browsers: Browsers) -> None:
    shown = key(folder, "root", "--role", "admin")
    with browsers.opened(f"{url}/admin") as page:
        sign_in(page, "va_000000000000_wrong")
        expect(page.get_by_role("alert")).to_have_text("The box does not know this key, or it is not valid any more.")
        page.get_by_label("Key").fill(shown)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        assert page.evaluate("document.cookie") == ""  # no script can read it
        page.reload()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.get_by_role("button", name="Settings").click()
        expect(page.get_by_text("Signed in as root")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Key")).to_be_visible()


def test_a_user_sees_nothing_of_the_admins_pages(url: str, folder: Path, browsers: Browsers) -> None:
    shown = key(folder, "anna")
    with browsers.opened(url) as page:
        sign_in(page, shown)
        expect(page.get_by_role("link", name="History")).to_be_visible()
        expect(page.get_by_role("link", name="Admin")).to_have_count(0)
        page.goto(f"{url}/admin/keys")
        expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_a_key_for_nothing_but_talking_sees_that_alone(url: str, folder: Path, browsers: Browsers) -> None:
    shown = key(folder, "speaker", "--scope", "voice")
    with browsers.opened(url) as page:
        sign_in(page, shown)
        expect(page.get_by_role("link", name="Talk", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="History")).to_have_count(0)
        page.get_by_role("button", name="Hold to talk").hover()
        page.get_by_label("Or type a message").fill("Hello")
        page.keyboard.press("Enter")
        expect(page.locator(".saying.its")).to_have_count(1)


def test_the_microphone_is_asked_for_on_a_press_and_a_refusal_explained(
    url: str, folder: Path, browsers: Browsers, recorded: Path
) -> None:
    shown = key(folder, "bert")
    with browsers.opened(url, mic=recorded / "spk1_snt1.wav", allow=False) as page:
        asked = page.evaluate("navigator.permissions.query({name: 'microphone'}).then((each) => each.state)")
        assert asked != "granted"
        sign_in(page, shown)
        expect(page.get_by_role("button", name="Hold to talk")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_text("")
        page.get_by_role("button", name="Hold to talk").click()
        expect(page.get_by_role("alert")).to_have_text(re.compile("The microphone is not allowed for 127.0.0.1"))


def test_where_https_is_missing_the_page_says_so(url: str, folder: Path, browsers: Browsers) -> None:
    address = url.replace("127.0.0.1", "box.test")
    shown = key(folder, "carla")
    with browsers.opened(address, arguments=(ELSEWHERE,)) as page:
        sign_in(page, shown)
        page.get_by_role("button", name="Hold to talk").click()
        expect(page.get_by_role("alert")).to_have_text(re.compile("open the box as https://"))


def test_the_page_speaks_german_to_whoever_reads_it(url: str, folder: Path, browsers: Browsers) -> None:
    shown = key(folder, "dora")
    with browsers.opened(url, visit={"locale": "de-AT"}) as page:
        expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "de"
        page.get_by_label("Schlüssel").fill(shown)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Einstellungen").click()
        page.get_by_label("Sprache dieser Seite").select_option("en")
        expect(page.get_by_role("heading", name="Settings")).to_be_visible()
        page.reload()
        expect(page.get_by_role("button", name="Settings")).to_be_visible()
