"""`POST /v1/responses`: items in, items out, streamed or whole; and what was kept of them, by id."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Literal

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import to_builtins

from appliance.callers.caller import Caller
from appliance.errors import NotFound, RequestError
from appliance.ids import new_id
from appliance.jobs import AnyPart, Generate
from appliance.store.responses import Kept, Responses
from appliance.store.responses import put as put_response
from appliance.web import response_prompt
from appliance.web.assisting import answering, led, named, response_with
from appliance.web.box import Box
from appliance.web.continuing import Continuing
from appliance.web.conversation_items import item_list
from appliance.web.described import answers, json_of
from appliance.web.faults import classify, told
from appliance.web.identity.guard import NEEDS
from appliance.web.kept_items import kept, shown
from appliance.web.live import EVENT_STREAM, Live, Write, event
from appliance.web.response_stream import ResponseStream
from appliance.web.retrieval import searching
from appliance.web.shortening import opened
from appliance.web.tries import turn_of
from appliance.web.wire_response_body import Deleted, ItemList, ResponseBody
from appliance.web.wire_response_events import Event
from appliance.web.wire_response_items import (
    Item,
    ItemReference,
    kept_items,
    raw_items,
    read_items,
)
from appliance.web.wire_responses import ResponseRequest

PATH: Final = "/v1/responses"

FIELDS: Final = {"messages": "input", "response_format": "text.format.schema"}
"""What the fields that the engine names are called at this door."""

Tell = Callable[[Sequence[Event]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Turn:
    """A request that has been understood."""

    begun: ResponseBody
    input: Sequence[Item]
    job: Generate
    caller: Caller
    conversation: Continuing | None


@post(
    "/v1/responses",
    opt={NEEDS: "text"},
    status_code=200,
    summary="Response",
    responses={200: json_of(ResponseBody)},
    operation_class=answers("application/json", EVENT_STREAM),
)
async def create_response(
    request: Request[Any, Any, Any],
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    data: JSONBody[ResponseRequest],
) -> Response[Any]:
    """Write the items that follow on the input."""
    box = await answering(box, caller, "default" if data.model is None else data.model)
    data.refuse_unsupported()
    data = response_with(box.assistant, data)
    turn = await _understood(box, caller, data, turn_of(request))
    box = await searching(box, caller, data.search)
    stream = ResponseStream(turn.begun, time.time)
    if data.stream:
        return Live(lambda write: _stream(box, turn, stream, write), EVENT_STREAM)

    async def untold(_: Sequence[Event]) -> None:
        pass

    await _answer(box, turn, stream, untold)
    return Response(stream.response)


@get(
    "/v1/responses/{response_id:str}",
    opt={NEEDS: "text"},
    summary="A kept response",
    responses={200: json_of(ResponseBody)},
)
async def get_response(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    response_id: FromPath[str],
    stream: FromQuery[bool | None] = None,
) -> Response[Any]:
    """A finished response by its id."""
    if stream:
        raise RequestError("A kept response is not streamed again.", code="unsupported_parameter", param="stream")
    return Response((await box.responses.get(caller.owner, response_id)).body)


@delete("/v1/responses/{response_id:str}", opt={NEEDS: "text"}, status_code=200, summary="Forget a response")
async def delete_response(
    box: NamedDependency[Box], caller: NamedDependency[Caller], response_id: FromPath[str]
) -> Deleted:
    """Forget a response; none can go on from it any more."""
    await box.responses.delete(caller.owner, response_id)
    return Deleted(id=response_id)


@get("/v1/responses/{response_id:str}/input_items", opt={NEEDS: "text"}, summary="What a response answered")
async def list_input_items(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    response_id: FromPath[str],
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    after: FromQuery[str | None] = None,
) -> ItemList:
    """All items that the model was given, those of earlier responses included as far as they are kept."""
    *earlier, last = await box.responses.chain(caller.owner, response_id, "response_id", whole=False)
    items = [item for response in earlier for item in response.items] + last.input
    if order == "desc":
        items.reverse()
    if after is not None:
        ids = [item["id"] for item in items]
        if after not in ids:
            raise RequestError(f"The response has no input item {after[:128]!r}.", param="after")
        items = items[ids.index(after) + 1 :]
    return item_list(items[:limit], more=len(items) > limit)


@post("/v1/responses/{response_id:str}/cancel", opt={NEEDS: "text"}, status_code=200, summary="Cancel a response")
async def cancel_response(
    box: NamedDependency[Box], caller: NamedDependency[Caller], response_id: FromPath[str]
) -> None:
    """Refused: a response is cancelled by leaving its request."""
    await box.responses.get(caller.owner, response_id)
    raise RequestError(
        "Only background responses can be cancelled, and this box makes none; to end one, leave its request.",
        param="response_id",
    )


async def _understood(box: Box, caller: Caller, data: ResponseRequest, turn: str) -> _Turn:
    """Raises `RequestError` and `NotFound`, which name the field."""
    given: Any = [] if data.input is None else data.input
    if given == [] and data.previous_response_id is None:
        raise RequestError("The field 'input' is missing.", code="missing_field", param="input")
    conversation = None
    if data.conversation_id is not None:
        conversation = Continuing(box, caller, data.conversation_id, turn)
        earlier = [shown(item) for item in await conversation.earlier()]
    else:
        earlier = await _earlier(box, caller, data.previous_response_id)
    new = await _resolved(read_items(given), box.responses, caller)
    response_prompt.check_outputs(earlier, new)
    messages = response_prompt.messages(data.instructions, [*earlier, *new])
    if not messages:
        raise RequestError("The input has nothing for the model to read.", param="input")
    begun = ResponseBody.begun(data, new_id("resp"), named(box, data.model), time.time())
    return _Turn(begun, new, led(box.assistant, data.job(messages)), caller, conversation)


async def _earlier(box: Box, caller: Caller, previous: str | None) -> list[Item]:
    if previous is None:
        return []
    chain = await box.responses.chain(caller.owner, previous, "previous_response_id")
    return kept_items([item for response in chain for item in response.items])


async def _resolved(items: Sequence[Item | ItemReference], responses: Responses, caller: Caller) -> list[Item]:
    """The items, with those that are only named fetched from where they are kept."""
    named = [item.id for item in items if isinstance(item, ItemReference)]
    kept = await responses.items(caller.owner, named)
    found: list[Item] = []
    for number, item in enumerate(items):
        if not isinstance(item, ItemReference):
            found.append(item)
            continue
        if named.count(item.id) > 1:
            raise RequestError(f"The item {item.id!r} is named twice.", param=f"input[{number}].id")
        if item.id not in kept:
            raise NotFound(f"There is no kept item {item.id!r}.", param=f"input[{number}].id")
        found += kept_items([kept[item.id]])
    return found


async def _stream(box: Box, turn: _Turn, stream: ResponseStream, write: Write) -> None:
    async def tell(happened: Sequence[Event]) -> None:
        await write(b"".join(event(each, name=each.type) for each in happened))

    try:
        await _answer(box, turn, stream, tell)
    except Exception as error:
        if not stream.begun or stream.ended:
            raise
        known = classify(error, PATH, box.settings.limits.body_mb)
        told(known)
        await tell(stream.fail(known))


async def _answer(box: Box, turn: _Turn, stream: ResponseStream, tell: Tell) -> None:
    """Run the job; tell what happens. A response that has ended is on disk before that is told."""

    async def take(part: AnyPart) -> None:
        happened = stream.take(part)
        if stream.ended:
            await _keep(box, turn, stream.response)
        await tell(happened)

    shorten = turn.begun.truncation == "auto" or turn.conversation is not None
    async with opened(box.stages.llm, turn.job, shorten=shorten, **FIELDS) as (first, parts):
        await tell(stream.begin())
        await take(first)
        async for _, part in parts:
            await take(part)


async def _keep(box: Box, turn: _Turn, response: ResponseBody) -> None:
    """All of it in one transaction."""
    owner, conversation = turn.caller.owner, turn.conversation
    body = to_builtins(response)
    remembered = Kept(
        id=body["id"],
        previous=response.previous_response_id,
        conversation=conversation.conversation if conversation is not None else None,
        input=raw_items(turn.input),
        body=body,
    )
    put = partial(put_response, owner=owner.user, response=remembered) if response.store else None
    if conversation is not None:
        await conversation.keep([kept(item) for item in (*turn.input, *response.output)], put)
    elif put is not None:
        await box.responses.keep(owner, remembered)
