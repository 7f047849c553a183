"""Listening and speaking in this process, driven as their worker drives them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from driving import drain, run

import appliance
from appliance.audio import wav
from appliance.engines import piper, whisper
from appliance.engines.specs import Piper, PiperVoice, Whisper
from appliance.engines.whisper import files, guards, short
from appliance.jobs import SPEECH_RATE, Audio, Heard, Segment, Speak, Transcribe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.catalog.lineup import Lineup
    from appliance.engines.interleave import Engine


PROBE = Path(appliance.__file__).with_name("probe.flac")
"""The voice saying "Good morning.": what a listening worker has to understand before it is ready."""


@pytest.fixture(scope="module")
def speaker(models: Lineup) -> Engine:
    voice = models.voices[0]
    return piper.load(Piper(name="tts", voices=[PiperVoice("joe", str(voice.main))]))


@pytest.fixture(scope="module")
def listener(models: Lineup) -> Engine:
    return whisper.load(Whisper(name="stt", path=str(models.stt.main)))


def test_no_more_parts_than_granted(speaker: Engine) -> None:
    text = "This is the first sentence of all. Here comes another one that is long enough to be spoken alone."
    said = run(speaker, Speak(text=text), window=1)
    assert [type(each.part) for each in said] == [Audio]
    speaker.grant(1, 10_000)
    rest = drain(speaker)
    assert rest[-1].part is None
    assert len(rest) > 2


def test_unknown_voices_and_mute_texts_are_refused(speaker: Engine) -> None:
    for job, code in ((Speak(text="Hi", voice="bob"), "voice_not_found"), (Speak(text="***"), "text_empty")):
        error = run(speaker, job)[-1].error
        assert error is not None
        assert error.code == code


def test_the_probe_is_understood_and_has_word_times(listener: Engine) -> None:
    for words in (False, True):
        said = [each.part for each in run(listener, Transcribe(words=words), payload=PROBE.read_bytes())]
        assert isinstance(said[0], Heard)
        assert said[0].language == "en"
        segment = said[1]
        assert isinstance(segment, Segment)
        assert "morning" in segment.text.lower()
        assert bool(segment.words) == words


def test_short_utterances_take_the_fast_path(
    listener: Engine, speaker: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: list[Any] = []

    def long(*arguments: Any) -> Iterator[Any]:
        full.append(arguments)
        return iter(())

    monkeypatch.setattr(files.Listener, "_long", long)
    texts = ["Good morning.", "What time is it?", "Turn on the light.", "Tell me a joke.", "How are you today?"]
    for text in texts:
        pcm = b"".join(each.payload for each in run(speaker, Speak(text=text, split=False)))
        run(listener, Transcribe(language="en"), payload=wav(pcm, SPEECH_RATE))
    assert len(full) <= 1


def test_recorded_speech_short_and_long_paths_agree(listener: Engine, recorded: Path) -> None:
    audio = (recorded / "jfk.flac").read_bytes()
    texts = []
    for words in (False, True):
        said = [each.part for each in run(listener, Transcribe(words=words), payload=audio)]
        assert isinstance(said[0], Heard)
        assert said[0].language == "en"
        segments = [part for part in said if isinstance(part, Segment)]
        assert all(segment.words for segment in segments) == words
        texts.append("".join(segment.text for segment in segments).lower().replace(",", "").replace(".", "").split())
    assert texts[0] == texts[1]


def test_a_looping_result_is_done_again_with_the_full_context(
    listener: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short, "MAX_COMPRESSION_RATIO", 0.0)  # so that the guard distrusts the short path
    said = run(listener, Transcribe(), payload=PROBE.read_bytes())
    text = "".join(each.part.text for each in said if isinstance(each.part, Segment))
    assert "morning" in text


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        (" Why is the sky blue? Why is the sky blue?", True),
        ("one two, one two, one two", True),
        ("Why is the sky blue?", False),
        ("no no", False),
        ("", False),
    ],
)
def test_a_phrase_over_and_over_is_seen(text: str, twice: bool) -> None:
    assert guards.says_twice(text) == twice


def test_stretches_are_cut_at_pauses() -> None:
    speech = [{"start": 0, "end": 40}, {"start": 50, "end": 90}, {"start": 100, "end": 330}]
    assert list(files.stretches(speech, 100)) == [(0, 90), (100, 200), (200, 300), (300, 330)]
