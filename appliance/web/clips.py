"""`/v1/conversations/{id}/items/{item_id}/audio`: an item as it sounded, where `store.keep_audio` says so."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from appliance.callers.caller import Caller
from appliance.encoding import MEDIA_TYPES
from appliance.web.box import Box
from appliance.web.described import answers
from appliance.web.identity.guard import NEEDS

KIND = MEDIA_TYPES["opus"]


@get(
    "/v1/conversations/{conversation:str}/items/{item_id:str}/audio",
    opt={NEEDS: "history"},
    summary="What was said, as it sounded",
    operation_class=answers(KIND),
)
async def get_clip(
    box: NamedDependency[Box], caller: NamedDependency[Caller], conversation: FromPath[str], item_id: FromPath[str]
) -> Response[Any]:
    """Mono Ogg Opus of one item; of a reply that was interrupted, what was heard."""
    clip = await box.clips.get(caller.owner, conversation, item_id)
    return Response(clip.audio, media_type=KIND, headers={"cache-control": "no-store"})
