"""Answers from documents with the real models behind all doors."""

from __future__ import annotations

from typing import Any

import openai
from test_knowledge import upload

TEXT = "The coffee machine has to be descaled every three months. Use the descaling liquid from the kitchen cupboard."


def test_the_real_model_answers_from_a_document(client: openai.OpenAI) -> None:
    file = upload(client, "coffee-machine.txt", TEXT)
    store = client.vector_stores.create(file_ids=[file]).id
    assert client.vector_stores.files.poll(file, vector_store_id=store, poll_interval_ms=20).status == "completed"
    with client.responses.stream(
        model="default",
        input="How often does the coffee machine have to be descaled?",
        tools=[{"type": "file_search", "vector_store_ids": [store]}],
        tool_choice={"type": "file_search"},
        temperature=0,
        max_output_tokens=200,
    ) as stream:
        events: list[Any] = list(stream)
        answer = stream.get_final_response()
    assert "three months" in answer.output_text
    added = [event for event in events if event.type == "response.output_text.annotation.added"]
    assert added[0].annotation.file_id == file
    cited = answer.output_text[added[0].annotation.start_index : added[0].annotation.end_index]
    assert "three months" in cited
    assert answer.usage is not None
    assert answer.usage.input_tokens > 200  # both jobs
