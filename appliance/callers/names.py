"""Whose name is whose: the models' own names, and those that unmodified clients send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from appliance.errors import NotFound
from appliance.jobs import ROLES, Role
from appliance.store.assistants import Assistant, Assistants, folded
from appliance.store.owners import Owner

ALIASES: Final = {
    "stt": ("default", "whisper-1"),
    "llm": ("default",),
    "tts": ("default", "tts-1"),
    "turn": (),
    "embed": (),
}

EMBEDDING_ALIASES: Final = ("text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002")
"""Names of OpenAI's for vectors."""

REALTIME_ALIASES: Final = (
    "gpt-realtime", "gpt-realtime-mini", "gpt-realtime-1.5", "gpt-realtime-2",
    "gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview",
)  # fmt: skip
"""Names of OpenAI's for live conversations: all of the box's models serve them together here."""

OPENAI_TRANSCRIBERS: Final = (
    "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-latest", "gpt-realtime-whisper", "gpt-transcribe",
)  # fmt: skip
"""Names of OpenAI's for the transcripts of live conversations."""

OPENAI_VOICES: Final = frozenset(
    (
        "alloy",
        "ash",
        "ballad",
        "cedar",
        "coral",
        "echo",
        "fable",
        "marin",
        "nova",
        "onyx",
        "sage",
        "shimmer",
        "verse",
    )
)
"""Voices of OpenAI's: they speak with the default voice here."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that this box answers to. `voices` maps short names to models; the first is the default.

    `languages` has those that a voice's model speaks, as BCP 47 tags; what it does not name is not known.
    """

    stt: str
    llm: str
    voices: dict[str, str]
    turn: str = ""
    embed: str = ""
    languages: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def default_voice(self) -> str:
        """Short name."""
        return next(iter(self.voices))

    def own(self, role: str) -> Sequence[str]:
        """The models' own names in a role, the default first."""
        return list(self.voices.values()) if role == "tts" else [name for name in [getattr(self, role)] if name]

    def knows(self, role: str, model: str, more: Sequence[str] = ()) -> bool:
        """Whether something here answers to a name; `more` are names for one door alone."""
        return model in (*self.own(role), *ALIASES[role], *more)

    def taken(self, name: str) -> bool:
        """Whether a model has a name, at whichever door and however it is written."""
        aliases = (name for role in ROLES for name in (*self.own(role), *ALIASES[role]))
        others = (*EMBEDDING_ALIASES, *REALTIME_ALIASES, *OPENAI_TRANSCRIBERS)
        return folded(name) in {folded(each) for each in (*aliases, *others)}

    def check_model(self, role: str, model: str, more: Sequence[str] = ()) -> None:
        """Raise `model_not_found` for a name that nothing here answers to; `more` are names for this door alone."""
        if not self.knows(role, model, more):
            known = dict.fromkeys((*self.own(role), *ALIASES[role], *more))
            raise NotFound(
                f"There is no model {model!r} for this; there are {', '.join(known)}.",
                code="model_not_found",
                param="model",
            )

    @property
    def embeds(self) -> Role:
        """Who makes vectors: the model that is there for it or, where there is none, the language model."""
        return "embed" if self.embed else "llm"

    def embedder(self, model: str) -> Role:
        """Who makes vectors under a name; the language model always does under its own. Raises `model_not_found`."""
        if model == self.llm:
            return "llm"
        self.check_model(self.embeds, model, ("default", *EMBEDDING_ALIASES, self.llm))
        return self.embeds

    def voice(self, voice: str | None, model: str | None = None) -> str:
        """Short name of the voice to speak with. A voice's model named as `model` chooses that voice."""
        if not voice or voice == "default" or voice in OPENAI_VOICES:
            chosen = [short for short, name in self.voices.items() if name == model]
            return chosen[0] if chosen else self.default_voice
        if voice in self.voices:
            return voice
        for short, name in self.voices.items():
            if name == voice:
                return short
        raise NotFound(
            f"There is no voice {voice!r}; there are {', '.join(self.voices)}.",
            code="voice_not_found",
            param="voice",
        )


async def called(
    names: Names, assistants: Assistants, owner: Owner, model: str, more: Sequence[str] = ()
) -> Assistant | None:  # fmt: skip
    """The assistant that an owner means by `model`; None where it is a language model, or one of `more`.

    Their own goes before one that is shared. Raises `model_not_found` where nothing answers to the name.
    """
    if names.knows("llm", model, more):
        return None
    found = await assistants.called(owner, model)
    if found is None:
        names.check_model("llm", model, more)
    elif not names.knows("llm", found.model):
        raise NotFound(
            f"The assistant {found.name!r} is made for the model {found.model!r}, which is not here any more.",
            code="model_not_found",
            param="model",
        )
    return found
