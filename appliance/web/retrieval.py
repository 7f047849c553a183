"""Stages that answer from documents, for whichever door."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from appliance.errors import Forbidden, NotFound
from appliance.voice.retrieving import PASSAGES, Retrieval, Retrieving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.store.owners import Owner
    from appliance.voice.retrieving import Mode, Search
    from appliance.voice.stages import Stages
    from appliance.web.box import Box
    from appliance.web.identity.caller import Caller
    from appliance.web.wire_file_search import Search as Asked

MOST_CHARACTERS: Final = 6000
"""Bytes of what is quoted, however large the context is …"""
MOST_ALOUD: Final = 2000
"""… and for somebody who waits for the first sound: a CPU reads them in a second or two."""


def with_documents(
    stages: Stages, search: Search, owner: Owner, collections: Sequence[int], mode: Mode, *, context: int,
    aloud: bool = False, most: int = PASSAGES, forced: bool = False,
) -> Stages:  # fmt: skip
    """The same stages, whose replies rest on the documents of these collections of the owner's, by number.

    At most about a quarter of the `context` (tokens) is quoted, as four bytes are a token, of `most` passages. Where
    the stages look something up already, this takes its place.
    """
    characters = min(MOST_ALOUD if aloud else MOST_CHARACTERS, context)
    how = Retrieval(
        owner=owner, collections=tuple(collections), mode=mode, passages=most, characters=characters, aloud=aloud,
        forced=forced,
    )  # fmt: skip
    llm = stages.llm.plain if isinstance(stages.llm, Retrieving) else stages.llm
    return dataclasses.replace(stages, llm=Retrieving(llm, search, how))


async def numbers_of(box: Box, owner: Owner, stores: Sequence[str], param: str) -> list[int]:
    """The numbers of an owner's vector stores. Raises `NotFound` that names the place below `param`."""
    numbers = []
    for at, store in enumerate(stores):
        try:
            numbers.append((await box.collections.get(owner, store)).number)
        except NotFound as error:
            raise NotFound(error.message, param=f"{param}[{at}]") from None
    return numbers


async def searching(box: Box, caller: Caller, asked: Asked | None) -> Box:
    """The box as a request sees it that asks for a search in documents. Raises `Forbidden` and `NotFound`."""
    if asked is None:
        return box
    if not caller.may("knowledge"):
        raise Forbidden("The key may not search in documents: it needs the scope 'knowledge'.", param=asked.where)
    tool = asked.tool
    numbers = await numbers_of(box, caller.owner, tool.vector_store_ids, f"{asked.where}.vector_store_ids")
    stages = with_documents(
        box.stages, box.search, caller.owner, numbers, "tool", context=box.settings.llm.context,
        most=tool.max_num_results or PASSAGES, forced=asked.forced,
    )  # fmt: skip
    return dataclasses.replace(box, stages=stages)
