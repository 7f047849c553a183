"""The box as a conversation agent: words in, the reply's words out as they are written, both remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wyoming.handle import Handled, HandledChunk, HandledStart, HandledStop

from appliance.callers.names import called
from appliance.dialogue.prompt import joined
from appliance.errors import RequestError
from appliance.events import ReplyText, TurnDone
from appliance.ids import new_id
from appliance.jobs import Sampling
from appliance.store.assistants import NOBODY
from appliance.store.conversations import check_id
from appliance.voice.live.patience import patient
from appliance.voice.turn import Turn, take_turn

if TYPE_CHECKING:
    from appliance.events import TurnEvent
    from appliance.wyoming.admission import Guest
    from appliance.wyoming.household import Household
    from appliance.wyoming.outbox import Outbox
    from appliance.wyoming.wire import Transcript


async def answering(guest: Guest, *, aloud: bool) -> Household:
    """The box as it answers at this door. Raises `model_not_found` where its assistant is not there any more."""
    box = guest.box
    name = box.settings.wyoming.assistant
    if not name:
        return box
    return box.answering_as(await called(box.names, box.assistants, guest.caller.owner, name), aloud=aloud)


async def handle(guest: Guest, asked: Transcript, outbox: Outbox) -> None:
    """Answer what somebody said elsewhere. Raises `RequestError` that names the field."""
    if not asked.text.strip():
        raise RequestError("There are no words to answer.", code="text_empty", param="text")
    given = asked.context.conversation_id if asked.context is not None else None
    conversation = check_id(given) if given else new_id("conv")
    context = {"conversation_id": conversation}
    begun = False

    async def tell(happened: TurnEvent) -> None:
        nonlocal begun
        match happened:
            case ReplyText(delta=delta):
                if not begun:
                    begun = True
                    await outbox.say(HandledStart(context=context).event())
                await outbox.say(HandledChunk(delta).event())
            case TurnDone(reply=reply):
                if not begun:
                    await outbox.say(HandledStart(context=context).event())
                outbox.put(Handled(reply, context=context).event(), HandledStop().event())
            case _:
                pass

    box = await answering(guest, aloud=False)
    with box.lines.take(guest.caller, "turn", conversation):
        turn = _turn(box, guest, asked.text, conversation)
        await take_turn(turn, patient(box.stages), box.conversations, box.recorder, box.stories, tell)


def _turn(box: Household, guest: Guest, words: str, conversation: str) -> Turn:
    settings, preset = box.settings, box.assistant or NOBODY
    return Turn(
        id=new_id("turn"),
        audio=b"",
        owner=guest.caller.owner,
        conversation=conversation,
        history=settings.voice.history_messages,
        instructions=joined(preset.instructions, "" if preset.instructions else settings.voice.instructions),
        voice=None,
        language=None,
        max_seconds=settings.limits.turn_seconds,
        max_reply_tokens=settings.voice.max_reply_tokens,
        temperature=settings.voice.temperature if preset.temperature is None else preset.temperature,
        top_p=Sampling().top_p if preset.top_p is None else preset.top_p,
        words=words,
        spoken=False,
        door="wyoming",
    )
