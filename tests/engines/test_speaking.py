"""The voice: where its words end, how loud it is, and that nothing clicks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from driving import run
from hypothesis import given
from hypothesis import strategies as st

from appliance.audio import wav
from appliance.dialogue.words import words
from appliance.engines import piper, whisper
from appliance.engines.piper import durations
from appliance.engines.piper.alignment import word_ends
from appliance.engines.piper.loudness import KNEE, TARGET, level, limited
from appliance.engines.piper.speaker import PART_SAMPLES
from appliance.engines.piper.voice import Voice
from appliance.engines.specs import Piper, PiperVoice, Whisper
from appliance.jobs import SPEECH_RATE, Audio, Segment, Speak, Transcribe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.catalog.lineup import Lineup
    from appliance.engines.interleave import Emission, Engine
    from appliance.jobs import Mark

FULL = 32768
SEED = 7
"""Of the voice's noise, so that its takes differ from one another and not from run to run."""
TRICKY = "I'd say that in the U.S.A. it was 3.5 of the 1,234 (maybe), e.g. at Dr. Fox's, on the 5th!"


@pytest.fixture(scope="module")
def spec(models: Lineup) -> Piper:
    return Piper(name="tts", voices=[PiperVoice("joe", str(models.voices[0].main))])


@pytest.fixture(scope="module")
def speaker(spec: Piper) -> Engine:
    onnxruntime.set_seed(SEED)
    return piper.load(spec)


@pytest.fixture(scope="module")
def voice(spec: Piper) -> Voice:
    onnxruntime.set_seed(SEED)
    return Voice(Path(spec.voices[0].path), spec)


@pytest.fixture(scope="module")
def listener(models: Lineup) -> Engine:
    return whisper.load(Whisper(name="stt", path=str(models.stt.main)))


def parts(said: list[Emission]) -> list[Audio]:
    assert said[-1].error is None
    return [each.part for each in said if isinstance(each.part, Audio)]


def marks(said: list[Emission]) -> list[Mark]:
    return [mark for part in parts(said) for mark in part.marks]


def samples(said: list[Emission]) -> NDArray[np.int64]:
    return np.frombuffer(b"".join(each.payload for each in said), dtype="<i2").astype(np.int64)


def heard(listener: Engine, pcm: NDArray[np.int64]) -> str:
    audio = wav(pcm.astype("<i2").tobytes(), SPEECH_RATE)
    said = run(listener, Transcribe(language="en"), payload=audio)
    return "".join(each.part.text for each in said if isinstance(each.part, Segment)).lower()


@pytest.mark.parametrize("text", [TRICKY, "Well of course,", "Yes. No! Is it so? 1 2 3", "“Hm” – so: **and** so?"])
def test_each_word_has_a_mark_in_the_part_in_which_it_ends(speaker: Engine, text: str) -> None:
    said = run(speaker, Speak(text=text, split=False))
    found = marks(said)
    assert [text[mark.start : mark.end].strip("*") for mark in found] == [
        text[start:end].strip("*") for start, end in words(text)
    ]
    begun, whole = 0, len(samples(said))
    for part in parts(said):
        assert all(begun < mark.sample <= begun + part.samples for mark in part.marks)
        begun += part.samples
        assert part.samples <= PART_SAMPLES
    assert begun == whole
    ends = [mark.sample for mark in found]
    assert all(early < late for early, late in pairwise(ends))


def test_text_that_is_split_has_no_marks(speaker: Engine) -> None:
    assert marks(run(speaker, Speak(text="One two. Three four."))) == []


@pytest.mark.parametrize("speed", [0.7, 1.0, 1.6])
def test_the_last_mark_is_where_the_voice_falls_silent(speaker: Engine, speed: float) -> None:
    said = run(speaker, Speak(text="The moon is big and bright tonight.", split=False, speed=speed))
    pcm, last = samples(said), marks(said)[-1].sample
    frame = SPEECH_RATE // 50
    assert level(pcm[last - 10 * frame : last], SPEECH_RATE) > 5 * level(pcm[last + 3 * frame :], SPEECH_RATE)


def test_speed_moves_the_marks(speaker: Engine) -> None:
    slow, fast = (
        marks(run(speaker, Speak(text="The moon is big and bright tonight.", split=False, speed=speed)))[-1].sample
        for speed in (0.8, 1.6)
    )
    assert 1.5 < slow / fast < 2.5


def test_a_cut_at_a_mark_leaves_the_words_before_it_and_no_other(speaker: Engine, listener: Engine) -> None:
    text = "My number is 1,234,567, and the colour of the grass is green."
    said = run(speaker, Speak(text=text, split=False))
    pcm, found = samples(said), {text[mark.start : mark.end]: mark.sample for mark in marks(said)}
    cut = found["1,234,567,"]
    # A half of its characters, yet two thirds of its sound: a guess by length would be in the middle of the number.
    assert cut > 0.5 * len(pcm)
    before, after = heard(listener, pcm[:cut]), heard(listener, pcm[cut:])
    assert "number" in before
    assert "7" in before or "seven" in before
    assert "colo" not in before
    assert "colo" in after
    assert "green" in after
    assert "number" not in after
    before = heard(listener, pcm[: found["grass"]])
    assert "grass" in before
    assert "green" not in before


def test_marks_point_into_the_text_of_the_job_though_it_has_markup(speaker: Engine) -> None:
    text = "See **the** [page](https://example.org/a), now."
    found = marks(run(speaker, Speak(text=text, split=False)))
    assert [text[mark.start : mark.end] for mark in found][:2] == ["See", "the"]
    assert text[found[-1].start : found[-1].end] == "now."


def test_a_voice_that_tells_no_durations_has_estimated_marks(spec: Piper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durations, "ceilings", lambda _model: set())
    said = run(piper.load(spec), Speak(text="One two three, four five.", split=False))
    ends = [mark.sample for mark in marks(said)]
    assert len(ends) == 5
    assert ends == sorted(set(ends))
    assert 0.7 < ends[-1] / len(samples(said)) < 1.0


def test_the_durations_of_a_sentence_are_its_samples(voice: Voice) -> None:
    (phonemes,) = voice.phonemes("Well of course")
    sentence = voice.say(phonemes, 1.0)
    assert len(sentence.ends) == len(phonemes)
    gaps = np.diff(sentence.ends)
    assert gaps.min() > 0
    assert (gaps % 256 == 0).all()  # hops, not shares
    assert 0 < len(sentence.samples) - sentence.ends[-1] < voice.rate // 2


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Ask Dr. Fox or Mrs. Jones.", 1),
        ("It is by J. R. R. Tolkien.", 1),
        ("Take No. 5 now.", 1),
        ("No. I will not.", 2),
        ("Here it is. Take it.", 2),
    ],
)
def test_a_title_does_not_end_a_sentence(voice: Voice, text: str, sentences: int) -> None:
    assert len(voice.phonemes(text)) == sentences


def test_code_is_not_spoken_though_it_has_several_lines(speaker: Engine) -> None:
    short = len(samples(run(speaker, Speak(text="Look here."))))
    code = "\n".join(f"value_{number} = compute(value, {number})" for number in range(9))
    assert len(samples(run(speaker, Speak(text=f"Look here.\n```python\n{code}\n```\n")))) < 2 * short


def test_what_is_no_model_has_no_durations() -> None:
    assert durations.ceilings(b"") == durations.ceilings(b"not a model at all") == set()
    model = durations.output(b"x")
    assert durations.ceilings(model) == set()
    ceil = b"\x3a\x0c\x0a\x0a\x12\x02\x2fC\x22\x04Ceil"  # a graph with one node: its output and its operator
    assert durations.ceilings(model + ceil) == {b"/C"}


def test_clauses_are_about_as_loud(speaker: Engine) -> None:
    texts = ["Oh.", "Why?", "Who are you?", "Watch out!", "Seventy six sixes.", "Paris is the capital of France."]
    even, by_peak = [], []
    for text in texts:
        pcm = samples(run(speaker, Speak(text=text, split=False))) / FULL
        even.append(20 * np.log10(level(pcm, SPEECH_RATE)))
        by_peak.append(20 * np.log10(level(pcm / np.abs(pcm).max(), SPEECH_RATE)))  # as Piper would have it
    assert np.ptp(even) < 3.0
    assert np.ptp(even) < np.ptp(by_peak) / 2
    assert np.mean(even) == pytest.approx(20 * np.log10(TARGET), abs=2.0)


def test_a_voice_is_as_loud_each_time_it_is_loaded(spec: Piper, voice: Voice) -> None:
    assert Voice(Path(spec.voices[0].path), spec).gain == pytest.approx(voice.gain, rel=1e-3)


@given(st.lists(st.floats(-40.0, 40.0, width=32), min_size=1))
def test_loud_samples_are_bent_and_not_cut(values: list[float]) -> None:
    given = np.sort(np.array(values, dtype=np.float32))
    bent = limited(given).astype(np.int64)
    assert (np.diff(bent) >= 0).all()
    assert np.abs(bent).max() <= 32767
    soft = np.abs(given) <= KNEE
    assert np.abs(bent[soft] - given[soft] * 32767).max(initial=0) <= 0.5 + 1e-2


def test_nothing_clicks_where_parts_and_clauses_meet(speaker: Engine) -> None:
    said = run(
        speaker, Speak(text="Seventy six sixes are a lot. So they are, you see. This is the third one, to be sure.")
    )
    pcm = samples(said)
    jumps = np.abs(np.diff(pcm))
    joins = np.cumsum([part.samples for part in parts(said)])[:-1] - 1
    assert len(joins) > 5
    inside = np.delete(jumps, joins)
    assert jumps[joins].max() <= np.quantile(inside, 0.999)
    for text in ("Seventy.", "Oh!"):
        pcm = samples(run(speaker, Speak(text=text, split=False)))
        assert max(abs(pcm[0]), abs(pcm[-1])) < FULL // 1000


@pytest.mark.parametrize(
    ("whole", "alone", "ends"),
    [
        ("wˈɛl ʌv kˈɔːɹs, ", ["wˈɛl", "ʌv", "kˈɔːɹs"], ["wˈɛl", "wˈɛl ʌv", "wˈɛl ʌv kˈɔːɹs"]),
        ("ʌvðə dˈeɪ.", ["ʌv", "ðə", "dˈeɪ."], ["ʌv", "ʌvðə", "ʌvðə dˈeɪ"]),
        ("wˈʌn θˈaʊzənd θˈɪŋz", ["wˈʌn θˈaʊzənd", "θˈɪŋz"], ["wˈʌn θˈaʊzənd", "wˈʌn θˈaʊzənd θˈɪŋz"]),
        (
            "pˈeɪ fˌɔːɹɛɡzˈæmpəl ðə wˈʌn",
            ["pˈeɪ", "ˌiːdʒˈiː", "ðˈə", "wˈʌn"],
            ["pˈeɪ", "pˈeɪ fˌɔːɹɛɡzˈæmpəl", "pˈeɪ fˌɔːɹɛɡzˈæmpəl ðə", "pˈeɪ fˌɔːɹɛɡzˈæmpəl ðə wˈʌn"],
        ),
        ("aː. ", ["a", ""], ["aː", "aː"]),
        ("abcdefghij", ["uvx", "yz"], ["abcde", "abcdefghij"]),  # nothing alike: after their length
        (", ", ["a"], [""]),
        ("a", [], []),
    ],
)
def test_words_end_where_their_sounds_do(whole: str, alone: list[str], ends: list[str]) -> None:
    assert [whole[:end] for end in word_ends(whole, alone)] == ends


@given(st.text("abcˈː ,.", max_size=30), st.lists(st.text("abcˈ ", max_size=6), max_size=8))
def test_word_ends_do_not_fall_and_the_last_is_behind_the_last_sound(whole: str, alone: list[str]) -> None:
    ends = word_ends(whole, alone)
    assert len(ends) == len(alone)
    assert ends == sorted(ends)
    if alone:
        assert not set("abc") & set(whole[ends[-1] :])
        assert whole[: ends[-1]].rstrip(" ,.") == whole[: ends[-1]]
