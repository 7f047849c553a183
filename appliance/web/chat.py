"""`POST /v1/chat/completions`: messages in, replies out, streamed or whole."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from appliance.callers.caller import Caller
from appliance.jobs import Generate
from appliance.web.assisting import answering, chat_with, led
from appliance.web.box import Box
from appliance.web.chat_conversation import continue_conversation
from appliance.web.chat_stream import ChatStream, answer
from appliance.web.choices import check_count, side_by_side
from appliance.web.continuing import Continuing
from appliance.web.described import answers, json_of
from appliance.web.identity.guard import NEEDS
from appliance.web.live import EVENT_STREAM, Live, Write
from appliance.web.replies import Reply
from appliance.web.retrieval import searching
from appliance.web.tries import turn_of
from appliance.web.wire_chat import ChatRequest
from appliance.web.wire_replies import ChatAnswer


@post(
    "/v1/chat/completions",
    opt={NEEDS: "text"},
    status_code=200,
    summary="Chat",
    responses={200: json_of(ChatAnswer)},
    operation_class=answers("application/json", EVENT_STREAM),
)
async def chat_completions(
    request: Request[Any, Any, Any],
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    data: JSONBody[ChatRequest],
) -> Response[Any]:
    """Write the assistant's next message."""
    box = await answering(box, caller, data.model_name)
    data = chat_with(box.assistant, data)
    jobs = [led(box.assistant, job) for job in data.jobs()]
    box = await searching(box, caller, data.search)
    check_count(len(jobs), box.settings.llm.queue, "n")
    if data.conversation is not None:
        check_count(len(jobs), 1, "n")
        going = Continuing(box, caller, data.conversation, turn_of(request))
        return await continue_conversation(box, data, jobs[0], going)
    if data.stream:
        return Live(lambda write: _stream(box, data, jobs, write), EVENT_STREAM)
    replies = [Reply() for _ in jobs]
    async with side_by_side(box.stages.llm, jobs) as parts:
        async for number, part in parts:
            replies[number].take(part)
    return Response(answer(box, data, replies))


async def _stream(box: Box, data: ChatRequest, jobs: list[Generate], write: Write) -> None:
    told = ChatStream(box, data, len(jobs), write)
    async with side_by_side(box.stages.llm, jobs) as parts:
        async for number, part in parts:
            await told.tell(number, part)
    await told.end()
