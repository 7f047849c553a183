"""All pages as somebody has them who sees little, uses no mouse, or has a phone in the dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from browsers import Browsers
    from playwright.sync_api import Page

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SECTIONS = ("", "/keys", "/usage", "/models", "/knowledge", "/assistants", "/backups", "/logs", "/doctor")
TITLE = "A walk by keyboard"
SERIOUS = ("serious", "critical")
WAYS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "locale": "de-DE", "has_touch": True},
}


@pytest.fixture(scope="module")
def conversation(box: str) -> str:
    """One that is remembered."""
    body = {"conversation": "seen", "messages": [{"role": "user", "content": TITLE}], "max_tokens": 8}
    httpx.post(f"{box}/v1/chat/completions", json=body).raise_for_status()
    return "seen"


def faults(page: Page) -> list[tuple[str, str]]:
    """What axe finds that keeps somebody from using it."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run()")
    return [(each["id"], str(each["nodes"][0]["target"])) for each in found["violations"] if each["impact"] in SERIOUS]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_keeps_anybody_from_using_a_page(box: str, conversation: str, browsers: Browsers, way: str) -> None:
    if not AXE.exists():
        pytest.skip("needs axe: make node_modules/made, with the package npm")
    found: dict[str, object] = {}
    with browsers.opened(box, kept={"developer": True}, visit=WAYS[way] | {"bypass_csp": True}) as page:
        page.get_by_role("textbox").fill("Hello.")
        page.keyboard.press("Enter")
        expect(page.locator(".saying.its.done")).to_be_visible()
        found["/"] = faults(page)
        page.get_by_role("banner").get_by_role("button").last.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        found["settings"] = faults(page)
        for path in ("/history", f"/history/{conversation}", *(f"/admin{section}" for section in SECTIONS)):
            page.goto(f"{box}{path}")
            expect(page.get_by_role("main").get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_text("Loading").or_(page.get_by_text("Wird geladen"))).to_have_count(0)
            found[path] = faults(page)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found[path + " is too wide"] = True
    assert {place: wrong for place, wrong in found.items() if wrong} == {}


def test_all_is_done_with_the_keyboard(box: str, conversation: str, browsers: Browsers) -> None:
    with browsers.opened(box) as page:
        expect(page.get_by_role("button", name="Hold to talk")).to_be_visible()

        def focused() -> str:
            return str(
                page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
            )

        order = []
        for _ in range(10):
            page.keyboard.press("Tab")
            order.append(focused().strip())
        assert order[0] == "Skip to the content"
        assert [name for name in order if name in ("Talk", "History", "Admin", "Settings", "Hold to talk")] == [
            "Talk", "History", "Admin", "Settings", "Hold to talk",
        ]  # fmt: skip
        page.get_by_role("button", name="Settings").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_label("Who answers")).to_be_visible()
        page.get_by_label("Colours").focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert focused() == "Settings"
        page.get_by_role("link", name="History").focus()
        page.keyboard.press("Enter")
        page.get_by_role("link", name=TITLE).focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name=TITLE)).to_be_visible()
        page.go_back()
        expect(page.get_by_role("heading", level=1, name="History")).to_be_visible()


def test_no_browser_has_kept_the_page_from_anything(box: str, conversation: str, browsers: Browsers) -> None:
    before = reports(box)
    with browsers.opened(box) as page:
        for path in ("/", "/history", f"/history/{conversation}", *(f"/admin{section}" for section in SECTIONS)):
            page.goto(f"{box}{path}")
            expect(page.get_by_role("main").get_by_role("heading", level=1)).to_be_attached()
    assert reports(box) == before
    report = {"csp-report": {"effective-directive": "script-src-elem", "blocked-uri": "inline"}}
    assert httpx.post(f"{box}/page/reports", json=report).status_code == 204
    assert reports(box) == before + 1


def reports(box: str) -> float:
    lines = httpx.get(f"{box}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("appliance_page_reports_total{"))
