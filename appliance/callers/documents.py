"""Stages that answer from documents, for whichever door."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from appliance.voice.retrieving import PASSAGES, Retrieval, Retrieving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.store.owners import Owner
    from appliance.voice.retrieving import Mode, Search
    from appliance.voice.stages import Stages

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
