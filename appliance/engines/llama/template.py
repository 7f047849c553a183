"""The model's own chat template: messages and tools to the text that it was trained to read.

Templates are Jinja, as Hugging Face defined them for chat models: `messages`, `tools`, `add_generation_prompt` and
extras such as `enable_thinking`. They come with a model file and therefore run in Jinja's sandbox.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

import jinja2
import msgspec
from jinja2.sandbox import ImmutableSandboxedEnvironment

from appliance.engines.llama.tools import CALL, as_text, instructions, response
from appliance.errors import RequestError
from appliance.jobs import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.jobs import Tool

CHATML: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For a model that brings no template."""

THOUGHT, THOUGHT_END = "<think>", "</think>"


class Template:
    """One model's template. Safe to use from any thread."""

    def __init__(self, source: str | None, begin: str, end: str, harmless: Callable[[str], str]) -> None:
        """`begin`, `end`: what a text of this model begins and ends with; `harmless`: applied to what others wrote."""
        source = source or CHATML
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"], autoescape=False
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
        self._template = environment.from_string(source)
        self._names = {"bos_token": begin, "eos_token": end}
        self._harmless = harmless
        self.begins = bool(begin) and source.find("bos_token") >= 0
        """Whether the text begins with `begin` already."""
        self.thinks = THOUGHT_END in source
        """Whether the model may think before it replies."""
        self.calls = "tools" in source and CALL in source and '"name"' in source
        """Whether it knows tools in the way that this box reads calls."""

    def render(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, thinking: bool | None, reply: bool = True
    ) -> str:
        """The text to read; `reply`: with the beginning of the assistant's reply. Raises `RequestError`."""
        extras: dict[str, Any] = {} if thinking is None else {"enable_thinking": thinking}
        if tools and self.calls:
            extras["tools"] = [self._tool(tool) for tool in tools]
        shown = messages if self.calls else _without_roles(messages, tools)
        try:
            text = self._template.render(
                messages=[self._message(message) for message in shown],
                add_generation_prompt=reply,
                **self._names,
                **extras,
            )
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise RequestError(
                f"The model's chat template cannot take these messages: {error}", param="messages"
            ) from error
        if reply and thinking is False and text.rstrip().endswith(THOUGHT):
            text = f"{text.rstrip()}\n\n{THOUGHT_END}\n\n"  # it opens a thought unasked: close it
        return text

    def _tool(self, tool: Tool) -> Any:
        function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters or {}}
        return msgspec.json.decode(self._harmless(_to_json({"type": "function", "function": function})))

    def _message(self, message: Message) -> dict[str, Any]:
        shown: dict[str, Any] = {"role": message.role, "content": self._harmless(message.content)}
        if message.tool_calls:
            shown["tool_calls"] = [
                {
                    "id": self._harmless(call.id),
                    "type": "function",
                    "function": {
                        "name": self._harmless(call.name),
                        "arguments": self._arguments(call.arguments),
                    },
                }
                for call in message.tool_calls
            ]
        if message.tool_call_id is not None:
            shown["tool_call_id"] = self._harmless(message.tool_call_id)
        return shown

    def _arguments(self, text: str) -> Any:
        """What JSON says: a control word may be written in it with escapes, which are none where it is shown."""
        try:
            said = _to_json(msgspec.json.decode(text))
        except msgspec.DecodeError:
            return self._harmless(text)
        return _object(self._harmless(said))


def _without_roles(messages: Sequence[Message], tools: Sequence[Tool]) -> Sequence[Message]:
    """Tools, calls and their results in words, for a template that has no place for them."""
    shown = []
    for message in messages:
        if message.role == "tool":
            shown.append(Message("user", response(message.content)))
        elif message.tool_calls:
            calls = "\n".join(as_text(call) for call in message.tool_calls)
            shown.append(Message(message.role, f"{message.content}\n{calls}".strip()))
        else:
            shown.append(message)
    if tools:
        told = instructions(tools)
        if shown and shown[0].role == "system":
            shown[0] = Message("system", f"{shown[0].content}\n\n{told}")
        else:
            shown.insert(0, Message("system", told))
    return shown


def _to_json(value: Any, **options: Any) -> str:
    indent = options.get("indent")
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _object(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)
