"""Watching a release that has just begun to serve: what it says of itself, and how often it fails its callers."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from appliance.releases.faults import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.releases.layout import Layout
    from appliance.releases.service import Service
    from appliance.releases.telling import Telling

EVERY_SECONDS: Final = 5.0
TELL_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 10.0
MOST_BYTES: Final = 4 << 20
NOT_READY: Final = 3
"""Looks in a row at which it may be not ready: a worker that is replaced takes seconds."""
SHARE: Final = 0.02
"""Of the requests that may end with 5xx."""
FEWEST: Final = 3
"""Such requests before their share counts: one among ten says little."""
COUNTED: Final = re.compile(r"^appliance_http_requests_total\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE)
LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Watching:
    """Of the service at its own address. `sleep` waits for seconds, `clock` counts them."""

    def __init__(
        self, layout: Layout, service: Service, telling: Telling, *, sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._layout, self._service, self._telling = layout, service, telling
        self._sleep, self._clock = sleep, clock
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def watch(self, seconds: float) -> None:
        """Raises `Failed` as soon as it is ill: restarted, not ready for a while, failing its callers."""
        base, process = self._service.address(), self._service.process()
        begin = told = self._clock()
        missed, share = 0, "no requests"
        while (now := self._clock()) - begin < seconds:
            if not self._service.active():
                raise Failed(f"the service is not active any more{self._service.log()}")
            if (found := self._service.process()) != process:
                raise Failed(f"the service was restarted (process, times: {process}, now {found}){self._service.log()}")
            why = self._unready(f"{base}/health/ready")
            missed = missed + 1 if why else 0
            if missed >= NOT_READY:
                raise Failed(f"the service is not ready, {missed} times in a row: {why}")
            share = self._failing(f"{base}/metrics")
            if now - told >= TELL_SECONDS:
                told = now
                self._telling.say(f"  well so far, {seconds - (now - begin):.0f} s to go: {share}")
            self._sleep(EVERY_SECONDS)
        self._telling.say(f"  {share}")

    def _unready(self, url: str) -> str:
        """Why it is not ready; empty if it is."""
        status, body = self._get(url)
        if status == 200:
            return ""
        try:
            stages = json.loads(body).get("stages", {})
            bad = [f"{name} {stage['state']} {stage['detail']}".strip() for name, stage in stages.items()
                   if stage["state"] != "ready"]  # fmt: skip
        except (ValueError, KeyError, AttributeError, TypeError):
            bad = []
        return "; ".join(bad) or f"{url}: {status or body.decode(errors='replace')}"

    def _failing(self, url: str) -> str:
        """Requests so far, in words."""
        status, body = self._get(url)
        if status != 200:
            return f"its figures cannot be seen ({status or 'no answer'})"
        total, failed = shares(body.decode(errors="replace"))
        if failed >= FEWEST and failed > SHARE * total:
            raise Failed(f"{failed} of {total} requests ended with 5xx, more than {SHARE:.0%}{self._service.log()}")
        return f"{total} requests, {failed} ended with 5xx"

    def _get(self, url: str) -> tuple[int, bytes]:
        """Status and body; 0 and why if there is no answer."""
        request = urllib.request.Request(url)  # noqa: S310 - an address of our own
        if self._layout.probe_key.is_file():
            request.add_header("Authorization", f"Bearer {self._layout.probe_key.read_text().strip()}")
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, answer.read(MOST_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(MOST_BYTES)
        except (OSError, ValueError) as error:
            return 0, str(error).encode()


def shares(figures: str) -> tuple[int, int]:
    """Of the metrics' text: requests in all, and those that ended with 5xx. Questions after its health do not count."""
    total = failed = 0
    for labels, value in COUNTED.findall(figures):
        told = dict(LABEL.findall(labels))
        if told.get("route", "").startswith("/health"):
            continue
        total += int(float(value))
        failed += int(float(value)) if told.get("status", "").startswith("5") else 0
    return total, failed
