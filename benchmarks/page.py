"""The page in a real browser: how soon it can be used, and what it adds to the time from voice to voice.

Debian's Chromium, driven by Playwright, hears a recording as its microphone. The page itself measures: from the moment
when the user's last voice was at the microphone to the one when the reply's first sample is played. What of it the box
needed it says itself (`sent`); the rest is the browser's and the line's.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import numpy as np

from appliance.audio import wav
from appliance.cli.line import RATE
from benchmarks.figures import made_of
from benchmarks.progress import rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext

    from benchmarks.bench import Bench
    from benchmarks.figures import Figure

MOST_INTERACTIVE: Final = 1.0
"""Seconds; the first visit, with nothing kept."""
MOST_ADDED: Final = 80.0
"""Milliseconds, the loudspeaker's own delay apart."""
VISITS, QUICK_VISITS = 9, 3
TURNS, QUICK_TURNS = 12, 3
VISIT_SECONDS, TURN_SECONDS = 20.0, 90.0
BEFORE: Final = 2.0
"""Seconds of silence before the recording: a microphone takes a moment to be had."""
PATIENCE_MS: Final = 60_000
ARGUMENTS: Final = (
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
CHOICES: Final = "localStorage['appliance.hands-free'] = 'true'"
MEASURED: Final = """() => performance.getEntriesByName('voice-to-voice')
    .map(({duration, detail}) => [duration, detail.box, detail.latency])"""


def measure(bench: Bench) -> Iterator[Figure]:
    """All figures of the page."""
    recording = bench.speech.turns[0]
    with bench.box() as box, tempfile.TemporaryDirectory() as folder:
        microphone = Path(folder) / "microphone.wav"
        silence = np.zeros(int(BEFORE * RATE), dtype="<i2").tobytes()
        microphone.write_bytes(wav(silence + recording.pcm, RATE))
        with _chromium(microphone) as browser:
            yield from _visits(browser, box.url, quick=bench.quick)
            yield from _turns(browser, box.url, quick=bench.quick)


@contextmanager
def _chromium(microphone: Path) -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise click.ClickException("page: needs playwright, which a checkout's set-up has (make setup)") from error
    found = shutil.which("chromium")
    if found is None:
        raise click.ClickException("page: needs the package chromium")
    file = f"--use-file-for-fake-audio-capture={microphone}%noloop"
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=found, args=[*ARGUMENTS, file]) as browser,
    ):
        yield browser


@contextmanager
def _visit(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(locale="en-GB") as visit:
        visit.set_default_timeout(PATIENCE_MS)
        yield visit


def _visits(browser: Browser, url: str, *, quick: bool) -> Iterator[Figure]:
    seconds: list[float] = []
    for number in rounds("visit", QUICK_VISITS if quick else VISITS, VISIT_SECONDS, warm=1):
        with _visit(browser) as visit:
            page = visit.new_page()
            page.goto(url)
            page.wait_for_selector(".talk-button")
            at: float = page.evaluate("performance.getEntriesByName('interactive')[0].startTime")
            if number:
                seconds.append(at / 1000)
    yield made_of("page_interactive", seconds, "s", at_most=MOST_INTERACTIVE)


def _turns(browser: Browser, url: str, *, quick: bool) -> Iterator[Figure]:
    with _visit(browser) as visit:
        visit.add_init_script(CHOICES)
        page = visit.new_page()
        page.goto(url)
        for number in rounds("turn", QUICK_TURNS if quick else TURNS, TURN_SECONDS, warm=1):
            page.get_by_role("button", name="Listen").click()
            page.wait_for_function("count => performance.getEntriesByName('voice-to-voice').length > count", arg=number)
            page.get_by_role("button", name="Stop listening").click()
            page.keyboard.press("Escape")
        told: list[Any] = page.evaluate(MEASURED)[1:]
    yield made_of("page_voice_to_voice", [whole / 1000 for whole, _, _ in told], "s")
    yield made_of("page_added", [whole - box for whole, box, _ in told], "ms", at_most=MOST_ADDED)
    yield made_of("page_loudspeaker", [latency for _, _, latency in told], "ms")
