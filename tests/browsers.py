"""The page in a real browser: Debian's Chromium, driven by Playwright, its microphone a recording."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soxr
from playwright.sync_api import expect, sync_playwright

from appliance.audio import read_wav, wav

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from playwright.sync_api import Page

PATIENCE_MS = 60_000
MICROPHONE_RATE = 48_000
QUIET = (
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic",
)  # fmt: skip
"""Chromium asks for nothing but the page; tests run as root in machines of their own."""

expect.set_options(timeout=PATIENCE_MS)


def microphone(path: Path, recording: bytes, *, before: float = 2.0, after: float = 0.0) -> Path:
    """A recording as Chromium's fake microphone plays it: once, from its beginning each time that it is opened.

    `before` and `after`: seconds of silence.
    """
    pcm, rate = read_wav(recording)
    samples = soxr.resample(np.frombuffer(pcm, dtype="<i2"), rate, MICROPHONE_RATE).astype("<i2")
    begin, end = (np.zeros(int(seconds * MICROPHONE_RATE), dtype="<i2") for seconds in (before, after))
    path.write_bytes(wav(np.concatenate([begin, samples, end]).tobytes(), MICROPHONE_RATE))
    return path


class Browsers:
    """Opens the page, in a browser of its own each time."""

    def __init__(self, chromium: str) -> None:
        self._chromium = chromium

    @contextmanager
    def opened(
        self, url: str, *, mic: Path | None = None, allow: bool = True, environ: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (), kept: Mapping[str, Any] | None = None, visit: Mapping[str, Any] | None = None,
    ) -> Iterator[Page]:  # fmt: skip
        """An address. Errors in the page, and what its policy forbids, are errors of the test.

        `mic`: a recording as its microphone; `allow`: whether the user lets the page have it; `environ`: the browser's;
        `kept`: choices of an earlier visit; `visit`: what else Playwright is told of it, such as `viewport`.
        """
        sound = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={mic}%noloop"] if mic else []
        sound += ["--use-fake-ui-for-media-stream"] if allow else []
        wrong: list[str] = []
        # Playwright's loop runs in this thread until it is left: no other may meanwhile, nor in the tests that follow.
        with (
            sync_playwright() as playwright,
            playwright.chromium.launch(
                executable_path=self._chromium, args=[*QUIET, *sound, *arguments],
                ignore_default_args=["--mute-audio"], env=None if environ is None else {**environ},
            ) as browser,
        ):  # fmt: skip
            context = browser.new_context(**{"locale": "en-GB", **(visit or {})})
            context.set_default_timeout(PATIENCE_MS)
            for name, value in (kept or {}).items():
                text = json.dumps(json.dumps(value))
                context.add_init_script(f"localStorage['appliance.{name}'] ??= {text}")
            page = context.new_page()
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda told: wrong.append(told.text) if "Security Policy" in told.text else None)
            page.goto(url)
            yield page
        assert not wrong, wrong


def browsers() -> Browsers:
    """Chromium, ready to be started; a machine without one skips the tests that need it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs the package chromium")
    return Browsers(chromium)
