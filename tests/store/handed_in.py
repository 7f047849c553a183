"""Two owners, and documents of theirs that have been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.store.documents import Documents, Passage
from appliance.store.owners import Owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.store.database import Database

ANNA, BERT = Owner("anna", "user"), Owner("bert", "user")


async def handed_in(database: Database, owner: Owner, name: str, texts: Sequence[str]) -> None:
    documents = Documents(database)
    document = await documents.add(owner, name, name=name, purpose="assistants", size=1, sha256="")
    await documents.begin(document)
    made = [Passage(ordinal=at, heading="", page=None, start=0, text=text) for at, text in enumerate(texts)]
    assert await documents.put(document, made)
    await documents.finish(document)
