"""From a session's settings on the wire to how the conversation is conducted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from appliance.callers.languages import language_code
from appliance.callers.names import OPENAI_TRANSCRIBERS
from appliance.dialogue.prompt import joined
from appliance.store.assistants import NOBODY, Preset
from appliance.turns.detection import SemanticVad, ServerVad
from appliance.voice.live.conduct import Conduct, Style, Transcribing
from appliance.voice.responding import Manner
from appliance.web.assisting import with_tools
from appliance.web.realtime.wire_session import NamedFunction, RetentionRatio, ServerVadBody, SessionBody, given_side
from appliance.web.wire_audio import hotwords
from appliance.web.wire_response_items import converted, plain_functions
from appliance.web.wire_tools import plain_tools, toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.callers.names import Names
    from appliance.settings import Stt
    from appliance.turns.detection import TurnDetection
    from appliance.web.realtime.wire_session import ResponseBody, TranscriptionBody
    from appliance.web.wire_tools import Choosing, Toolbox

KEEP = 0.8
"""Share of a conversation that stays where the client says "auto"."""


def conduct(session: SessionBody, names: Names, stt: Stt, preset: Preset = NOBODY) -> Conduct:
    """How it is conducted. `stt`: the box's own settings; `preset`: the assistant's. Raises `RequestError`."""
    transcription = session.audio.input.transcription
    if transcription is not None:
        names.check_model("stt", transcription.model, OPENAI_TRANSCRIBERS)
    shown = transcription is not None or session.type == "transcription"
    return Conduct(
        replies=session.type == "realtime",
        detection=_detection(session),
        transcribing=Transcribing(
            shown=shown,
            language=_language(transcription) or preset.language or stt.language or None,
            prompt=transcription.prompt if transcription is not None else None,
            hotwords=hotwords(transcription.keywords if transcription is not None else None, stt),
        ),
        sound_in=session.audio.input.format.plain,
        sound_out=session.audio.output.format.plain,
        style=_style(session, names, preset, "session"),
        keep=_keep(session),
    )


def style(session: SessionBody, response: ResponseBody, names: Names, preset: Preset = NOBODY) -> Style:
    """How one response is made that may be otherwise than the session's."""
    given: dict[str, Any] = {
        name: value
        for name in msgspec.structs.asdict(response)
        if name in SessionBody.__struct_fields__ and name != "audio" and (value := getattr(response, name)) is not None
    }
    changed = msgspec.structs.replace(session, **given)
    output = converted((response.audio or {}).get("output") or {}, dict[str, Any], "response.audio.output")
    wanted = {**msgspec.to_builtins(session.audio.output), **given_side("output", output)}
    sound = converted(wanted, type(session.audio.output), "response.audio.output")
    changed = msgspec.structs.replace(changed, audio=msgspec.structs.replace(session.audio, output=sound))
    return _style(changed, names, preset, "response")


def _style(session: SessionBody, names: Names, preset: Preset, where: str) -> Style:
    return Style(
        instructions=joined(preset.instructions, session.instructions),
        manner=_manner(session, names, preset),
        **_tools(with_tools(preset, session.tools), session.tool_choice, where),
        parallel_tool_calls=session.parallel_tool_calls,
        max_tokens=None if session.max_output_tokens == "inf" else session.max_output_tokens,
        temperature=session.temperature,
        top_p=Style().top_p if preset.top_p is None else preset.top_p,
    )


def _manner(session: SessionBody, names: Names, preset: Preset) -> Manner:
    output = session.audio.output
    voice = preset.voice if output.voice == "default" else output.voice
    return Manner(names.voice(voice), output.speed, spoken="audio" in session.output_modalities)


def _language(transcription: TranscriptionBody | None) -> str | None:
    if transcription is None or not transcription.language:
        return None
    return language_code(transcription.language, "session.audio.input.transcription.language")


def _detection(session: SessionBody) -> TurnDetection | None:
    given = session.audio.input.turn_detection
    if given is None:
        return None
    fields = msgspec.structs.asdict(given)
    return ServerVad(**fields) if isinstance(given, ServerVadBody) else SemanticVad(**fields)


def _keep(session: SessionBody) -> float | None:
    if isinstance(session.truncation, RetentionRatio):
        return session.truncation.retention_ratio
    return KEEP if session.truncation == "auto" else None


def _tools(tools: Sequence[dict[str, Any]], choice: Choosing | NamedFunction, where: str) -> dict[str, Any]:
    plain = plain_tools(plain_functions(tools, where + ".tools[{}]"), where + ".tools[{}]")
    param = f"{where}.tool_choice"
    if isinstance(choice, NamedFunction):
        chosen: Toolbox = toolbox(plain, "required", name=choice.name, param=param)
    else:
        chosen = toolbox(plain, choice, param=param)
    return {"tools": tuple(chosen.tools), "tool_choice": chosen.tool_choice, "tool_name": chosen.tool_name}
