"""Jobs to speech: clause by clause, in stretches that a slow client can take, with the words that end in each."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import soxr

from appliance.dialogue.clauses import split
from appliance.dialogue.spoken_text import SpokenText
from appliance.dialogue.words import words
from appliance.engines.figures import Speaking
from appliance.engines.interleave import Interleaved
from appliance.engines.piper.alignment import word_ends
from appliance.engines.piper.loudness import limited
from appliance.engines.piper.voice import Voice
from appliance.errors import NotFound, RequestError
from appliance.jobs import SPEECH_RATE, Audio, Mark, Speak

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from appliance.engines.interleave import Progress
    from appliance.engines.specs import Piper
    from appliance.jobs import AnyJob

WIDTH: Final = 4
"""Texts spoken in turns, a clause of each, so that nobody waits for the end of another's."""

PART_SAMPLES: Final = SPEECH_RATE // 2
"""Longest part: what a slow client has to take at once."""

AROUND: Final = ".,:;!?…()[]{}<>\"'“”„‘’«»¿¡-–—"
"""What stands around a word and is not said."""


def load(spec: Piper) -> Interleaved:
    """Load the default voice; the first job warms it."""
    speaker = Speaker(spec)
    return Interleaved(speaker.begin, WIDTH, speaker.figures)


class Speaker:
    """Owns the voices."""

    def __init__(self, spec: Piper) -> None:
        self._spec = spec
        self._paths = {voice.voice: voice.path for voice in spec.voices}
        self._default = spec.voices[0].voice
        self._voices: dict[str, Voice] = {}
        self._samples = 0
        """That were made of speech."""
        self._voice(self._default)

    def figures(self) -> Speaking:
        """What was said so far."""
        return Speaking(audio_seconds=self._samples / SPEECH_RATE)

    def _voice(self, name: str) -> Voice:
        if name not in self._paths:
            raise NotFound(
                f"There is no voice {name!r}; there are {', '.join(self._paths)}.",
                code="voice_not_found",
                param="voice",
            )
        if name not in self._voices:
            self._voices[name] = Voice(Path(self._paths[name]), self._spec)
        return self._voices[name]

    def begin(self, job: AnyJob, _payload: bytes) -> Iterator[Progress]:
        """Parts of one text, clause by clause."""
        assert isinstance(job, Speak)  # noqa: S101 - the host sends each job to its own engine
        voice = self._voice(job.voice or self._default)
        clauses = split(job.text) if job.split else [job.text]
        texts = [text for text in map(SpokenText().speakable, clauses) if text]
        if not texts:
            raise RequestError("There is nothing to say in the text.", code="text_empty", param="input")
        for text in texts:
            for part in _Clause(voice, text, job.speed, None if job.split else job.text).parts():
                self._samples += part[0].samples
                yield part
            yield None


@dataclass(frozen=True, slots=True)
class _Word:
    """A range of the job's text, over after `upto` phonemes of the clause; a sentence's end counts as one."""

    start: int
    end: int
    upto: int


class _Clause:
    """A clause on its way to be heard. One resampler a clause: it begins and ends in silence."""

    def __init__(self, voice: Voice, text: str, speed: float, marked: str | None) -> None:
        """`marked`: the job's text, where its words are to be marked."""
        self._voice, self._speed = voice, speed
        self._sentences = voice.phonemes(text)
        self._words: deque[_Word] = deque(self._find(text, marked) if marked is not None else ())
        self._marks: deque[Mark] = deque()
        self._said = 0

    def _find(self, text: str, marked: str) -> Iterator[_Word]:
        ranges = words(text)
        alone = self._voice.alone([text[start:end].strip(AROUND) for start, end in ranges])
        whole = [phoneme for sentence in self._sentences for phoneme in (*sentence, " ")]
        at = 0
        for (start, end), upto in zip(ranges, word_ends(whole, alone), strict=True):
            found = marked.find(text[start:end], at)  # at the same place, unless there is markup between
            first, at = (found, found + end - start) if found >= 0 else (at, at)
            yield _Word(first, at, upto)

    def parts(self) -> Iterator[tuple[Audio, bytes]]:
        """All of it, sentence by sentence."""
        resampler: Any = soxr.ResampleStream(self._voice.rate, SPEECH_RATE, 1, dtype="float32")
        samples = phonemes = 0
        for number, sentence in enumerate(self._sentences, 1):
            spoken = self._voice.say(sentence, self._speed)
            while self._words and self._words[0].upto <= phonemes + len(sentence):
                word = self._words.popleft()
                inside = word.upto - phonemes
                over = samples + (int(spoken.ends[inside - 1]) if inside > 0 else 0)
                self._marks.append(Mark(word.start, word.end, round(over * SPEECH_RATE / self._voice.rate)))
            samples += len(spoken.samples)
            phonemes += len(sentence) + 1
            last = number == len(self._sentences)
            yield from self._cut(limited(resampler.resample_chunk(spoken.samples, last=last)), last=last)

    def _cut(self, samples: NDArray[np.int16], *, last: bool) -> Iterator[tuple[Audio, bytes]]:
        """Parts, each with the words that end in it; the last one has all that are left."""
        for start in range(0, len(samples), PART_SAMPLES):
            part = samples[start : start + PART_SAMPLES]
            self._said += len(part)
            ends = last and start + PART_SAMPLES >= len(samples)
            marks = []
            while self._marks and (ends or self._marks[0].sample <= self._said):
                mark = self._marks.popleft()
                marks.append(Mark(mark.start, mark.end, min(mark.sample, self._said)))
            yield Audio(samples=len(part), marks=marks), part.astype("<i2").tobytes()
