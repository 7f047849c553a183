"""Short speech in one pass: Whisper's encoder is given the utterance and a little more instead of 30 s of silence.

Several utterances may share a pass. What looks like a repetition loop or a guess is not `sure`: it has to be heard
again with the full context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens

from appliance.engines.whisper.guards import MIN_AVG_LOGPROB, endless, repeats
from appliance.errors import RequestError
from appliance.jobs import STT_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

# With less silence after them, Whisper base says short utterances over and over:
# docs/decisions/2026-11-24-audio-context.md
PADDING_SECONDS: Final = 3.0
SHORTEST_SECONDS: Final = 8.0
FRAMES_A_SECOND: Final = 100

FEWEST_TOKENS: Final = 16
MOST_TOKENS_A_SECOND: Final = 16
"""A transcript that needs more is a loop; to stop it early is what makes the guard cheap."""

# Both together stay below the half of the decoder's context that Whisper keeps for what came before.
MOST_PROMPT_TOKENS: Final = 160
MOST_HOTWORD_TOKENS: Final = 60
MOST_HINT_CHARACTERS: Final = 2000
"""More is cut off before it is made to tokens: of a prompt its end counts, of hotwords their beginning."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One utterance: mono samples at `STT_RATE`, shape (n,), −1 to 1, and how it is to be read."""

    samples: Samples
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    prompt: str | None = None
    hotwords: str | None = None
    temperature: float = 0.0
    timestamps: bool = False
    """Whether the tokens say when sentences begin and end."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.samples.size / STT_RATE


@dataclass(frozen=True, slots=True)
class Found:
    """What was heard; `sure` False: better listen again with the full context."""

    text: str
    tokens: list[int]
    language: str
    language_probability: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    sure: bool


class ShortPass:
    """One pass of encoder and decoder. It keeps the model, and a tokenizer for each language that was met."""

    def __init__(self, model: Any, beam_size: int) -> None:
        self.model, self._beam_size = model, beam_size
        self._tokenizers: dict[tuple[str, str], Any] = {}

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

    def frames(self, seconds: float, *, full: bool = False) -> int:
        """Of the encoder's input for so much speech, 10 ms each; `full`: all that it can take."""
        most: int = self.model.feature_extractor.nb_max_frames
        if full:
            return most
        frames = min(int(max(seconds + PADDING_SECONDS, SHORTEST_SECONDS) * FRAMES_A_SECOND), most)
        return frames + frames % 2

    def hear(self, wanted: Sequence[Wanted], *, full: bool = False) -> list[Found]:
        """All of them in one pass; the longest one's length is everybody's.

        They must have as many `hint_tokens`, and the same temperature and timestamps.
        """
        first = wanted[0]
        frames = max(self.frames(each.seconds, full=full) for each in wanted)
        encoded = self.model.encode(
            np.stack([padded(self.model.feature_extractor(each.samples), frames) for each in wanted])
        )
        languages = self._languages(wanted, encoded)
        tokenizers = [
            self.tokenizer(language, each.task) for each, (language, _) in zip(wanted, languages, strict=True)
        ]
        prompts = [self._prompt(each, tokenizer) for each, tokenizer in zip(wanted, tokenizers, strict=True)]
        most = [int(FEWEST_TOKENS + MOST_TOKENS_A_SECOND * each.seconds) for each in wanted]
        drawn: dict[str, Any] = {"beam_size": self._beam_size}
        if first.temperature > 0:
            drawn = {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": first.temperature}
        results = self.model.model.generate(
            encoded,
            prompts,
            max_length=min(self.model.max_length, len(prompts[0]) + max(most)),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=get_suppressed_tokens(tokenizers[0], [-1]),
            **drawn,
        )
        each = zip(results, tokenizers, languages, wanted, most, strict=True)
        return [
            _found(result, tokenizer, language, one.seconds, limit) for result, tokenizer, language, one, limit in each
        ]

    def tokenizer(self, language: str, task: str = "transcribe") -> Any:
        """The one for a language."""
        known = self._tokenizers.get((language, task))
        if known is None:
            multilingual = self.model.model.is_multilingual
            known = Tokenizer(self.model.hf_tokenizer, multilingual, task=task, language=language)
            self._tokenizers[language, task] = known
        return known

    def hint_tokens(self, wanted: Wanted) -> int:
        """Tokens before the transcript itself; only utterances with as many can share a pass."""
        return len(self._prompt(wanted, self.tokenizer("en"))) if wanted.prompt or wanted.hotwords else 0

    def _prompt(self, wanted: Wanted, tokenizer: Any) -> list[int]:
        previous: list[int] = []
        if wanted.hotwords and wanted.hotwords.strip():
            hotwords = wanted.hotwords.strip()[:MOST_HINT_CHARACTERS]
            previous += tokenizer.encode(" " + hotwords)[:MOST_HOTWORD_TOKENS]
        if wanted.prompt and wanted.prompt.strip():
            prompt = wanted.prompt.strip()[-MOST_HINT_CHARACTERS:]
            previous += tokenizer.encode(" " + prompt)[-MOST_PROMPT_TOKENS:]
        made: list[int] = self.model.get_prompt(tokenizer, previous, without_timestamps=not wanted.timestamps)
        return made

    def _languages(self, wanted: Sequence[Wanted], encoded: Any) -> list[tuple[str, float]]:
        if not self.model.model.is_multilingual:
            return [("en", 1.0)] * len(wanted)
        if all(each.language is not None for each in wanted):
            return [(each.language or "", 1.0) for each in wanted]
        detected = [likely[0] for likely in self.model.model.detect_language(encoded)]
        return [
            (each.language, 1.0) if each.language is not None else (token[2:-2], float(probability))
            for each, (token, probability) in zip(wanted, detected, strict=True)
        ]


def padded(features: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    """Features (mels, n) as (mels, frames): cut, or continued with their own floor, which is how silence looks.

    Whisper was trained so. Zeros, which faster-whisper appends, are a loud noise: with them short contexts loop more.
    """
    whole = np.full((features.shape[0], frames), features.min(), dtype=np.float32)
    kept = min(frames, features.shape[1])
    whole[:, :kept] = features[:, :kept]
    return whole


def _found(result: Any, tokenizer: Any, language: tuple[str, float], seconds: float, most: int) -> Found:
    tokens = list(result.sequences_ids[0])
    text = tokenizer.decode(tokens)
    avg_logprob = float(result.scores[0]) * len(tokens) / (len(tokens) + 1)
    ratio = float(get_compression_ratio(text)) if text else 0.0
    sure = bool(text.strip()) and not (
        len(tokens) >= most or avg_logprob < MIN_AVG_LOGPROB or endless(text, seconds, ratio) or repeats(text)
    )
    return Found(text, tokens, *language, avg_logprob, ratio, float(result.no_speech_prob), sure)
