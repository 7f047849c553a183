"""How a satellite's conversation is conducted: as the settings have it, and the assistant of this door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.dialogue.prompt import joined
from appliance.jobs import Sampling
from appliance.store.assistants import NOBODY
from appliance.turns.detection import SemanticVad
from appliance.voice.live.conduct import Conduct, Style, Transcribing
from appliance.voice.responding import Manner
from appliance.wyoming.wire import STAGES

if TYPE_CHECKING:
    from appliance.wyoming.household import Household
    from appliance.wyoming.wire import RunPipeline


def conduct(box: Household, voice: str, plan: RunPipeline) -> Conduct:
    """Of a conversation that goes as far as the plan does."""
    settings, preset = box.settings, box.assistant or NOBODY
    return Conduct(
        replies=STAGES.index(plan.end_stage) > STAGES.index("asr"),
        detection=SemanticVad(interrupt_response=False),
        transcribing=Transcribing(
            language=preset.language or settings.stt.language or None, hotwords=settings.stt.hotwords or None
        ),
        sound_in="pcm16k",
        style=Style(
            instructions=joined(preset.instructions, "" if preset.instructions else settings.voice.instructions),
            manner=Manner(voice, spoken=plan.end_stage == "tts"),
            max_tokens=settings.voice.max_reply_tokens,
            temperature=settings.voice.temperature if preset.temperature is None else preset.temperature,
            top_p=Sampling().top_p if preset.top_p is None else preset.top_p,
        ),
    )
