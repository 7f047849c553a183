"""Live conversations that rest on documents: what the official client hears of it, and what is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from caller import calling
from doors import simulated_doors
from simulated import World

from appliance.dialogue.quoting import BEGIN
from appliance.jobs import Generate
from appliance.store.owners import LOCAL
from appliance.store.passages import Found
from appliance.voice.retrieving import Retrieval, Retrieving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ANSWER = "Descale the coffee machine every three months."
QUESTION = "How often must I descale the machine?"
TEXT = "The coffee machine has to be descaled every three months."


async def library(*_: Any, **__: Any) -> Sequence[Found]:
    place: dict[str, Any] = {"ordinal": 2, "heading": "Care", "page": 3, "start": 0}
    return [Found(document="file_1", name="coffee-machine.pdf", text=TEXT, score=1.0, **place)]


@pytest.fixture
def world() -> World:
    made = World()
    made.replies = [ANSWER]
    made.llm = Retrieving(made.llm, library, Retrieval(owner=LOCAL, collections=(1,), aloud=True))  # type: ignore[assignment]
    return made


async def ask(url: str, modality: str, conversation: str | None = None) -> tuple[list[Any], Any]:
    async with calling(url, conversation, output_modalities=[modality]) as caller:
        item: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}
        await caller.connection.conversation.item.create(item=item)
        await caller.connection.response.create()
        done = await caller.until("response.done")
        return caller.events, done


@pytest.mark.parametrize(
    ("modality", "piece", "words"),
    [("text", "output_text", "text"), ("audio", "output_audio_transcript", "transcript")],
)
def test_the_official_client_hears_what_a_response_rests_on(
    world: World, tmp_path: Path, modality: str, piece: str, words: str
) -> None:
    with simulated_doors(world=world, folder=tmp_path) as url:
        events, done = asyncio.run(ask(url, modality))
        kinds = [event.type for event in events]
        (added,) = [event.to_dict() for event in events if event.type == f"response.{piece}.annotation.added"]
        at = kinds.index(added["type"])
        last_words = max(number for number, kind in enumerate(kinds) if kind == f"response.{piece}.delta")
        assert last_words < at < kinds.index(f"response.{piece}.done")
        annotation = added["annotation"]
        assert (annotation["type"], annotation["file_id"], annotation["page"]) == ("file_citation", "file_1", 3)
        assert (added["annotation_index"], added["content_index"], added["output_index"]) == (0, 0, 0)
        (message,) = done.response.to_dict()["output"]
        assert message["id"] == added["item_id"]
        (part,) = message["content"]
        assert part[words] == f"{ANSWER} Source: coffee machine, page 3."
        assert part["annotations"] == [annotation]
        assert part[words][annotation["start_index"] : annotation["end_index"]] == ANSWER
        conversation = done.response.conversation_id
        (kept,) = httpx.get(f"{url}/v1/conversations/{conversation}/items").json()["data"][:1]
        assert kept["content"][0]["text"] == part[words]
        assert kept["content"][0]["annotations"] == [annotation]


@pytest.mark.parametrize("door", ["chat", "response", "live"])
def test_what_was_kept_is_told_again_and_the_model_does_not_see_the_names(
    world: World, tmp_path: Path, door: str
) -> None:
    world.replies = [ANSWER, "Yes."]
    with simulated_doors(world=world, folder=tmp_path) as url:
        _, done = asyncio.run(ask(url, "text"))
        conversation = done.response.conversation_id
        inner: Any = world.llm.plain  # type: ignore[attr-defined]
        if door == "chat":
            body = {"messages": [{"role": "user", "content": QUESTION}], "conversation": conversation}
            httpx.post(f"{url}/v1/chat/completions", json=body).raise_for_status()
        elif door == "response":
            body = {"input": QUESTION, "conversation": conversation}
            httpx.post(f"{url}/v1/responses", json=body).raise_for_status()
        else:
            asyncio.run(ask(url, "text", conversation=conversation))
        kept = httpx.get(f"{url}/v1/conversations/{conversation}/items?order=asc").json()["data"]
        assert len(kept) == 4
        assert len(kept[1]["content"][0]["annotations"]) == 1
    *_, job = inner.asked(Generate)
    told = [(message.role, message.content) for message in job.messages if message.role != "system"]
    assert told[:2] == [("user", QUESTION), ("assistant", ANSWER)]
    assert told[2][1].startswith(BEGIN)
