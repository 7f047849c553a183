"""The doors of `/v1/responses` before a stage that plays a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest
from scripted import ScriptedStage, doors

from appliance.web import responses
from responses.responding import HELLO

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDLERS = (
    responses.create_response,
    responses.get_response,
    responses.delete_response,
    responses.list_input_items,
    responses.cancel_response,
)


@pytest.fixture(scope="module")
def stage() -> ScriptedStage:
    return ScriptedStage()


@pytest.fixture(scope="module")
def url(stage: ScriptedStage) -> Iterator[str]:
    with doors(*HANDLERS, stage=stage) as address:
        yield f"{address}/v1"


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[openai.OpenAI]:
    # Only with validation does the client refuse what is not of the official types.
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, _strict_response_validation=True) as made:
        yield made


@pytest.fixture(autouse=True)
def hello(stage: ScriptedStage) -> None:
    stage.script = HELLO
    stage.jobs.clear()
    stage.aborted = 0
