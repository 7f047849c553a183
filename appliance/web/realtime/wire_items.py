"""Items of a live conversation on the wire, in both directions."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.errors import RequestError
from appliance.ids import new_id
from appliance.jobs import STT_RATE
from appliance.sound import SoundIn, SoundOut
from appliance.voice.live.conversation import Item, Said
from appliance.web.realtime.wire_session import Text
from appliance.web.wire_citations import citations, cited
from appliance.web.wire_messages import plain_arguments
from appliance.web.wire_response_items import converted

if TYPE_CHECKING:
    from appliance.sound import SoundFormat
    from appliance.voice.live.conversation import Conversation, Role

Id = Annotated[str, Meta(min_length=1, max_length=128)]
MOST_AUDIO_SECONDS = 120.0
"""In one item of a client's."""


class ContentBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A piece of a message."""

    type: Literal["input_text", "input_audio", "output_text", "output_audio", "text", "audio", "input_image"]
    text: Text | None = None
    audio: bytes | None = None
    transcript: Text | None = None

    def plain(self, role: Role, form: SoundFormat, where: str) -> Said:
        """As the conversation keeps it."""
        if self.type == "input_image":
            raise RequestError(
                "Images are not supported; send text or audio.", code="unsupported_parameter", param=where
            )
        if self.type in ("input_text", "output_text", "text"):
            if self.text is None:
                raise RequestError("A text has no text.", code="missing_field", param=f"{where}.text")
            return Said(text=self.text)
        if role != "user":
            return Said(text=self.transcript or self.text or "", aloud=True)
        if self.audio is None:
            if self.transcript is None:
                raise RequestError("An audio has no audio.", code="missing_field", param=f"{where}.audio")
            return Said(text=self.transcript, aloud=True)
        pcm = SoundIn(form).feed(self.audio, last=True)
        if len(pcm) > MOST_AUDIO_SECONDS * STT_RATE * 2:
            raise RequestError(
                f"The audio is longer than {MOST_AUDIO_SECONDS:.0f} s.", code="audio_too_long", param=f"{where}.audio"
            )
        return Said(text=None, audio=pcm, rate=STT_RATE, aloud=True)


class ItemBody(msgspec.Struct, kw_only=True):
    """An item as a client sends it."""

    type: Literal["message", "function_call", "function_call_output", "item_reference"]
    id: Id | None = None
    role: Literal["system", "user", "assistant"] | None = None
    content: Annotated[list[ContentBody], Meta(max_length=1000)] | None = None
    call_id: Id | None = None
    name: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    arguments: Text | None = None
    output: Text | None = None


def plain_item(raw: Any, form: SoundFormat, where: str) -> Item:
    """An item of a client's. Raises `RequestError` that names the field below `where`."""
    body = converted(raw, ItemBody, where)
    item_id = body.id or new_id("item")
    match body.type:
        case "message":
            role = _needed(body.role, f"{where}.role")
            content = _needed(body.content, f"{where}.content")
            said = [part.plain(role, form, f"{where}.content[{number}]") for number, part in enumerate(content)]
            source = " ".join(piece.text or "" for piece in said) if role == "assistant" else ""
            return Item(item_id, role=role, said=said, source=source)
        case "function_call":
            name, arguments = _needed(body.name, f"{where}.name"), _needed(body.arguments, f"{where}.arguments")
            text = plain_arguments(arguments, where)
            return Item(
                item_id, "function_call", "assistant", call_id=body.call_id or new_id("call"), name=name, text=text
            )
        case "function_call_output":
            call_id, output = _needed(body.call_id, f"{where}.call_id"), _needed(body.output, f"{where}.output")
            return Item(item_id, "function_call_output", call_id=call_id, text=output)
        case "item_reference":
            raise RequestError("A reference makes sense in a response's input only.", param=f"{where}.type")


def given_items(raw: list[Any], conversation: Conversation, form: SoundFormat) -> list[Item]:
    """The `input` of a response: items, and references to those of the conversation."""
    found = []
    for number, each in enumerate(raw):
        where = f"response.input[{number}]"
        if isinstance(each, dict) and each.get("type") == "item_reference":
            found.append(conversation.get(str(each.get("id"))))
        else:
            found.append(plain_item(each, form, where))
    return found


def item_body(item: Item, audio: SoundFormat | None = None) -> dict[str, Any]:
    """An item as clients get it; its audio only where they asked for it, in this format."""
    body: dict[str, Any] = {"id": item.id, "object": "realtime.item", "type": item.kind, "status": item.status}
    match item.kind:
        case "message":
            body |= {"role": item.role, "content": [_content(said, item.role, audio) for said in item.said]}
            if rests := citations(cited(item.sources, item.words)):
                body["content"][0]["annotations"] = msgspec.to_builtins(rests)
            if item.status == "in_progress":
                body["content"] = []
        case "function_call":
            body |= {"call_id": item.call_id, "name": item.name, "arguments": item.text}
        case "function_call_output":
            body |= {"call_id": item.call_id, "output": item.text}
    return body


def _content(said: Said, role: Role, audio: SoundFormat | None) -> dict[str, Any]:
    kind = "output" if role == "assistant" else "input"
    if not said.aloud:
        return {"type": f"{kind}_text", "text": said.text or ""}
    body: dict[str, Any] = {"type": f"{kind}_audio", "transcript": said.text}
    if audio is not None:
        sound = SoundOut(audio, said.rate).feed(said.audio, last=True) if said.audio else None
        body["audio"] = base64.b64encode(sound).decode() if sound is not None else None
    return body


def _needed(value: Any, param: str) -> Any:
    if value is None:
        raise RequestError(f"The field {param!r} is missing.", code="missing_field", param=param)
    return value
