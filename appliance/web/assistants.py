"""`/v1/assistants`: presets with a name, which every door that writes or speaks takes as its `model`."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from appliance.callers.caller import Caller
from appliance.errors import Forbidden
from appliance.store.assistants import Assistant, Preset
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS
from appliance.web.wire_assistants import (
    AssistantBody,
    AssistantDeleted,
    AssistantList,
    ChangeAssistant,
    CreateAssistant,
    assistant_body,
)

LOOK = {NEEDS: "text"}
MAKE = {NEEDS: "knowledge"}
ASSISTANT = "/v1/assistants/{assistant_id:str}"


@post("/v1/assistants", opt=MAKE, status_code=200, summary="Make an assistant")
async def create_assistant(
    box: NamedDependency[Box], caller: NamedDependency[Caller], data: JSONBody[CreateAssistant]
) -> AssistantBody:
    """A preset: what a model is told first, how it speaks, what it may call, and the documents that it knows."""
    given = data.given(box.names)
    _check_shared(caller, data)
    made = await box.assistants.create(caller.owner, Preset(**given))
    return _told(box, caller, made, shared=made.shared)


@get("/v1/assistants", opt=LOOK, summary="Assistants")
async def list_assistants(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    after: FromQuery[str | None] = None,
) -> AssistantList:
    """A page of one's own and of those that others share, the newest first unless `order` is `asc`."""
    found, more = await box.assistants.page(caller.owner, after=after, limit=limit, newest_first=order == "desc")
    bodies = [assistant_body(each, caller.owner.user) for each in found]
    first, last = (bodies[0].id, bodies[-1].id) if bodies else (None, None)
    return AssistantList(data=bodies, first_id=first, last_id=last, has_more=more)


@get(ASSISTANT, opt=LOOK, summary="One assistant")
async def get_assistant(
    box: NamedDependency[Box], caller: NamedDependency[Caller], assistant_id: FromPath[str]
) -> AssistantBody:
    """One's own, or one that somebody else shares."""
    return assistant_body(await box.assistants.get(caller.owner, assistant_id), caller.owner.user)


@post(ASSISTANT, opt=MAKE, status_code=200, summary="Change an assistant")
async def change_assistant(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    assistant_id: FromPath[str],
    data: JSONBody[ChangeAssistant],
) -> AssistantBody:
    """What is given is changed. Live conversations that have begun stay as they are."""
    given = data.given(box.names)
    _check_shared(caller, data)
    changed = await box.assistants.change(caller.owner, assistant_id, given)
    return _told(box, caller, changed, shared=data.shared is True)


@delete(ASSISTANT, opt=MAKE, status_code=200, summary="Delete an assistant")
async def delete_assistant(
    box: NamedDependency[Box], caller: NamedDependency[Caller], assistant_id: FromPath[str]
) -> AssistantDeleted:
    """Its vector stores stay."""
    await box.assistants.delete(caller.owner, assistant_id)
    box.audit.note(caller.actor, "assistant deleted", assistant_id, caller.address)
    return AssistantDeleted(id=assistant_id)


def _check_shared(caller: Caller, data: CreateAssistant | ChangeAssistant) -> None:
    if data.shared is True and not caller.may("admin"):
        raise Forbidden("Only an admin's key shares an assistant with everybody.", param="shared")


def _told(box: Box, caller: Caller, assistant: Assistant, *, shared: bool) -> AssistantBody:
    if shared:
        box.audit.note(caller.actor, "assistant shared", assistant.id, caller.address)
    return assistant_body(assistant, caller.owner.user)
