"""Assistants at the doors: a `model` that is one's name or id, and what follows from it for a request.

What the client gives goes before what the assistant brings; only the assistant's rules stand before the client's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from appliance.callers.caller import Caller
from appliance.callers.names import called
from appliance.dialogue.prompt import led_by
from appliance.jobs import Generate
from appliance.store.assistants import Assistant, Preset
from appliance.web.box import Box
from appliance.web.wire_assistants import functions
from appliance.web.wire_chat import ChatRequest
from appliance.web.wire_responses import ResponseRequest
from appliance.web.wire_tools import ChatTool


async def answering(box: Box, caller: Caller, model: str, *, aloud: bool = False) -> Box:
    """The box as it answers to `model`: its stages are the ones to make the reply with. Raises `model_not_found`.

    `aloud`: the reply is spoken.
    """
    return box.answering_as(await called(box.names, box.assistants, caller.owner, model), aloud=aloud)


def named(box: Box, model: str | None) -> str:
    """What an answer calls its model: an assistant as the client did, a model by its own name."""
    return box.names.llm if box.assistant is None or model is None else model


def chat_with(assistant: Assistant | None, asked: ChatRequest) -> ChatRequest:
    """The request with what it leaves to the assistant; its rules come with `led`."""
    if assistant is None:
        return asked
    known = {tool.function.name for tool in asked.tools or () if tool.function is not None}
    brought = [ChatTool(function=each) for each in functions(assistant) if each.name not in known]
    return replace(asked, tools=[*(asked.tools or ()), *brought], **_drawn(assistant, asked))


def response_with(assistant: Assistant | None, asked: ResponseRequest) -> ResponseRequest:
    """The request with what it leaves to the assistant; its rules come with `led`."""
    if assistant is None:
        return asked
    return replace(asked, tools=with_tools(assistant, asked.tools or ()), **_drawn(assistant, asked))


def with_tools(preset: Preset, given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tools as responses and live conversations have them, and behind them those that the preset brings."""
    known = {tool.get("name") for tool in given}
    brought = [msgspec.to_builtins(each) for each in functions(preset) if each.name not in known]
    return [*given, *({"type": "function", **each} for each in brought)]


def led(assistant: Assistant | None, job: Generate) -> Generate:
    """The job with the assistant's rules before all that it tells the model."""
    if assistant is None or not assistant.instructions:
        return job
    return replace(job, messages=led_by(assistant.instructions, job.messages))


def _drawn(assistant: Assistant, asked: ChatRequest | ResponseRequest) -> dict[str, float | None]:
    return {
        "temperature": assistant.temperature if asked.temperature is None else asked.temperature,
        "top_p": assistant.top_p if asked.top_p is None else asked.top_p,
    }
