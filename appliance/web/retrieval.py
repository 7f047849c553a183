"""Searches in documents that a request asks for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from appliance.callers.documents import with_documents
from appliance.errors import Forbidden, NotFound
from appliance.voice.retrieving import PASSAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.callers.caller import Caller
    from appliance.store.owners import Owner
    from appliance.web.box import Box
    from appliance.web.wire_file_search import Search as Asked


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
