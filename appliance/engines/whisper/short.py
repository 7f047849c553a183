"""Short speech in one pass: Whisper's encoder is given the utterance and a little more instead of 30 s of silence.

Several utterances may share a pass. What looks like a repetition loop or a guess is not trusted: the caller goes the
long way then, with the full context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import ctranslate2
import numpy as np
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens, pad_or_trim

from appliance.engines.whisper.guards import says_twice
from appliance.errors import RequestError
from appliance.jobs import STT_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

# With less silence after them, Whisper base says short utterances over and over:
# docs/decisions/2026-11-24-audio-context.md
PADDING_SECONDS: Final = 3.0
SHORTEST_SECONDS: Final = 5.0
FRAMES_A_SECOND: Final = 100

# The limits of trust. The first two are OpenAI's own for Whisper; speech beyond the third is no speech.
MAX_COMPRESSION_RATIO: Final = 2.4
MIN_AVG_LOGPROB: Final = -1.0
MAX_CHARACTERS_A_SECOND: Final = 25.0
FEWEST_TOKENS: Final = 16
MOST_TOKENS_A_SECOND: Final = 16
"""A transcript that needs more is a loop; to stop it early is what makes the guard cheap."""
MOST_HINT_TOKENS: Final = 100
"""Of words that may have come before or are likely to be said."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One utterance: mono samples at `STT_RATE`, and how it is to be read."""

    samples: Samples
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    prompt: str | None = None
    hotwords: str | None = None
    temperature: float = 0.0

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.size / STT_RATE


@dataclass(frozen=True, slots=True)
class Found:
    """What was heard; `sure` False: better go the long way."""

    text: str
    tokens: list[int]
    language: str
    language_probability: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    sure: bool


class ShortPass:
    """Owns nothing but a reference to the model."""

    def __init__(self, model: Any, beam_size: int) -> None:
        self.model, self._beam_size = model, beam_size

    def check(self, language: str | None) -> None:
        """Raise `RequestError` for a language that the model does not know."""
        if language is None:
            return
        token = self.model.hf_tokenizer.token_to_id(f"<|{language}|>")
        if language not in self.model.supported_languages or (self.model.model.is_multilingual and token is None):
            raise RequestError(
                f"The model does not know the language {language!r}; give an ISO 639-1 code such as 'en' or 'de'.",
                param="language",
            )

    def frames(self, seconds: float) -> int:
        """Of the encoder's input for so much speech, 10 ms each."""
        context = max(seconds + PADDING_SECONDS, SHORTEST_SECONDS)
        frames: int = min(int(context * FRAMES_A_SECOND), self.model.feature_extractor.nb_max_frames)
        return frames + frames % 2

    def hear(self, wanted: Sequence[Wanted]) -> list[Found]:
        """All of them in one pass; the longest one's length is everybody's."""
        frames = max(self.frames(each.seconds) for each in wanted)
        features = np.stack([pad_or_trim(self.model.feature_extractor(each.samples), frames) for each in wanted])
        encoded = self.model.model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(features)))
        languages = self._languages(wanted, encoded)
        tokenizers = [
            Tokenizer(self.model.hf_tokenizer, self.model.model.is_multilingual, task=each.task, language=language)
            for each, (language, _) in zip(wanted, languages, strict=True)
        ]
        prompts = [self._prompt(each, tokenizer) for each, tokenizer in zip(wanted, tokenizers, strict=True)]
        most = [int(FEWEST_TOKENS + MOST_TOKENS_A_SECOND * each.seconds) for each in wanted]
        drawn: dict[str, Any] = {"beam_size": self._beam_size}
        if wanted[0].temperature > 0:
            drawn = {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": wanted[0].temperature}
        results = self.model.model.generate(
            encoded,
            prompts,
            max_length=min(self.model.max_length, len(prompts[0]) + max(most)),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=get_suppressed_tokens(tokenizers[0], [-1]),
            **drawn,
        )
        return [
            _found(result, tokenizer, language, each.seconds, limit)
            for result, tokenizer, language, each, limit in zip(
                results, tokenizers, languages, wanted, most, strict=True
            )
        ]  # fmt: skip

    def hints(self, wanted: Wanted) -> int:
        """Tokens before the transcript itself; only utterances with as many share a pass."""
        if not (wanted.prompt or wanted.hotwords):
            return 0
        tokenizer = Tokenizer(
            self.model.hf_tokenizer, self.model.model.is_multilingual, task="transcribe", language="en"
        )
        return len(self._prompt(wanted, tokenizer))

    def _prompt(self, wanted: Wanted, tokenizer: Any) -> list[int]:
        hints = " ".join(each.strip() for each in (wanted.hotwords, wanted.prompt) if each and each.strip())
        previous = tokenizer.encode(" " + hints)[-MOST_HINT_TOKENS:] if hints else []
        prompt: list[int] = self.model.get_prompt(tokenizer, previous, without_timestamps=True)
        return prompt

    def _languages(self, wanted: Sequence[Wanted], encoded: Any) -> list[tuple[str, float]]:
        if not self.model.model.is_multilingual:
            return [("en", 1.0)] * len(wanted)
        if all(each.language is not None for each in wanted):
            return [(each.language or "", 1.0) for each in wanted]
        detected = [(token[2:-2], float(probability)) for (token, probability), *_ in self._detected(encoded)]
        return [
            (each.language, 1.0) if each.language is not None else found
            for each, found in zip(wanted, detected, strict=True)
        ]

    def _detected(self, encoded: Any) -> Any:
        return self.model.model.detect_language(encoded)


def _found(result: Any, tokenizer: Any, language: tuple[str, float], seconds: float, most: int) -> Found:
    tokens = list(result.sequences_ids[0])
    text = tokenizer.decode(tokens)
    avg_logprob = result.scores[0] * len(tokens) / (len(tokens) + 1)
    ratio = get_compression_ratio(text) if text else 0.0
    sure = bool(text.strip()) and not (
        len(tokens) >= most
        or ratio > MAX_COMPRESSION_RATIO
        or avg_logprob < MIN_AVG_LOGPROB
        or len(text) > MAX_CHARACTERS_A_SECOND * seconds
        or says_twice(text)
    )
    return Found(text, tokens, *language, float(avg_logprob), float(ratio), float(result.no_speech_prob), sure)
