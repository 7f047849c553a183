"""Whisper itself, driven as its worker drives it: live utterances, recordings, and what is no speech at all."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
import soxr
from driving import drain, run

import appliance
from appliance.audio import read_wav, wav
from appliance.engines import piper, whisper
from appliance.engines.specs import Piper, PiperVoice, Whisper
from appliance.engines.whisper import files, short
from appliance.engines.whisper.guards import words_of
from appliance.errors import RequestError
from appliance.jobs import SPEECH_RATE, STT_RATE, Heard, Segment, Speak, Transcribe, Understand, Understood

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from appliance.catalog.lineup import Lineup
    from appliance.engines.interleave import Emission, Engine

PROBE = Path(appliance.__file__).with_name("probe.flac")
"""The voice saying "Good morning.": what a listening worker has to understand before it is ready."""
TAKES = 3
"""The voice never says a text twice the same, and now and then not clearly."""
SEED = 7
"""Of the voice's noise, so that its takes differ from one another and not from run to run."""


@pytest.fixture(scope="module")
def speaker(models: Lineup) -> Engine:
    onnxruntime.set_seed(SEED)
    voice = models.voices[0]
    return piper.load(Piper(name="tts", voices=[PiperVoice("joe", str(voice.main))]))


@pytest.fixture(scope="module")
def listener(models: Lineup) -> Engine:
    return whisper.load(Whisper(name="stt", path=str(models.stt.main)))


def say(speaker: Engine, text: str) -> bytes:
    """Samples at `STT_RATE`."""
    pcm = b"".join(each.payload for each in run(speaker, Speak(text=text, split=False)))
    return bytes(soxr.resample(np.frombuffer(pcm, dtype="<i2"), SPEECH_RATE, STT_RATE).astype("<i2").tobytes())


def understood(said: Sequence[Emission], job_id: int = 1) -> Understood:
    """The one part of a job, which is followed by its end."""
    part, end = [each for each in said if each.id == job_id]
    assert end == type(end)(job_id)
    assert isinstance(part.part, Understood)
    return part.part


def sentences(recorded: Path) -> list[tuple[bytes, str]]:
    """The recorded ones: samples at `STT_RATE`, and what is said."""
    rows = [line.split("\t") for line in (recorded / "transcripts.tsv").read_text().splitlines()]
    return [(read_wav((recorded / name).read_bytes())[0], words) for name, _, words in rows if name.endswith(".wav")]


@pytest.mark.parametrize("word", ["Yes", "No", "Stop"])
def test_short_words_survive(listener: Engine, speaker: Engine, word: str) -> None:
    takes = [say(speaker, f"{word}.") for _ in range(TAKES)]
    texts = [understood(run(listener, Understand(language="en"), payload=take)).text for take in takes]
    assert all(texts)
    assert sum(words_of(text) == [word.lower()] for text in texts) >= 2, texts


def noises(seconds: float) -> dict[str, NDArray[np.float64]]:
    """Sounds without a word, of −1 to 1."""
    draw = np.random.default_rng(7)
    time = np.arange(int(seconds * STT_RATE)) / STT_RATE
    hiss = draw.standard_normal(time.size)
    pink = np.fft.rfft(hiss) / np.sqrt(np.maximum(1, np.arange(time.size // 2 + 1)))
    cough = np.exp(-(((time - seconds / 3) / 0.08) ** 2))
    return {
        "silence": np.zeros(time.size),
        "a quiet room": 3e-4 * hiss,
        "hiss": 0.03 * hiss,
        "wind": 0.3 * np.fft.irfft(pink, time.size) / np.abs(np.fft.irfft(pink, time.size)).max(),
        "mains hum": 0.1 * np.sin(2 * np.pi * 50 * time) + 0.05 * np.sin(2 * np.pi * 150 * time),
        "clicks": np.where(draw.random(time.size) < 4 / STT_RATE, 0.8, 0) + 1e-3 * hiss,
        "a cough": 0.3 * cough * hiss,
        "beeps": 0.3 * np.sin(2 * np.pi * 1000 * time) * (time % 1 < 0.2),
    }


@pytest.mark.parametrize("language", ["en", None])
@pytest.mark.parametrize("seconds", [0.6, 2.0])
def test_nothing_is_heard_where_nothing_is_said(listener: Engine, seconds: float, language: str | None) -> None:
    for name, sound in noises(seconds).items():
        pcm = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
        for job in (Understand(language=language), Understand(language=language, hotwords="Ferdinand, Kunigunde")):
            assert understood(run(listener, job, payload=pcm)).text == "", name


def test_those_who_wait_together_hear_what_each_hears_alone(
    listener: Engine, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    hear = short.ShortPass.hear

    def counted(self: Any, wanted: Any, **more: Any) -> Any:
        sizes.append(len(wanted))
        return hear(self, wanted, **more)

    monkeypatch.setattr(short.ShortPass, "hear", counted)
    spoken = sentences(recorded)
    for number, (pcm, _) in enumerate(spoken, 1):
        language = "en" if number % 2 else None  # which makes no difference
        listener.submit(number, Understand(language=language), pcm, request_id="", window=9)
    said = drain(listener)
    for number, (_, words) in enumerate(spoken, 1):
        part = understood(said, number)
        assert words_of(part.text) == words.split()
        assert part.language == "en"
    assert sizes == [2, 2, 2]


def test_hints_decide_between_spellings(listener: Engine, speaker: Engine) -> None:
    pcm = say(speaker, "Ask Jon about it, please.")
    for job in (Understand(language="en", hotwords="Jon"), Understand(language="en", prompt="I spoke to Jon.")):
        assert "jon" in words_of(understood(run(listener, job, payload=pcm)).text)
    assert "john" in words_of(understood(run(listener, Understand(language="en"), payload=pcm)).text)


def test_hints_of_any_length_are_taken(listener: Engine, recorded: Path) -> None:
    pcm, words = sentences(recorded)[0]
    job = Understand(language="en", hotwords="dogs, " * 20_000, prompt="We spoke of the dog. " * 20_000)
    heard = words_of(understood(run(listener, job, payload=pcm)).text)
    assert "dog" in heard
    assert abs(len(heard) - len(words.split())) <= 2


def test_what_is_not_sure_is_heard_again_with_the_full_context(
    listener: Engine, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short, "MIN_AVG_LOGPROB", 1.0)  # nothing is ever sure
    passes = []
    hear = short.ShortPass.hear

    def noted(self: Any, wanted: Any, *, full: bool = False) -> Any:
        passes.append(full)
        return hear(self, wanted, full=full)

    monkeypatch.setattr(short.ShortPass, "hear", noted)
    pcm, words = sentences(recorded)[0]
    assert words_of(understood(run(listener, Understand(language="en"), payload=pcm)).text) == words.split()
    assert passes == [False, True]


def test_an_unknown_language_is_refused(listener: Engine) -> None:
    (failed,) = run(listener, Understand(language="xx"), payload=bytes(STT_RATE))
    assert isinstance(failed.error, RequestError)
    assert failed.error.param == "language"


def segments(said: Sequence[Emission]) -> list[Segment]:
    """After `Heard`, and before the end."""
    first, *parts, end = said
    assert isinstance(first.part, Heard)
    assert first.part.language == "en"
    assert (end.part, end.error) == (None, None)
    return [each.part for each in parts if isinstance(each.part, Segment)]


@pytest.mark.parametrize("words", [False, True])
def test_the_probe_is_understood_and_has_word_times(listener: Engine, words: bool) -> None:
    (segment,) = segments(run(listener, Transcribe(words=words), payload=PROBE.read_bytes()))
    assert "morning" in segment.text.lower()
    assert bool(segment.words) == words


def test_short_and_aligned_paths_agree_on_recorded_speech(listener: Engine, recorded: Path) -> None:
    audio = (recorded / "jfk.flac").read_bytes()
    texts = []
    for words in (False, True):
        parts = segments(run(listener, Transcribe(words=words), payload=audio))
        assert all(bool(segment.words) == words for segment in parts)
        texts.append([word for segment in parts for word in words_of(segment.text)])
    assert texts[0] == texts[1]


def test_short_recordings_take_one_pass(listener: Engine, speaker: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    careful = counted_carefully(monkeypatch)
    texts = ["Good morning.", "What time is it?", "Turn on the light.", "Tell me a joke.", "How are you today?"]
    for text in texts:
        run(listener, Transcribe(language="en"), payload=wav(say(speaker, text), STT_RATE))
    assert len(careful) <= 1


def test_a_looping_recording_is_done_again(listener: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    careful = counted_carefully(monkeypatch)
    monkeypatch.setattr(short, "repeats", lambda _: True)
    parts = segments(run(listener, Transcribe(), payload=PROBE.read_bytes()))
    assert "morning" in "".join(segment.text for segment in parts)
    assert len(careful) == 1


def counted_carefully(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of the long way, which still goes."""
    calls: list[Any] = []
    carefully = files.Listener._carefully

    def counted(self: Any, *arguments: Any) -> Iterator[Any]:
        calls.append(arguments)
        return carefully(self, *arguments)

    monkeypatch.setattr(files.Listener, "_carefully", counted)
    return calls


@pytest.mark.parametrize(("pass_frames", "pause"), [(3000, 2), (3000, 4), (6000, 2)])
def test_a_long_recording_has_its_words_where_they_are_said(
    listener: Any, recorded: Path, pass_frames: int, pause: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every sentence twice, and a longer pause after which a stretch ends. Long stretches that are alone, short ones,
    and long ones together."""
    sequences = []
    sequentially = files.Listener._sequentially

    def counted(self: Any, *arguments: Any) -> Any:
        sequences.append(arguments)
        return sequentially(self, *arguments)

    monkeypatch.setattr(files.Listener, "_sequentially", counted)
    spoken = sentences(recorded) * 2
    gap, pcm, places = bytes(2 * pause * STT_RATE), b"", []
    for number, (sentence, words) in enumerate(spoken):
        pcm += gap * (3 if number == 6 else 1)
        places.append((len(pcm) / 2 / STT_RATE, (len(pcm) + len(sentence)) / 2 / STT_RATE, words))
        pcm += sentence
    monkeypatch.setattr(listener.files._begin.__self__, "_pass_frames", pass_frames)
    parts = segments(run(listener, Transcribe(), payload=wav(pcm, STT_RATE)))
    assert len(sequences) == ((pass_frames, pause) == (3000, 2))
    assert [segment.id for segment in parts] == list(range(len(parts)))
    for one, other in pairwise(parts):
        assert one.start <= one.end <= other.start + 0.001
    heard = [word for segment in parts for word in words_of(segment.text)]
    said = " ".join(words for *_, words in places).split()
    assert len(set(said) - set(heard)) <= 1
    assert abs(len(heard) - len(said)) <= 2
    found = 0
    for start, end, words in places:
        near = [segment for segment in parts if segment.start < end and segment.end > start]
        text = {word for segment in near for word in words_of(segment.text)}
        found += len(set(words.split()) - text) <= 1
    assert found >= len(places) - 1
