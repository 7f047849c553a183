"""When turns end: recorded sentences whole, and torn apart by pauses, against a fixed silence of the same length.

    make bench ARGS=endpointing

A pause is the recording's own room, never digital silence, put where the sentence is quietest. The answer of the judge
comes `ANSWER_MS` after the question, as from a busy worker.
"""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from appliance.audio import SAMPLE_BYTES
from appliance.engines.decoding import decode
from appliance.engines.turn.silero import Silero
from appliance.engines.turn.smart_turn import SmartTurn
from appliance.jobs import DETECT_SAMPLES, STT_RATE
from appliance.turns.detection import SemanticVad, ServerVad
from appliance.turns.endpointing import Endpointing
from appliance.turns.segmenter import Paused, Segmenter, SpeechBegan, samples
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from appliance.turns.detection import TurnDetection

    Sound = NDArray[np.float64]

RULES: Final[dict[str, TurnDetection]] = {
    "fixed": ServerVad(),
    "semantic": SemanticVad(),
    "low": SemanticVad(eagerness="low"),
    "high": SemanticVad(eagerness="high"),
}
PAUSES_MS: Final = (400, 600, 800, 1000, 1200)
HEARD_MS: Final = (96, 200, 500)
"""Silences after which the judge is compared with itself."""
JUDGED: Final = 8 * STT_RATE
ANSWER_MS: Final = 100
TAIL_SECONDS: Final = 9
APART: Final = 2 * STT_RATE // 5
"""Least distance between two places where a sentence is torn, and from both its ends."""
BLOCK: Final = 1024
"""Samples of room that are the pattern of a pause."""
SOFTEST_DB: Final = 25
"""What is so far below a recording's loudest moment is not voice any more."""


class Ear:
    """Detector and judge in this process."""

    def __init__(self, judge: str) -> None:
        self.silero, self.smart_turn = Silero(), SmartTurn(judge, 1)

    def hear(self, sound: Sound) -> Heard:
        """Whole windows of a sound, listened to."""
        pcm = as_pcm(sound[: len(sound) // DETECT_SAMPLES * DETECT_SAMPLES])
        return Heard(pcm, self.silero.detect(b"", pcm)[0], cache(self.smart_turn.judge))

    def voice_end(self, sound: Sound) -> int:
        """Sample after the last voice: after it the detector hears none, or there is hardly any sound."""
        blocks = sound[: len(sound) // DETECT_SAMPLES * DETECT_SAMPLES].reshape(-1, DETECT_SAMPLES)
        power = (blocks**2).mean(1)
        loud = power > power.max() / 10 ** (SOFTEST_DB / 10)
        voiced = np.array(self.hear(sound).probabilities) >= 0.5
        return int(np.flatnonzero(loud & voiced)[-1] + 1) * DETECT_SAMPLES


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound, the detector's probabilities of its windows, and a judge that remembers its answers."""

    pcm: bytes
    probabilities: list[float]
    judge: Callable[[bytes], float]

    def ends(self, detection: TurnDetection) -> list[int]:
        """Positions at which a turn is found over."""
        segmenter, rule = Segmenter(), Endpointing(detection)
        start = pause = 0
        answers, found = list[tuple[int, int, float]](), list[int]()
        for probability in self.probabilities:
            for event in segmenter.feed(probability):
                match event:
                    case SpeechBegan(at=at):
                        start = max(0, at - samples(300))
                    case Paused(at=pause):
                        rule.pause()
                    case _:
                        pass
            if not segmenter.pausing:
                continue
            now = segmenter.position
            for due, asked, answer in answers:
                if due <= now and asked == pause:
                    rule.judged(answer)
            answers = [each for each in answers if each[0] > now]
            match rule.decide(segmenter.silence):
                case "ask":
                    said = self.pcm[SAMPLE_BYTES * max(start, now - JUDGED) : SAMPLE_BYTES * now]
                    answers.append((now + samples(ANSWER_MS), pause, self.judge(said)))
                case "over":
                    found.append(now)
                    segmenter.over()
                case "wait":
                    pass
        return found


def as_pcm(sound: Sound) -> bytes:
    """Signed 16-bit little-endian samples."""
    return sound.clip(-32768, 32767).astype("<i2").tobytes()


def recording(file: Path) -> Sound:
    """All samples at `STT_RATE`, at 16-bit scale."""
    (found,) = [each for each in decode(file.read_bytes(), 60.0) if each is not None]
    return np.asarray(found, dtype=np.float64) * 32768


def room(sound: Sound, count: int) -> Sound:
    """`count` samples that sound like the quietest moment of a recording: its spectrum, with random phases."""
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    power = (blocks**2).mean(1)
    quietest = blocks[np.where(power < 1, np.inf, power).argmin()]  # less is digital silence
    spectrum, window = np.abs(np.fft.rfft(quietest * np.hanning(BLOCK))), np.sqrt(np.hanning(BLOCK))
    random, half = np.random.default_rng(1), BLOCK // 2
    made = np.zeros(count + 2 * BLOCK)
    for place in range(0, count + half, half):
        turned = spectrum * np.exp(2j * np.pi * random.random(spectrum.size))
        made[place : place + BLOCK] += np.fft.irfft(turned) * window
    made = made[half : half + count]
    louder: float = np.sqrt((quietest**2).mean() / (made**2).mean())
    return made * louder


def joined(*pieces: Sound) -> Sound:
    """Pieces one after the other, faded for 5 ms so that nothing clicks."""
    fade = np.linspace(0.0, 1.0, STT_RATE // 200)
    made = [piece.copy() for piece in pieces]
    for before, after in itertools.pairwise(made):
        before[-fade.size :] *= fade[::-1]
        after[: fade.size] *= fade
    return np.concatenate(made)


def places(sound: Sound) -> list[int]:
    """The quietest moments inside a recording, two a second at most: most of them lie between two words."""
    power = np.convolve(sound**2, np.ones(320), "same")
    power[:APART] = power[-APART:] = np.inf
    found: list[int] = []
    while len(found) < 2 * len(sound) // STT_RATE and np.isfinite(power).any():
        place = int(power.argmin())
        found.append(place)
        power[max(0, place - APART) : place + APART] = np.inf
    return sorted(found)


def measure(ear: Ear, recordings: dict[str, Sound]) -> Iterator[Figure]:
    """Delays of whole sentences, and how many torn ones are cut off."""
    whole = [
        (ear.hear(joined(sound, room(sound, TAIL_SECONDS * STT_RATE))), ear.voice_end(sound))
        for sound in recordings.values()
    ]
    for kind, rule in RULES.items():
        yield from _whole(whole, rule, kind)
    torn = [(sound, place) for sound in recordings.values() for place in places(sound)]
    yield Figure("torn_places", len(torn))
    yield from _torn(ear, torn)
    yield from _ears(ear, recordings, torn)


def _whole(whole: list[tuple[Heard, int]], rule: TurnDetection, kind: str) -> Iterator[Figure]:
    delays, inside = [], 0
    for heard, last in whole:
        ends = heard.ends(rule)
        after = [end for end in ends if end >= last]
        inside += len(ends) - len(after)
        delays.append((after[0] - last) / STT_RATE if after else float(TAIL_SECONDS))
    yield Figure(f"whole_delay_median_{kind}", statistics.median(delays), "s")
    yield Figure(f"whole_delay_mean_{kind}", statistics.mean(delays), "s")
    yield Figure(f"whole_delay_longest_{kind}", max(delays), "s")
    yield Figure(f"whole_within_600_ms_{kind}", 100 * statistics.mean(delay <= 0.6 for delay in delays), "%")
    yield Figure(f"whole_cut_at_own_pauses_{kind}", inside, "times")


def _torn(ear: Ear, torn: list[tuple[Sound, int]]) -> Iterator[Figure]:
    """Of the pauses at which the fixed silence cuts, how many the other rules survive."""
    cut = dict.fromkeys(RULES, 0)
    for sound, place in torn:
        for pause in PAUSES_MS:
            gap = room(sound, samples(pause))
            heard = ear.hear(joined(sound[:place], gap, sound[place:]))
            inside = range(place, place + len(gap) + samples(64))
            if any(end in inside for end in heard.ends(RULES["fixed"])):
                for kind, rule in RULES.items():
                    cut[kind] += any(end in inside for end in heard.ends(rule))
    fixed = cut["fixed"]
    yield Figure("torn_cut_fixed", 100 * fixed / (len(torn) * len(PAUSES_MS)), "%")
    yield Figure("torn_spared_semantic", 100 * (1 - cut["semantic"] / fixed), "%", at_least=80)
    yield Figure("torn_spared_low", 100 * (1 - cut["low"] / fixed), "%")
    yield Figure("torn_spared_high", 100 * (1 - cut["high"] / fixed), "%")


def _ears(ear: Ear, recordings: dict[str, Sound], torn: list[tuple[Sound, int]]) -> Iterator[Figure]:
    """How the judge's answer changes with the silence that it hears."""
    for silence in HEARD_MS:

        def over(sound: Sound, end: int, silence: int = silence) -> bool:
            heard = joined(sound[:end], room(sound, samples(silence)))
            return ear.smart_turn.judge(as_pcm(heard[-JUDGED:])) >= 0.5

        wrong = statistics.mean(over(sound, place) for sound, place in torn)
        right = statistics.mean(over(sound, ear.voice_end(sound)) for sound in recordings.values())
        yield Figure(f"judged_over_torn_after_{silence}_ms", 100 * wrong, "%")
        yield Figure(f"judged_over_whole_after_{silence}_ms", 100 * right, "%")


def speed(ear: Ear, sound: Sound) -> Iterator[Figure]:
    """Of one window, of four, and of a judgement on one thread."""
    for count in (1, 4):
        yield Figure(f"detect_{count}_windows", _milliseconds(ear.hear, sound[: count * DETECT_SAMPLES], 100), "ms")
    yield Figure("judge", _milliseconds(ear.smart_turn.judge, as_pcm(sound), 10), "ms")


def _milliseconds(work: Callable[[Any], Any], on: object, times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work(on)
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


def figures(model: str, speech: Path) -> Iterator[Figure]:
    """All of them, with the judge at `model` on the recordings in the folder `speech`."""
    ear = Ear(model)
    files = sorted([*speech.glob("*.wav"), *speech.glob("*.flac")])
    recordings = {file.name: recording(file) for file in files}
    yield from speed(ear, recordings[files[-1].name])
    yield from measure(ear, recordings)
