"""The whole appliance with its real models: questions that share no word with their answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import openai
from conftest import serving

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.catalog.lineup import Installed

WAIT_SECONDS = 60
TEXTS = {
    "car.txt": "The automobile is parked in the garage.",
    "leave.txt": "Employees may take thirty days of paid vacation each year.",
    "fridge.txt": "Milk and butter belong into the refrigerator.",
}
QUESTIONS = {
    "Where did somebody put our vehicle?": "car.txt",
    "How long can workers go on holiday?": "leave.txt",
    "Which dairy products must stay cold?": "fridge.txt",
}


def test_an_answer_in_other_words_is_found(tmp_path: Path, encoder: Installed) -> None:
    with (
        serving(tmp_path / "log", APPLIANCE_EMBED__MODEL=encoder.name, APPLIANCE_EMBED__QUERY_MS="20000") as (_, url),
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as api,
    ):
        files = [api.files.create(file=(name, text.encode()), purpose="assistants").id for name, text in TEXTS.items()]
        store = api.vector_stores.create(file_ids=files).id
        deadline = time.monotonic() + WAIT_SECONDS
        while len(first := found(api, store, next(iter(QUESTIONS)))) < len(TEXTS):  # until all have their vectors
            assert time.monotonic() < deadline, first
        assert {question: found(api, store, question)[0] for question in QUESTIONS} == QUESTIONS


def found(api: openai.OpenAI, store: str, question: str) -> list[str]:
    return [each.filename for each in api.vector_stores.search(store, query=question)]
