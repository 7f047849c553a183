"""The id of a conversation on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

ConversationId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z", description="Go on from what was said in this conversation.")
]
