"""What the box can do, as Wyoming's `info` says it: only what is really there."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    HandleModel,
    HandleProgram,
    Info,
    TtsProgram,
    TtsVoice,
    WakeModel,
    WakeProgram,
)

from appliance import __version__
from appliance.callers.languages import LANGUAGES
from appliance.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.catalog.lineup import Installed, Lineup
    from appliance.settings import Settings
    from appliance.wyoming.wake_words import WakeWord

MANY: Final = "mul"
"""How a manifest says that a model knows many languages (ISO 639-2)."""
ITSELF: Final = Attribution("Voice appliance", "")


@dataclass(frozen=True, slots=True)
class About:
    """What this box has. `voices` are the models by the voices' short names, the default first."""

    name: str
    lineup: Lineup
    voices: Mapping[str, Installed]
    wake_words: Sequence[WakeWord] = ()
    ends_turns: bool = True
    """Whether it says that it notices itself when somebody has said all."""

    @property
    def wake_names(self) -> list[str]:
        """Of all wake words."""
        return [word.name for word in self.wake_words]

    @property
    def info(self) -> Info:
        """All of it."""
        stt, llm, installed = self.lineup.stt, self.lineup.llm, True
        ears = AsrModel(stt.name, ITSELF, installed, stt.description, None, _of(stt))
        asr = AsrProgram(
            self.name, ITSELF, installed, "Listens", __version__, [ears], supports_transcript_streaming=True,
            requires_external_vad=not self.ends_turns, prefers_auto_gain_enabled=False,
            prefers_noise_reduction_enabled=False,
        )  # fmt: skip
        voices = [_voice(name, each) for name, each in self.voices.items()]
        tts = TtsProgram(
            self.name, ITSELF, installed, "Speaks", __version__, voices, supports_synthesize_streaming=True
        )  # fmt: skip
        mind = HandleModel(llm.name, ITSELF, installed, llm.description, None, _of(llm))
        handle = HandleProgram(
            self.name, ITSELF, installed, "Answers", __version__, [mind], supports_handled_streaming=True
        )  # fmt: skip
        words = [_wake(each) for each in self.wake_words]
        wake = WakeProgram(self.name, ITSELF, installed, "Waits for its name", __version__, words)
        return Info(asr=[asr], tts=[tts], handle=[handle], wake=[wake] if words else [])

    def voice(self, name: str | None, language: str | None) -> str:
        """Short name of the voice with that name or, without one, for a language. Raises `NotFound`."""
        if name:
            known = [short for short, model in self.voices.items() if name in (short, model.name)]
        elif language:
            tags = {short: [_tag(each) for each in model.languages] for short, model in self.voices.items()}
            wanted = _tag(language)
            known = [short for short, spoken in tags.items() if wanted in spoken] or [
                short for short, spoken in tags.items() if wanted[:1] in [each[:1] for each in spoken]
            ]
        else:
            known = list(self.voices)
        if not known:
            asked = f"voice {name!r}" if name else f"voice for the language {language!r}"
            message = f"There is no {asked[:80]}; there are {', '.join(self.voices)}."
            raise NotFound(message, code="voice_not_found", param="voice")
        return known[0]


def name_of(settings: Settings) -> str:
    """What the box is called."""
    return settings.wyoming.name or platform.node().partition(".")[0] or "voice-appliance"


def _of(model: Installed) -> list[str]:
    return sorted(LANGUAGES) if MANY in model.languages else list(model.languages)


def _voice(name: str, model: Installed) -> TtsVoice:
    return TtsVoice(name, ITSELF, installed=True, description=f"{name}: {model.description}", version=None,
                    languages=list(model.languages))  # fmt: skip


def _wake(word: WakeWord) -> WakeModel:
    return WakeModel(word.name, Attribution(word.author, word.website), installed=True, description=word.phrase,
                     version=word.version, languages=list(word.languages), phrase=word.phrase)  # fmt: skip


def _tag(language: str) -> tuple[str, ...]:
    return tuple(language.lower().replace("_", "-").split("-"))
