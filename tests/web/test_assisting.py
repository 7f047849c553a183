"""An assistant as the model of chats, responses and spoken turns: what reaches the stages. Real sockets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from scripted import END, ScriptedStage, furnished

from appliance.callers.names import Names
from appliance.jobs import Audio, Generate, Heard, Message, Sampling, Segment, Speak, Token, Tool, Transcribe
from appliance.voice.stages import Stages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
RULES = "Speak of food only."
SAY: list[Any] = [{"role": "user", "content": "Hi"}]
SYSTEM: Any = {"role": "system", "content": "Be brief."}
COOK: dict[str, Any] = {
    "name": "Cook", "instructions": RULES, "temperature": 0.1, "top_p": 0.3,
    "tools": [{"type": "function", "function": {"name": "oven", "description": "Heats."}}],
    "voice": "eva", "language": "de",
}  # fmt: skip


async def play(job: Any, number: int) -> AsyncIterator[Any]:
    match job:
        case Transcribe():
            yield Heard(seconds=1.0, language=job.language or "en", language_probability=1.0)
            yield Segment(id=0, start=0.0, end=1.0, text=" Hello")
        case Generate():
            yield Token(text="Soup.")
            yield END
        case Speak():
            yield Audio(samples=240), bytes(480)


class Kitchen:
    """A box with one assistant, and what its stages were asked."""

    def __init__(self, url: str, stages: Stages) -> None:
        self.url, self.stages = url, stages
        self.id = httpx.post(f"{url}/v1/assistants", json=COOK).raise_for_status().json()["id"]
        self.api = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)

    @property
    def job(self) -> Any:
        """The last one of the language stage."""
        stage: Any = self.stages.llm
        return stage.job

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(message.role, message.content) for message in self.job.messages]

    def asked_all(self) -> list[Any]:
        """All jobs of the language stage."""
        stage: Any = self.stages.llm
        jobs: list[Any] = stage.jobs
        return jobs

    def asked(self, stage: str) -> Any:
        """The last job of a stage."""
        return getattr(self.stages, stage).job

    def turn(self, **form: Any) -> list[dict[str, Any]]:
        """The events of a spoken turn."""
        answer = httpx.post(
            f"{self.url}/v1/voice/turns", headers={"accept": "text/event-stream"}, data=form,
            files={"audio": ("a.wav", b"x")},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]


@pytest.fixture
def kitchen() -> Iterator[Kitchen]:
    stages = Stages(*(ScriptedStage(play) for _ in range(4)))
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth", "eva": "other mouth"})
    with furnished({"http": {"open": True}, "stt": {"language": "fr"}}, stages, names) as url:
        made = Kitchen(url, stages)
        yield made
        made.api.close()


def test_a_chat_is_as_the_assistant_has_it(kitchen: Kitchen) -> None:
    for model in ("Cook", "cook", kitchen.id):
        answer = kitchen.api.chat.completions.create(model=model, messages=SAY)
        assert (answer.model, answer.choices[0].message.content) == (model, "Soup.")
        assert kitchen.told == [("system", RULES), ("user", "Hi")]
        assert kitchen.job.sampling == Sampling(temperature=0.1, top_p=0.3)
        assert (kitchen.job.tools, kitchen.job.tool_choice) == ([Tool("oven", "Heats.")], "auto")
        chunks = list(kitchen.api.chat.completions.create(model=model, messages=SAY, stream=True))
        assert {chunk.model for chunk in chunks} == {model}
    answer = kitchen.api.chat.completions.create(model="default", messages=SAY)
    assert (answer.model, kitchen.told, kitchen.job.tools) == ("brain", [("user", "Hi")], [])
    assert kitchen.job.sampling == Sampling()


def test_a_chat_is_as_the_client_has_it_behind_the_rules(kitchen: Kitchen) -> None:
    mine: list[Any] = [
        {"type": "function", "function": {"name": name, "description": "Mine."}} for name in ("pan", "oven")
    ]
    kitchen.api.chat.completions.create(
        model="Cook", messages=[SYSTEM, *SAY], temperature=0, top_p=1, tools=mine, n=2, seed=7
    )
    assert [job.messages for job in kitchen.asked_all()] == [
        [Message("system", f"{RULES}\n\nBe brief."), Message("user", "Hi")]
    ] * 2  # fmt: skip
    assert kitchen.job.sampling == Sampling(temperature=0, top_p=1, seed=8)
    assert kitchen.job.tools == [Tool("pan", "Mine."), Tool("oven", "Mine.")]
    choice: Any = {"type": "function", "function": {"name": "oven"}}
    kitchen.api.chat.completions.create(model="Cook", messages=SAY, tools=mine[:1], tool_choice=choice)
    assert (kitchen.job.tool_name, [tool.name for tool in kitchen.job.tools]) == ("oven", ["pan", "oven"])


def test_a_conversation_is_gone_on_from_with_and_without_it(kitchen: Kitchen) -> None:
    go_on: Any = {"extra_body": {"conversation": "c"}}
    kitchen.api.chat.completions.create(model="Cook", messages=[SYSTEM, *SAY], **go_on)
    answer = kitchen.api.chat.completions.create(model="cook", messages=SAY, stream=True, **go_on)
    assert {chunk.model for chunk in answer} == {"cook"}
    before = [("user", "Hi"), ("assistant", "Soup.")]
    assert kitchen.told == [("system", RULES), *before, ("user", "Hi")]
    kitchen.api.responses.create(model="brain", input="Hi", conversation="c")
    assert kitchen.told == [*before, *before, ("user", "Hi")]  # its rules are its own, and not a part of what was said
    assert kitchen.api.responses.create(model="Cook", input="Hi", conversation="c").model == "Cook"
    assert kitchen.told == [("system", RULES), *before, *before, *before, ("user", "Hi")]


def test_a_response_is_as_the_assistant_has_it(kitchen: Kitchen) -> None:
    first = kitchen.api.responses.create(model="cook", input="Hi")
    assert (first.model, first.temperature, first.top_p, first.instructions) == ("cook", 0.1, 0.3, None)
    assert [tool.to_dict()["name"] for tool in first.tools] == ["oven"]
    assert kitchen.told == [("system", RULES), ("user", "Hi")]
    assert kitchen.job.sampling == Sampling(temperature=0.1, top_p=0.3)
    assert kitchen.job.tools == [Tool("oven", "Heats.")]
    with kitchen.api.responses.stream(
        model=kitchen.id, input=[SYSTEM, *SAY], instructions="In verse.", temperature=1, top_p=0.9,
        previous_response_id=first.id, tools=[{"type": "function", "name": "pan", "parameters": {}, "strict": None}],
    ) as events:  # fmt: skip
        assert events.get_final_response().model == kitchen.id
    assert kitchen.told == [
        ("system", f"{RULES}\n\nIn verse."), ("user", "Hi"), ("assistant", "Soup."), ("system", "Be brief."),
        ("user", "Hi"),
    ]  # fmt: skip
    assert kitchen.job.sampling == Sampling(temperature=1, top_p=0.9)
    assert [tool.name for tool in kitchen.job.tools] == ["pan", "oven"]
    kept = kitchen.api.responses.retrieve(first.id)
    assert (kept.model, kept.instructions) == ("cook", None)
    kitchen.api.responses.create(model="default", input="Hi", previous_response_id=first.id)
    assert kitchen.told == [("user", "Hi"), ("assistant", "Soup."), ("user", "Hi")]


def test_a_spoken_turn_is_as_the_assistant_has_it(kitchen: Kitchen) -> None:
    assert kitchen.turn(model="cook")[-1]["text"] == "Soup."
    assert kitchen.told == [("system", RULES), ("user", "Hello")]
    assert kitchen.job.sampling == Sampling(temperature=0.1, top_p=0.3)
    assert kitchen.job.tools == []
    assert (kitchen.asked("stt").language, kitchen.asked("tts").voice) == ("de", "eva")
    kitchen.turn(model="Cook", instructions="Be brief.", voice="joe", language="en")
    assert kitchen.told == [("system", f"{RULES}\n\nBe brief."), ("user", "Hello")]
    assert (kitchen.asked("stt").language, kitchen.asked("tts").voice) == ("en", "joe")
    kitchen.turn()
    usual = kitchen.told[0][1]
    assert usual.startswith("You are a helpful voice assistant.")
    assert kitchen.job.sampling == Sampling(temperature=0.6)
    assert (kitchen.asked("stt").language, kitchen.asked("tts").voice) == ("fr", "joe")
    httpx.post(f"{kitchen.url}/v1/assistants", json={"name": "bare"}).raise_for_status()
    kitchen.turn(model="bare")
    assert kitchen.told[0][1] == usual


def test_a_changed_assistant_answers_as_it_is_now(kitchen: Kitchen) -> None:
    httpx.post(f"{kitchen.url}/v1/assistants/{kitchen.id}", json={"name": "Chef", "instructions": "Sing."})
    kitchen.api.chat.completions.create(model="Chef", messages=SAY)
    assert kitchen.told == [("system", "Sing."), ("user", "Hi")]
    with pytest.raises(openai.NotFoundError):
        kitchen.api.chat.completions.create(model="Cook", messages=SAY)


def test_other_names_and_doors_have_no_assistants(kitchen: Kitchen) -> None:
    post = httpx.post
    url = f"{kitchen.url}/v1"
    for answer in (
        post(f"{url}/chat/completions", json={"model": "nobody", "messages": SAY}),
        post(f"{url}/responses", json={"model": "nobody", "input": "Hi"}),
        post(f"{url}/voice/turns", data={"model": "nobody"}, files={"audio": ("a.wav", b"x")}),
        post(f"{url}/completions", json={"model": "Cook", "prompt": "Hi"}),
        post(f"{url}/embeddings", json={"model": "Cook", "input": "Hi"}),
        post(f"{url}/audio/speech", json={"model": "Cook", "input": "Hi"}),
    ):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (404, "model_not_found", "model"), answer.text
    assert not kitchen.asked_all()
