"""The spoken self-test as a client has it: a recording to the box, its reply back, and its reply's audio once more."""

from __future__ import annotations

import base64
import json
import re
import ssl
import time
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx

from appliance.errors import CODES
from appliance.probing import verdict
from appliance.probing.verdict import Verdict, Wrong

if TYPE_CHECKING:
    from appliance.probing.verdict import Outcome

ENGLISH: Final = re.compile(r"(?:en|mul)(?:[-_].*)?", re.IGNORECASE)
"""Tags of languages; `mul` is any."""
INSTRUCTIONS: Final = "Somebody greets you. Greet them back in English, in one short plain sentence."
UNHEARD: Final = "audio_silent"
"""What a box says of audio in which it finds no words."""
FULL: Final = ("overloaded", "rate_limited")
BUSY: Final = (429, 503)
"""Come again later: a box that is full or that replaces a worker answers within the time that it has."""
AGAIN_SECONDS: Final = 1.0
CONNECT_SECONDS: Final = 5.0
REPORT_SECONDS: Final = 5.0


class Silent(Exception):
    """There is no answer; the message says why."""


class Busy(Exception):
    """The box would answer later."""


@dataclass(slots=True)
class Line:
    """A connection to a box."""

    client: httpx.AsyncClient
    full: bool = False
    """Whether the last that it said is that it has no room."""

    def refused(self, code: str | None) -> None:
        """It would answer later: because it is full, or because a part of it is being replaced."""
        self.full = code in FULL

    async def later(self) -> None:
        """Until it may be asked again."""
        await anyio.sleep(AGAIN_SECONDS)


@dataclass(frozen=True, slots=True)
class Voice:
    """Who answers: a short name, or the box's own choice. `english`: whether its words can be compared."""

    name: str | None
    english: bool = True


@dataclass(slots=True)
class Heard:
    """An answer as far as it has come."""

    transcript: str = ""
    text: str = ""
    audio: bytes = b""
    done: bool = False


async def probe(client: httpx.AsyncClient, most: float, voice: str | None = None) -> Verdict:
    """Speak to the box that `client` reaches, and judge what comes within `most` seconds."""
    began = time.monotonic()
    wrong_words: float | None = None
    wrong_reply_words: float | None = None
    outcome: Outcome = "ok"
    reason = not_judged = ""
    line = Line(client)
    try:
        with anyio.fail_after(most):
            answering = Voice(voice) if voice else await _english(line)
            found = await _turn(line, answering)
            wrong_words = verdict.heard(found.transcript)
            verdict.worded(found.text)
            verdict.audible(found.audio)
            if answering.english:
                spoken = await _transcribed(line, found.audio)
                wrong_reply_words = verdict.understood(found.text, spoken)
            else:
                not_judged = "the reply's words were not compared, as no voice speaks English"
    except Wrong as wrong:
        outcome, reason = "wrong", str(wrong)
    except Silent as silent:
        outcome, reason = "silent", str(silent)
    except TimeoutError:
        outcome = "busy" if line.full else "silent"
        reason = (
            f"the box had no room within {most:g} s" if line.full else f"there was no whole answer within {most:g} s"
        )
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        outcome, reason = "silent", f"the answer broke off or is none ({type(error).__name__})"
    took = round(time.monotonic() - began, 3)
    return Verdict(outcome, reason, took, wrong_words, wrong_reply_words, not_judged)


async def report(client: httpx.AsyncClient, of: Verdict) -> str:
    """Tell the box how it went; why it could not be told, or nothing."""
    try:
        with anyio.fail_after(REPORT_SECONDS):
            answer = await client.post("/health/spoken", json={"outcome": of.outcome, "seconds": of.seconds})
    except (httpx.HTTPError, TimeoutError) as error:
        return f"the box could not be told ({type(error).__name__})"
    return "" if answer.is_success else f"the box would not be told: {_told(answer)}"


def box(url: str, key: str | None, ca_file: str | None = None) -> httpx.AsyncClient:
    """A client of the box at `url`. Raises `OSError` for a file that holds no certificates."""
    trusted = ssl.create_default_context(cafile=ca_file) if url.startswith("https:") else False
    headers = {"authorization": f"Bearer {key}"} if key else {}
    patience = httpx.Timeout(None, connect=CONNECT_SECONDS)
    return httpx.AsyncClient(base_url=url, headers=headers, verify=trusted, timeout=patience, trust_env=False)


async def _english(line: Line) -> Voice:
    """The box's own voice, or another one where that does not speak English."""
    answer = await _answered(line, line.client.build_request("GET", "/v1/models"))
    await answer.aread()
    await answer.aclose()
    voices = [each for each in answer.json()["data"] if each["role"] == "tts" and not each["alias_of"]]
    own, *others = voices  # the box's own comes first
    if not own.get("languages") or _speaks_english(own):
        return Voice(None)
    english = [each["voices"][0] for each in others if _speaks_english(each)]
    return Voice(english[0]) if english else Voice(None, english=False)


def _speaks_english(model: dict[str, Any]) -> bool:
    return any(ENGLISH.fullmatch(tag) for tag in model.get("languages", ()))


async def _turn(line: Line, voice: Voice) -> Heard:
    while True:
        found = Heard()
        try:
            await _ask(line, found, voice.name)
        except Busy:
            await line.later()
        else:
            return found


async def _ask(line: Line, found: Heard, voice: str | None) -> None:
    recording = resources.files("appliance").joinpath("probe.flac").read_bytes()
    form = {"language": "en", "instructions": INSTRUCTIONS, "store": "false", **({"voice": voice} if voice else {})}
    asked = line.client.build_request(
        "POST", "/v1/voice/turns", headers={"accept": "text/event-stream"}, data=form,
        files={"audio": ("probe.flac", recording, "audio/flac")},
    )  # fmt: skip
    answer = await _answered(line, asked, "the recording")
    try:
        async for told in answer.aiter_lines():
            if told.startswith("data:"):
                _note(line, found, json.loads(told.removeprefix("data:")))
    finally:
        await answer.aclose()
    if not found.done:
        raise Silent("the answer broke off")


def _note(line: Line, found: Heard, event: dict[str, Any]) -> None:
    match event.get("type"):
        case "turn.transcript":
            found.transcript = event["text"]
        case "turn.text.delta":
            found.text += event["delta"]
        case "turn.audio.delta":
            found.audio += base64.b64decode(event["audio"])
        case "turn.done":
            found.done = True
        case _ if "error" in event:
            code = event["error"].get("code")
            if CODES.get(code, (0, ""))[0] in BUSY:
                line.refused(code)
                raise Busy
            raise Silent(f"the box failed: {code}")


async def _transcribed(line: Line, audio: bytes) -> str:
    asked = line.client.build_request(
        "POST", "/v1/audio/transcriptions", data={"language": "en"}, files={"file": ("reply.wav", audio, "audio/wav")}
    )
    answer = await _answered(line, asked, "the reply's audio")
    try:
        await answer.aread()
    finally:
        await answer.aclose()
    return str(answer.json()["text"])


async def _answered(line: Line, asked: httpx.Request, sent: str = "the request") -> httpx.Response:
    """A good answer's head, asked for again while the box is busy. `sent`: what words may be missing in.

    Raises `Silent`, and `Wrong` if they are.
    """
    while True:
        try:
            answer = await line.client.send(asked, stream=True)
        except httpx.TransportError as error:
            raise Silent(f"the box cannot be reached ({type(error).__name__})") from error
        if answer.is_success:
            line.full = False
            return answer
        await answer.aread()
        await answer.aclose()
        code = _code(answer)
        if code == UNHEARD:
            raise Wrong(f"no words were heard in {sent}")
        if answer.status_code not in BUSY:
            raise Silent(f"the box refused: {_told(answer)}")
        line.refused(code)
        await line.later()


def _told(answer: httpx.Response) -> str:
    return f"{answer.status_code} {_code(answer)}"


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase
