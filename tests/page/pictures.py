"""The pictures of the page in docs/page: a box of its own, spoken to and asked; each page in each way that it looks.

`make pictures` takes them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import expect

sys.path.append(str(Path(__file__).parents[1]))
from browsers import browsers, microphone
from conftest import SPEECH, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).parents[2] / "docs" / "page"
WAYS = [
    (
        size,
        scheme,
        {"viewport": viewport, "color_scheme": scheme, "bypass_csp": True},
    )  # pictures bring a style of their own
    for size, viewport in (("desk", {"width": 1280, "height": 800}), ("phone", {"width": 390, "height": 844}))
    for scheme in ("light", "dark")
]
ASKED = "Why does it rain more in the mountains?"
MANUAL = "# Boiler\n\n## Errors\n\nError E7 means that the water pressure is below one bar. Open the filling valve.\n"


def taken(page: Page, name: str) -> None:
    """A picture, once what moves has come to rest."""
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", style=".ring { display: none }")


def main() -> None:
    """All of them."""
    FOLDER.mkdir(exist_ok=True)
    chromium = browsers()
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "log") as (_, url):
        mic = microphone(Path(folder) / "mic.wav", (SPEECH / "spk1_snt5.wav").read_bytes(), before=1.0)
        for size, scheme, way in WAYS:
            with chromium.opened(url, mic=mic, kept={"hands-free": True, "spoken-language": "en"}, visit=way) as page:
                page.get_by_role("button", name="Listen").click()
                expect(page.locator(".saying.its.done")).to_have_count(1)
                expect(page.locator("#status")).to_have_text("Listening")
                page.get_by_label("Or type a message").fill(ASKED)
                page.keyboard.press("Enter")
                expect(page.locator(".saying .now")).to_be_visible()
                taken(page, f"talk-{size}-{scheme}")
                page.goto(f"{url}/admin")
                expect(page.get_by_text("All is well")).to_be_visible()
                expect(page.get_by_text("is being measured")).to_have_count(0)
                taken(page, f"admin-{size}-{scheme}")
        with chromium.opened(url, mic=mic, kept={"hands-free": True, "developer": True}, visit=WAYS[0][2]) as page:
            page.get_by_role("button", name="Listen").click()
            expect(page.locator(".waterfall")).to_be_visible()
            taken(page, "under-the-hood")
            page.goto(f"{url}/history")
            expect(page.get_by_role("heading", name="Today")).to_be_visible()
            taken(page, "history")
        file = httpx.post(f"{url}/v1/files", files={"file": ("boiler.md", MANUAL.encode())}).json()["id"]
        store = httpx.post(f"{url}/v1/vector_stores", json={"name": "House", "file_ids": [file]}).json()["id"]
        with chromium.opened(f"{url}/admin/knowledge/{store}", visit=WAYS[0][2]) as page:
            page.get_by_label("Question").fill("What does error E7 mean?")
            expect(page.get_by_text("Ready").first).to_be_visible()
            page.get_by_role("button", name="Search").click()
            expect(page.get_by_text("below one bar").first).to_be_visible()
            taken(page, "documents")


if __name__ == "__main__":
    main()
