"""`WS /v1/realtime`: one live conversation over one WebSocket, and the secrets that browsers connect with."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import WebSocket, post, websocket
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from structlog.contextvars import bound_contextvars

from appliance.callers.caller import Caller
from appliance.callers.lines import PREFIX, Invitation
from appliance.errors import ApplianceError, Forbidden, Unauthorized
from appliance.ids import new_id
from appliance.store.conversations import check_id
from appliance.voice.live.events import Fault
from appliance.voice.live.record import Record
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS, offered_by, shown_by
from appliance.web.identity.scope import caller_of
from appliance.web.realtime.lead import Lead
from appliance.web.realtime.line import TRY_AGAIN, Line, part
from appliance.web.realtime.server_events import Wording
from appliance.web.realtime.wire_session import SessionBody
from appliance.web.sockets import BEGUN
from appliance.web.wire_conversation_id import ConversationId

POLICY = 1008
"""Close code of RFC 6455, as is `TRY_AGAIN`."""
SUBPROTOCOL = "realtime"
MOST_RESUMED = 500
"""Items of a conversation that a client is told, and the model with it, when it goes on."""


class ExpiresAfter(msgspec.Struct, kw_only=True):
    """How long a secret can begin sessions."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=10, le=7200)] = 600


class SecretRequest(msgspec.Struct, kw_only=True):
    """Body of `/v1/realtime/client_secrets`."""

    expires_after: ExpiresAfter = msgspec.field(default_factory=ExpiresAfter)
    session: dict[str, Any] = {}
    conversation: ConversationId | None = None


class SecretAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A secret, and the session that it begins."""

    value: str
    expires_at: int
    session: SessionBody


@post(
    "/v1/realtime/client_secrets",
    opt={NEEDS: "voice"},
    status_code=200,
    summary="A secret to begin a live conversation with",
)
async def client_secrets(
    box: NamedDependency[Box], caller: NamedDependency[Caller], data: JSONBody[SecretRequest]
) -> SecretAnswer:
    """For browsers, which may not know a key."""
    session, _ = await Lead(box, caller).begin(data.session)
    value, until = box.lines.invite(Invitation(data.session, caller, data.conversation), data.expires_after.seconds)
    return SecretAnswer(value=value, expires_at=until, session=session)


@websocket("/v1/realtime", opt={NEEDS: "voice"})
async def realtime(socket: WebSocket[Any, Any, Any], box: NamedDependency[Box]) -> None:
    """A live conversation in OpenAI's Realtime protocol."""
    offered = offered_by(socket)
    await socket.accept(subprotocols=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    session_id = new_id("sess")
    with bound_contextvars(request_id=session_id):
        try:
            caller = caller_of(socket.scope)
            conversation = _wanted(socket, box, caller)
            name = conversation or new_id("conv")
            over = socket.query_params.get("takeover") in ("1", "true")
            with box.lines.take(caller, "live", name, takes_over=over) as speaker:
                lead = Lead(box, caller)
                session, conduct = await lead.begin(_wishes(socket, box))
                session = msgspec.structs.replace(session, id=session_id)
                if over:  # not before it is known that this one can be served
                    await box.lines.take_over(speaker)
                    await box.conversations.settled()
                history = await box.conversations.history(caller.owner, name, MOST_RESUMED) if conversation else ()
                record = Record(box.conversations, box.recorder, box.stories, caller.owner, name)
                socket.scope["state"][BEGUN] = True
                await Line(socket, lead, session, conduct, record).serve(history)
        except ApplianceError as error:  # refused before it began, or cut off
            code = TRY_AGAIN if error.status >= 500 else POLICY
            await part(socket, Wording("", "pcm").say(Fault(error)), code, error.code)


def _wanted(socket: WebSocket[Any, Any, Any], box: Box, caller: Caller) -> str | None:
    """The conversation that is to be gone on from. Raises `Forbidden` where the key, or the secret, is not for that."""
    invited = box.lines.invited(shown_by(socket))
    asked = socket.query_params.get("conversation") or (invited.conversation if invited is not None else None)
    if asked is None:
        return None
    if not caller.may("history") or (invited is not None and invited.conversation != asked):
        raise Forbidden("To go on from a conversation, the key needs the scope 'history'; a secret is made for one.")
    return check_id(str(asked))


def _wishes(socket: WebSocket[Any, Any, Any], box: Box) -> dict[str, Any]:
    """What of the session was asked for by address or secret."""
    secret, wishes = shown_by(socket), {}
    if secret.startswith(PREFIX):
        invited = box.lines.invited(secret)
        if invited is None:
            raise Unauthorized("The client secret is unknown or has expired.", param="authorization")
        wishes = dict(invited.session)
    query = socket.query_params
    if query.get("model"):
        wishes["model"] = str(query["model"])
    if query.get("intent") == "transcription":
        wishes["type"] = "transcription"
    return wishes
