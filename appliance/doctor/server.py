"""The running server: whether it lives, which release it is, how each stage is, and whether it answers what is said."""

from __future__ import annotations

import json
import os
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from appliance import __version__
from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.child import Unanswered
from appliance.doctor.versions import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.doctor.ground import Ground

SECONDS: Final = 5.0
SPOKEN_SECONDS: Final = 30
"""For the box's answer, each time; the process gets some more."""
SPOKEN_TRIES: Final = 2
"""One wrong answer may be chance."""
DETAIL: Final = 160
"""Characters of what a stage says of itself."""


def checks(ground: Ground) -> Iterator[Check]:
    """From outside, as any client."""
    with _client(ground) as client:
        try:
            live = client.get("/health/live")
            version, status = _told(live, "version"), _told(live, "status")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            yield _down(ground, error)
            return
        if live.status_code != 200:
            do = "See `journalctl -u appliance.service -n 50`, and start it again."
            yield fault("server", f"{ground.shown_address}: answers {live.status_code}, status {status!r}", do)
        else:
            yield ok("server", f"{ground.shown_address}: lives, version {version}")
        yield from _release(ground, version)
        try:
            body: dict[str, Any] = client.get("/health/ready").json()
            yield from _stages(body)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            yield fault("stages", f"/health/ready: {type(error).__name__}", "See the server's log.")
            return
    if all(stage["state"] == "ready" for stage in body["stages"].values()):
        yield _spoken(ground)
    else:
        yield skipped("spoken turn", "not while a stage is not ready")


def _client(ground: Ground) -> httpx.Client:
    """No proxy of the environment stands between; what the system trusts is trusted."""
    verify = ssl.create_default_context(cafile=ground.ca_file) if ground.address.startswith("https") else False
    return httpx.Client(base_url=ground.address, timeout=SECONDS, trust_env=False, verify=verify)


def _told(answer: httpx.Response, field: str) -> str:
    body = answer.json()
    if not isinstance(body, dict) or field not in body:
        raise ValueError(f"no {field}")
    return str(body[field])[:40]


def _down(ground: Ground, error: Exception) -> Check:
    why = _why(error)
    seen = f"{ground.shown_address}: {why}"
    if isinstance(error, httpx.ConnectError) and not ground.provisioned and not ground.named:
        return skipped("server", f"{seen}; `appliance serve` starts it")
    if ground.provisioned:
        return fault("server", seen, "`systemctl status appliance.service`, `journalctl -u appliance.service -n 50`")
    return fault("server", seen, "Is the address right, and does the box run?")


def _why(error: Exception) -> str:
    match error:
        case ValueError():
            return "what answers is no appliance"
        case httpx.TimeoutException():
            return f"gives no answer within {SECONDS:g} s"
        case httpx.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return "its certificate is not trusted on this machine (--ca-file)"
        case httpx.ConnectError():
            return "nobody answers"
        case _:
            return type(error).__name__


def _release(ground: Ground, version: str) -> Iterator[Check]:
    """The current release is what the next start takes; until then an older one may go on."""
    linked = current(ground.places) if ground.provisioned else None
    expected = linked or __version__
    same = version == expected if "+" in version else version == expected.partition("+")[0]
    if not same:
        what = "the current release" if linked else "this doctor"
        do = "`systemctl restart appliance.service`" if linked else ""
        make = warning if linked else note
        yield make("running version", f"the server is {version}, {what} is {expected}", do)


def _stages(body: dict[str, Any]) -> Iterator[Check]:
    well = []
    for name, stage in body["stages"].items():
        state, model, restarts = stage["state"], stage["model"], int(stage.get("restarts", 0))
        if state == "ready":
            well.append(f"{name} ({model}{f', restarted {restarts} times' if restarts else ''})")
            continue
        seen = f"{model}: {state}: {str(stage.get('detail', ''))[:DETAIL]}"
        do = "`journalctl -u appliance.service -n 50`; the rest of this page may name the cause."
        if state == "starting":
            yield warning(f"stage {name}", seen, f"If it stays so: {do}")
        else:
            yield fault(f"stage {name}", seen, do)
    if well:
        yield ok("stages", f"ready: {', '.join(well)}")
    if isinstance(spoken := body.get("spoken"), dict) and (outcome := spoken.get("outcome")) not in (None, "ok"):
        seen = f"the last one, at {spoken.get('at')}: {outcome}"
        if outcome in ("wrong", "silent"):
            yield fault("last spoken test", seen, "`appliance probe` says more; see the stages.")
        else:
            yield note("last spoken test", f"{seen}, which counts neither way")


def _key(ground: Ground) -> Path | None:
    """The file of a key, never the key: the probe reads it."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    for path in (
        ground.key_file,
        Path(given) / "probe.key" if given else None,
        ground.places.credentials / "probe.key" if ground.provisioned else None,
    ):
        if path is not None and os.access(path, os.R_OK):
            return path
    return None


def _spoken(ground: Ground) -> Check:
    """By `appliance probe`, in a process of its own; of its answer only what has no words in it."""
    name, key = "spoken turn", _key(ground)
    if key is None and not _open(ground):
        return skipped(name, "needs a key with the scope voice: --key-file")
    command = [sys.executable, "-P", "-m", "appliance", "probe", "--json", "--no-report", "--url", ground.address]
    command += ["--timeout", str(SPOKEN_SECONDS), "--tries", str(SPOKEN_TRIES)]
    command += ["--key-file", str(key)] if key else []
    command += ["--ca-file", str(ground.ca_file)] if ground.ca_file else []
    try:
        answer = ground.ask(command, SPOKEN_TRIES * SPOKEN_SECONDS + 30.0)
    except Unanswered as error:
        return fault(name, f"the probe did not end: {error}", "See the server's log.")
    if answer.code == 2 and "No such command" in answer.err:
        return skipped(name, "this appliance has no `appliance probe`")
    told = _object(answer.out)
    outcome = {0: "ok", 1: "answered wrongly", 2: "no answer", 3: "no room"}.get(answer.code, f"status {answer.code}")
    seconds = told.get("seconds")
    took = f" in {seconds:.1f} s" if isinstance(seconds, int | float) else ""
    if answer.code == 0:
        return ok(name, f"understood, answered and spoken{took}")
    do = f"See the stages and the server's log; `appliance probe --url {ground.shown_address}` tries again."
    reason = str(told.get("reason") or "")[:DETAIL]  # a sentence of the probe's own, which quotes nobody
    seen = f"{outcome}{took}{': ' if reason else ''}{reason}"
    return warning(name, seen, do) if answer.code == 3 else fault(name, seen, do)


def _open(ground: Ground) -> bool:
    """Whether the box wants no key."""
    try:
        with _client(ground) as client:
            return client.get("/v1/models").status_code == 200
    except httpx.HTTPError:
        return False


def _object(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
