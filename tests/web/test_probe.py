"""`appliance probe`: a real box passes, and whatever is wrong with an answer is noticed. Real sockets."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from scripted import END, ScriptedStage, doors, furnished
from test_identity import appliance, bearer

from appliance.callers.names import Names
from appliance.cli.main import main
from appliance.errors import EngineDown, InternalError, Overloaded, RequestError
from appliance.jobs import Audio, Generate, Heard, Segment, Speak, Token, Transcribe
from appliance.probing.talking import Line
from appliance.probing.wrong_words import error_rate, words
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from appliance.jobs import AnyJob

UNHEARD = RequestError("No words were found in the audio.", code="audio_silent", param="file")
LOUD = np.full(24_000, 8000, dtype="<i2").tobytes()


class Box:
    """Plays a box that hears, says and sounds like this, and then hears itself like that."""

    def __init__(
        self,
        heard: str = " Good morning!",
        says: str = "Hello there.",
        sounds: bytes = LOUD,
        again: str = "hello there",
    ) -> None:
        self.heard, self.says, self.sounds, self.again = heard, says, sounds, again
        self.failing: list[Exception] = []
        self.voices: set[str | None] = set()
        self._ears = 0

    async def play(self, job: AnyJob, number: int) -> AsyncIterator[Any]:
        if self.failing:
            yield self.failing.pop()
            return
        match job:
            case Transcribe():
                self._ears += 1
                if not self._ears % 2 and not self.again:
                    yield UNHEARD
                    return
                yield Heard(seconds=1.0, language="en", language_probability=1.0)
                yield Segment(id=0, start=0.0, end=1.0, text=self.heard if self._ears % 2 else self.again)
            case Generate():
                yield Token(text=self.says)
                yield END
            case Speak():
                self.voices.add(job.voice)
                yield Audio(samples=len(self.sounds) // 2), self.sounds


def probed(url: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code, and what is printed."""
    done = CliRunner().invoke(main, ["probe", "--json", "--url", url, *options])
    return done.exit_code, json.loads(done.stdout)


@contextmanager
def speaking(box: Box, languages: dict[str, list[str]]) -> Iterator[str]:
    """One with these voices, whose models speak these languages; the first is its own."""
    stage = ScriptedStage(box.play)
    voices = {name: f"model of {name}" for name in languages}
    names = Names(
        stt="ears", llm="brain", voices=voices, languages={f"model of {name}": languages[name] for name in languages}
    )
    with furnished({"http": {"open": True}}, Stages(stage, stage, stage, stage), names) as url:
        yield url


def probed_box(box: Box, *options: str) -> tuple[int, dict[str, Any]]:
    with doors(stage=ScriptedStage(box.play)) as url:
        return probed(url, *options)


def test_a_real_box_passes_and_remembers_nothing(box: str) -> None:
    before = httpx.get(f"{box}/v1/conversations").json()
    code, said = probed(box, "--tries", "3", "--timeout", "120")  # one wrong answer is no verdict
    assert (code, said["outcome"]) == (0, "ok"), said
    assert said["wrong_words"] == 0.0
    health = httpx.get(f"{box}/health/ready")
    assert health.status_code == 200
    assert health.json()["spoken"]["outcome"] == "ok"
    assert health.json()["spoken"]["seconds"] == said["seconds"]
    assert httpx.get(f"{box}/v1/conversations").json() == before


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (Box(heard=" Thanks for watching!"), "what was said was not heard"),
        (Box(heard=""), "what was said was not heard"),
        (Box(sounds=bytes(48_000)), "the reply's audio is silent"),
        (Box(sounds=LOUD[:400]), "shorter than 0.2 s"),
        (Box(again="bzz"), "does not say its words"),
        (Box(again=""), "no words were heard in the reply's audio"),
    ],
)
def test_a_wrong_answer_is_noticed(box: Box, reason: str) -> None:
    code, said = probed_box(box, "--no-report")
    assert (code, said["outcome"]) == (1, "wrong"), said
    assert reason in said["reason"]
    assert box.says not in said["reason"]


def test_no_answer_is_told_from_a_wrong_one() -> None:
    failing = Box()
    failing.failing = [InternalError("The engine failed.")]
    code, said = probed_box(failing)
    assert (code, said["reason"]) == (2, "the box refused: 500 internal_error")
    failing.failing = [UNHEARD]
    code, said = probed_box(failing)
    assert (code, said["reason"]) == (1, "no words were heard in the recording")
    code, said = probed_box(Box(says=""))
    assert (code, said["outcome"]) == (1, "wrong")
    code, said = probed("http://127.0.0.1:9", "--no-report")
    assert (code, said["outcome"]) == (2, "silent")
    assert "cannot be reached" in said["reason"]


# The last request is given up while it is sent, and what has come of a form is then left to the collector.
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning")
def test_a_busy_box_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.probing.talking.AGAIN_SECONDS", 0.0)
    busy = Box()
    busy.failing = [EngineDown("It is being replaced."), EngineDown("It is being replaced.")]
    assert probed_box(busy)[0] == 0
    busy.failing = [EngineDown("It is being replaced.")] * 1_000_000
    code, said = probed_box(busy, "--timeout", "0.2")
    assert (code, said["reason"]) == (2, "there was no whole answer within 0.2 s")


@pytest.mark.parametrize("second", [["en-GB"], ["mul"]])
def test_an_english_voice_answers(second: list[str]) -> None:
    box = Box()
    with speaking(box, {"eva": ["de-DE"], "ines": ["es"], "joe": second}) as url:
        code, said = probed(url, "--no-report")
    assert (code, said["not_judged"]) == (0, ""), said
    assert box.voices == {"joe"}


@pytest.mark.parametrize("first", [["en"], []])
def test_the_boxs_own_voice_answers_if_it_can(first: list[str]) -> None:
    box = Box(again="bzz")
    with speaking(box, {"eva": first, "joe": ["en-US"]}) as url:
        code, said = probed(url, "--no-report")
    assert (code, said["not_judged"]) == (1, ""), said
    assert box.voices == {"eva"}


def test_words_are_not_compared_where_nobody_speaks_english() -> None:
    with speaking(Box(again="bzz"), {"eva": ["de-DE"]}) as url:
        done = CliRunner().invoke(main, ["probe", "--no-report", "--url", url])
    assert done.exit_code == 0, done.stdout
    assert "the reply's words were not compared" in done.stdout


def test_a_box_that_is_full_is_not_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    async def time_is_up(_: Line) -> None:
        raise TimeoutError

    monkeypatch.setattr(Line, "later", time_is_up)
    box = Box()
    with doors(stage=ScriptedStage(box.play)) as url:
        box.sounds = bytes(48_000)
        assert probed(url)[0] == 1
        box.failing = [Overloaded("It is full.")] * 1_000_000
        for _ in range(3):
            code, said = probed(url, "--timeout", "30")
            assert (code, said["outcome"], said["reason"]) == (3, "busy", "the box had no room within 30 s")
        answer = httpx.get(f"{url}/health/ready")
        assert (answer.status_code, answer.json()["spoken"]["outcome"]) == (200, "busy")
        assert "appliance_spoken_probe_failures 1.0" in httpx.get(f"{url}/metrics").text


def test_two_failures_in_a_row_take_the_box_off() -> None:
    def state(url: str) -> tuple[int, str, str | None]:
        answer = httpx.get(f"{url}/health/ready")
        spoken = answer.json()["spoken"]
        return answer.status_code, answer.json()["status"], spoken and spoken["outcome"]

    box = Box()
    with doors(stage=ScriptedStage(box.play)) as url:
        assert state(url) == (200, "ready", None)
        box.sounds = bytes(48_000)
        assert probed(url)[0] == 1
        assert state(url) == (200, "ready", "wrong")
        assert probed(url)[0] == 1
        assert state(url) == (503, "not_ready", "wrong")
        assert "appliance_spoken_probe_failures 2.0" in httpx.get(f"{url}/metrics").text
        box.sounds = LOUD
        assert probed(url)[0] == 0
        assert state(url) == (200, "ready", "ok")
        assert "appliance_spoken_probe_failures 0.0" in httpx.get(f"{url}/metrics").text


def test_it_shows_its_key_and_needs_no_more_than_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, names = ScriptedStage(Box().play), Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with furnished({"store": {"dir": str(tmp_path)}}, Stages(stage, stage, stage, stage), names) as url:
        scopes = [word for scope in ("voice", "audio", "metrics") for word in ("--scope", scope)]
        key = appliance("keys", "create", "probe", *scopes, "--state-dir", str(tmp_path))
        (tmp_path / "probe.key").write_text(f"{key}\n")
        assert probed(url)[1]["reason"] == "the box refused: 401 missing_api_key"
        assert probed(url, "--key-file", str(tmp_path / "probe.key"))[0] == 0
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        assert probed(url)[0] == 0
        assert httpx.get(f"{url}/health/ready").json()["spoken"]["outcome"] == "ok"
        weak = appliance("keys", "create", "weak", "--state-dir", str(tmp_path))
        refused = httpx.post(f"{url}/health/spoken", json={"outcome": "ok", "seconds": 1}, headers=bearer(weak))
        assert refused.status_code == 403


def test_a_turn_that_is_not_stored_is_not_remembered() -> None:
    with doors(stage=ScriptedStage(Box().play)) as url:
        turn = httpx.post(f"{url}/v1/voice/turns", files={"audio": LOUD}, data={"store": "false"})
        assert turn.status_code == 200
        assert httpx.get(f"{url}/v1/conversations").json()["data"] == []
        httpx.post(f"{url}/v1/voice/turns", files={"audio": LOUD})
        assert len(httpx.get(f"{url}/v1/conversations").json()["data"]) == 1


def test_words_are_compared_as_they_sound() -> None:
    assert words("Good  MORNING—it’s 9, Zoë!") == ["good", "morning", "it's", "9", "zoë"]
    assert error_rate(["a", "b", "c", "d"], ["a", "x", "c"]) == 0.5
    assert error_rate(["a"], ["b", "c", "d"]) == 3.0
    assert error_rate(["a", "b"], []) == 1.0
    with pytest.raises(ValueError, match="no word"):
        error_rate([], ["a"])
