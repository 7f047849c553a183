"""All doors of the box as one ASGI application: routes, who may use them, and what every request passes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.handlers import WebsocketRouteHandler
from litestar.types import Scope as Connection

from appliance import metrics
from appliance.callers.watch import watch_keys
from appliance.store.sweeping import keep_swept
from appliance.web import (
    assistants,
    audit,
    chat,
    clips,
    completions,
    conversation_items,
    conversations,
    embeddings,
    faults,
    files,
    health,
    keys,
    models,
    page,
    responses,
    sign_in,
    speech,
    transcriptions,
    turn_timings,
    turns,
    usage,
    vector_stores,
)
from appliance.web.admin import backups as admin_backups
from appliance.web.admin import doctor, latency, log, sessions, status
from appliance.web.admin import models as admin_models
from appliance.web.box import Box
from appliance.web.described import describe, openapi
from appliance.web.gate import STRANGERS, Gate
from appliance.web.identity.guard import guard
from appliance.web.identity.scope import caller_of
from appliance.web.page_files import page_files
from appliance.web.realtime import door
from appliance.web.traced import Traced

if TYPE_CHECKING:
    from litestar.types import ASGIApp

FORM_MB = 1
"""Of a form around a document."""
SMALL = {
    STRANGERS: 16_000,
    "/v1/admin/": 64_000,
    "/health/": 16_000,
    page.REPORTS: 16_000,
    "/v1/realtime/client_secrets": 256_000,
    "/v1/conversations": 8_000_000,
    "/v1/vector_stores": 256_000,
    "/v1/assistants": 256_000,
}
"""Bytes of a body at doors that take no audio and no long prompts, by the beginning of the path."""

DOORS = (
    transcriptions.transcriptions,
    transcriptions.translations,
    speech.speech,
    chat.chat_completions,
    completions.completions,
    embeddings.embeddings,
    responses.create_response,
    responses.get_response,
    responses.delete_response,
    responses.list_input_items,
    responses.cancel_response,
    turns.turns,
    turn_timings.list_turns,
    turn_timings.get_timings,
    door.realtime,
    door.client_secrets,
    conversations.create_conversation,
    conversations.list_conversations,
    conversations.get_conversation,
    conversations.change_conversation,
    conversations.update_conversation,
    conversations.delete_conversation,
    conversations.export_conversation,
    conversation_items.list_items,
    conversation_items.add_items,
    conversation_items.get_item,
    conversation_items.delete_item,
    clips.get_clip,
    sign_in.sign_in,
    sign_in.who_am_i,
    sign_in.sign_out,
    keys.create_key,
    keys.list_keys,
    keys.revoke_key,
    admin_models.list_all_models,
    admin_models.pull_models,
    admin_models.get_pull,
    admin_models.cancel_pull,
    admin_models.choose_set,
    admin_backups.list_backups,
    admin_backups.make_backup,
    admin_backups.cancel_backup,
    admin_backups.get_backup,
    admin_backups.verify_backup,
    admin_backups.delete_backup,
    files.create_file,
    files.list_files,
    files.get_file,
    files.get_content,
    files.get_passage,
    files.delete_file,
    vector_stores.create_store,
    vector_stores.list_stores,
    vector_stores.get_store,
    vector_stores.change_store,
    vector_stores.delete_store,
    vector_stores.add_file,
    vector_stores.list_members,
    vector_stores.get_member,
    vector_stores.remove_member,
    vector_stores.search_store,
    assistants.create_assistant,
    assistants.list_assistants,
    assistants.get_assistant,
    assistants.change_assistant,
    assistants.delete_assistant,
    usage.my_usage,
    usage.all_usage,
    audit.list_audit,
    status.get_status,
    sessions.list_sessions,
    sessions.end_session,
    latency.get_latency,
    log.list_lines,
    doctor.call_doctor,
    models.list_models,
    models.get_model,
    health.live,
    health.ready,
    health.spoken,
    health.figures,
    page.page,
    page.page_file,
    page.report,
)


def open_doors(
    box: Box, lifespan: Sequence[Any] = (), doors: Sequence[Any] = DOORS, beside: Sequence[Any] = ()
) -> ASGIApp:
    """The application of `doors`; `lifespan` has what else runs as long as it does, `beside` doors that end first."""
    settings = box.settings
    page_files()  # now, as it takes a while: later every stream would stand still for it

    @asynccontextmanager
    async def remembering(_: Litestar) -> AsyncIterator[None]:
        async with box.traces.running(), box.database.running(), anyio.create_task_group() as tasks:
            tasks.start_soon(watch_keys, box.keys, box.lines)
            tasks.start_soon(keep_swept, box.database, settings.store)
            tasks.start_soon(metrics.watch_loop)
            tasks.start_soon(box.ingest.run)
            tasks.start_soon(box.meaning.run)
            tasks.start_soon(box.pulls.run)
            tasks.start_soon(box.backups_made.run)
            yield
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def recording(_: Litestar) -> AsyncIterator[None]:
        async with box.recorder.running():  # ends before the stages and the database that it needs
            yield

    def seen_by_caller(scope: Connection) -> Box:
        meter = scope["state"].get("meter")
        return box if meter is None else box.seen_by(meter)

    for handler in doors:
        if isinstance(handler, WebsocketRouteHandler):
            for path in handler.paths:
                metrics.socket_known(path)
    app = Litestar(
        route_handlers=doors,
        guards=[guard],
        dependencies={
            "box": Provide(seen_by_caller, sync_to_thread=False),
            "caller": Provide(caller_of, sync_to_thread=False),
        },
        lifespan=[remembering, *lifespan, recording, *beside],
        state=State({"box": box}),
        exception_handlers={Exception: faults.handle},
        request_max_body_size=None,  # the gate knows which door takes how much
        cors_config=_cors(settings.http.origins) if settings.http.origins else None,
        on_app_init=[describe],
        openapi_config=openapi(),
        logging_config=None,
    )
    limits = settings.limits

    def limit(path: str) -> int:
        if path == files.PATH:
            return (limits.document_mb + FORM_MB) * 1_000_000
        small = next((most for start, most in SMALL.items() if path.startswith(start)), None)
        return min(small or limits.body_mb * 1_000_000, limits.body_mb * 1_000_000)

    traced = Traced(app, box.traces) if box.traces.on else app
    return Gate(traced, limits.requests, settings.workers.reader_seconds, limit)


def _cors(origins: Sequence[str]) -> CORSConfig:
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],  # clients have headers of their own, such as x-stainless-lang
        expose_headers=["x-request-id", "x-conversation-id", "x-turn-id", "retry-after"],
        max_age=600,
    )
