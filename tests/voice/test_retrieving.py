"""The stage that looks things up, around one that plays scripts: no models, no database."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from appliance.dialogue.attribution import attribute
from appliance.dialogue.naming import nameless
from appliance.dialogue.quoting import BEGIN, END
from appliance.errors import DeadlineExceeded, Overloaded, RequestError, StorageFailed
from appliance.jobs import (
    Arguments,
    Called,
    Embed,
    Generate,
    Generated,
    JobTimes,
    Message,
    Prepare,
    Sampling,
    Thought,
    Token,
    Tool,
    ToolCall,
)
from appliance.store.owners import LOCAL
from appliance.store.passages import MOST_WORDS, WORD, Found
from appliance.voice import retrieved, retrieving
from appliance.voice.lookups import ENOUGH, MOST_CALLS, NO_ROOM, NOTHING
from appliance.voice.retrieving import Retrieval, Retrieving
from appliance.web.shortening import opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from appliance.jobs import AnyJob, AnyPart

    Script = Sequence[AnyPart | Exception]

DESCALE = "The coffee machine has to be descaled every three months. Use the liquid from the kitchen cupboard."
FAULT = "Error E7 means that the condenser is frozen."
ASKED = [Message("system", "Be brief."), Message("user", "How often must I descale the coffee machine?")]
ANSWER = "Descale the coffee machine every three months."
TOO_LONG = RequestError("too long", code="context_length_exceeded", param="messages")
WEATHER = Tool("weather", "Says how it is outside.")


def found(text: str, ordinal: int = 0, name: str = "coffee-machine_manual.pdf") -> Found:
    return Found(document="file_1", name=name, ordinal=ordinal, heading="Care", page=3, start=0, text=text, score=1.0)


def end(reason: Any = "stop", read: int = 10, wrote: int = 4, cached: int = 2, thought: int = 1) -> Generated:
    return Generated(
        finish_reason=reason, prompt_tokens=read, completion_tokens=wrote, cached_tokens=cached, thought_tokens=thought
    )


def calling(query: str = "descale", index: int = 0, name: str = "file_search") -> list[AnyPart]:
    arguments = f'{{"query": "{query}"}}'
    return [
        Called(index=index, id=f"call_{query}", name=name), Arguments(index=index, text=arguments[:5]),
        Arguments(index=index, text=arguments[5:]),
    ]  # fmt: skip


class Scripted:
    """Plays one script for each job; notes what was asked, promoted, aborted."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.jobs: list[Any] = []
        self.promoted: list[int] = []
        self.open = self.aborted = 0

    @asynccontextmanager
    async def stream(self, job: AnyJob, payload: bytes = b"") -> AsyncIterator[Playing]:
        self.jobs.append(job)
        self.open += 1
        script = self.scripts[min(len(self.jobs), len(self.scripts)) - 1]
        playing = Playing(self, len(self.jobs) - 1, script)
        try:
            yield playing
        finally:
            self.open -= 1
            self.aborted += not playing.over


class Playing:
    def __init__(self, stage: Scripted, number: int, script: Script) -> None:
        self._stage, self._number, self._parts = stage, number, iter(script)
        self.over = False

    times = JobTimes()

    def __aiter__(self) -> Playing:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        await anyio.lowlevel.checkpoint()
        part = next(self._parts, None)
        if part is None or isinstance(part, Exception):
            self.over = True
            raise part or StopAsyncIteration
        return part, b""

    def promote(self) -> None:
        self._stage.promoted.append(self._number)


class Library:
    """Searched in; notes what for."""

    def __init__(self, *passages: Found, error: Exception | None = None) -> None:
        self.passages, self.error = list(passages), error
        self.asked: list[str] = []
        self.how: list[dict[str, Any]] = []
        self.gate: anyio.Event | None = None

    async def search(self, owner: Any, words: str, **how: Any) -> Sequence[Found]:
        self.asked.append(words)
        self.how.append({"owner": owner, **how})
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.passages


def around(stage: Scripted, library: Library, **how: Any) -> Retrieving:
    return Retrieving(stage, library.search, Retrieval(**{"owner": LOCAL, "collections": (7,), **how}))


async def reply(stage: Retrieving, job: AnyJob | None = None) -> list[AnyPart]:
    async with stage.stream(job or Generate(messages=ASKED)) as answer:
        return [part async for part, _ in answer]


def words(parts: Sequence[AnyPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Token))


def last(parts: Sequence[AnyPart]) -> Generated:
    assert isinstance(parts[-1], Generated)
    return parts[-1]


# Looked up before each reply


async def test_what_is_found_is_quoted_before_the_last_words_and_nothing_else_changes() -> None:
    stage, library = Scripted([Token(text=ANSWER), end()]), Library(found(DESCALE))
    history = [
        Message("system", "Be brief."), Message("user", "Hi."), Message("assistant", "Hello."),
        Message("user", ASKED[1].content), Message("assistant", "", tool_calls=[ToolCall("c", "weather", "{}")]),
        Message("tool", "Rain.", tool_call_id="c"),
    ]  # fmt: skip
    await reply(around(stage, library), Generate(messages=history))
    (job,) = stage.jobs
    assert [*job.messages[:3], *job.messages[4:]] == [*history[:3], *history[4:]]
    told = job.messages[3]
    assert told.role == "user"
    assert told.content.startswith(BEGIN)
    assert told.content.endswith(f"> {DESCALE}\n{END}\n\nQuestion: {ASKED[1].content}")
    assert library.how == [{"owner": LOCAL, "collections": (7,), "limit": 5}]


async def test_a_reply_says_what_it_rests_on() -> None:
    stage = Scripted([Token(text="Sure. "), Token(text=ANSWER), end()])
    parts = await reply(around(stage, Library(found(FAULT, 4), found(DESCALE, 9))))
    assert words(parts) == f"Sure. {ANSWER}"
    (source,) = last(parts).sources
    assert (source.document, source.name, source.page) == ("file_1", "coffee-machine_manual.pdf", 3)
    assert (source.ordinal, source.heading, source.quote) == (9, "Care", DESCALE)
    assert words(parts)[source.start : source.end] == ANSWER


async def test_what_a_reply_rests_on_is_looked_for_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def noting(*given: Any) -> Any:
        threads.append(threading.get_ident())
        return attribute(*given)

    monkeypatch.setattr(retrieved, "attribute", noting)
    stage = Scripted([Token(text=ANSWER), end()])
    assert last(await reply(around(stage, Library(found(DESCALE))))).sources
    assert threads != [threading.get_ident()]
    assert len(threads) == 1


async def test_where_documents_say_nothing_the_job_is_as_it_was() -> None:
    for library in (Library(), Library(found("The sea is wide.", 0, "poem.txt"))):
        stage = Scripted([Token(text="Every week."), end()])
        parts = await reply(around(stage, library))
        assert stage.jobs == [Generate(messages=ASKED)]
        assert last(parts) == end()


async def test_small_talk_is_not_looked_up() -> None:
    stage, library = Scripted([end()]), Library(found(DESCALE))
    await reply(around(stage, library), Generate(messages=[Message("user", "Hello, how are you?")]))
    assert library.asked == []


async def test_a_short_question_is_looked_up_with_the_one_before() -> None:
    stage, library = Scripted([end()]), Library(found(DESCALE))
    told = [*ASKED, Message("assistant", ANSWER), Message("user", "And with what?")]
    await reply(around(stage, library), Generate(messages=told))
    await reply(
        around(stage, library), Generate(messages=[*told, Message("user", "And where is the kitchen cupboard?")])
    )
    assert library.asked == [f"And with what?\n{ASKED[1].content}", "And where is the kitchen cupboard?"]


@pytest.mark.parametrize("mode", ["automatic", "tool"])
@pytest.mark.parametrize("error", [DeadlineExceeded("slow"), StorageFailed("disk"), ValueError("secret words")])
async def test_a_search_that_fails_does_not_end_the_reply(
    error: Exception, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Scripted([*calling(), end("tool_calls")] if mode == "tool" else [Token(text="Well."), end()],
                     [Token(text="Well."), end()])  # fmt: skip
    logged: list[dict[str, Any]] = []
    noting = SimpleNamespace(warning=lambda event, **fields: logged.append({"event": event, **fields}))
    monkeypatch.setattr(retrieving, "log", noting)
    parts = await reply(around(stage, Library(error=error), mode=mode))
    assert words(parts) == "Well."
    (line,) = logged
    assert (line["event"], line["error"]) == ("documents not searched", type(error).__name__)
    assert "secret" not in str(line)
    assert "descale" not in str(line)


async def test_of_long_messages_the_end_is_looked_for() -> None:
    asked = "How often must I descale the coffee machine?"
    pasted = "Dear all, this was never asked. " * 30_000
    long = [Message("user", "Before."), Message("user", f"{pasted}\n\n{asked}")]
    short = [Message("user", f"{pasted}\n\n{asked}"), Message("assistant", "Often."), Message("user", "Why is that?")]
    for told in (long, short):
        library = Library(found(DESCALE))
        await reply(around(Scripted([end()]), library), Generate(messages=told))
        (words_asked,) = library.asked
        looked_for = WORD.findall(words_asked)
        assert len(looked_for) <= MOST_WORDS
        assert words_asked.endswith(asked)
        assert words_asked.startswith("Why is that?") == (told is short)


async def test_a_search_that_never_ends_does_not_hold_up_the_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieving, "SEARCH_SECONDS", 0.01)
    stage, library = Scripted([Token(text="Well."), end()]), Library(found(DESCALE))
    library.gate = anyio.Event()
    assert words(await reply(around(stage, library))) == "Well."


async def test_what_has_no_question_passes() -> None:
    jobs: list[AnyJob] = [
        Prepare(messages=ASKED), Embed(texts=["a"]), Generate(text="Once"), Generate(tokens=[1, 2]),
    ]  # fmt: skip
    for job in jobs:
        stage, library = Scripted([end()]), Library(found(DESCALE))
        await reply(around(stage, library), job)
        assert stage.jobs == [job]
        assert library.asked == []
    stage, library = Scripted([end()]), Library(found(DESCALE))
    await reply(around(stage, library, collections=()))
    await reply(around(stage, library), Generate(messages=ASKED[:1]))
    assert library.asked == []


async def test_less_is_quoted_where_the_context_has_no_room() -> None:
    long = found("descale " * 400)
    stage = Scripted([TOO_LONG], [Token(text="Yes."), end()])
    parts = await reply(around(stage, Library(long), characters=2000))
    assert words(parts) == "Yes."
    sizes = [len(job.messages[-1].content) for job in stage.jobs]
    assert 1900 < sizes[0] < 2300
    assert 900 < sizes[1] < 1300
    for job, tries in ((Generate(messages=ASKED), 4), (Generate(messages=ASKED, shortens=True), 3)):
        stage = Scripted([TOO_LONG])
        with pytest.raises(RequestError, match="too long"):
            await reply(around(stage, Library(long)), job)
        assert (len(stage.jobs), stage.open) == (tries, 0)


async def test_what_fits_without_documents_is_answered_without_and_rests_on_none() -> None:
    stage = Scripted([TOO_LONG], [TOO_LONG], [TOO_LONG], [Token(text=ANSWER), end()])
    parts = await reply(around(stage, Library(found(DESCALE)), aloud=True))
    assert stage.jobs[-1] == Generate(messages=ASKED)
    assert words(parts) == ANSWER
    assert last(parts).sources == []


async def test_of_a_long_conversation_less_is_told_rather_than_of_the_documents() -> None:
    history = [Message("user", "Hi. " * 50), Message("assistant", "Hello. " * 50), *ASKED[1:]]

    class Narrow(Scripted):
        def stream(self, job: Any, payload: bytes = b"") -> Any:
            most = sum(len(message.content) for message in job.messages)
            self.scripts = [[TOO_LONG] if most > 700 else [Token(text=ANSWER), end()]]
            return super().stream(job, payload)

    for shorten, told in ((True, 1), (False, 3)):
        stage = Narrow()
        retrieving = around(stage, Library(found(DESCALE)))
        async with opened(retrieving, Generate(messages=history), shorten=shorten) as (_, parts):
            *_, (_, ended) = [each async for each in parts]
        assert len(stage.jobs[-1].messages) == told
        assert isinstance(ended, Generated)
        assert bool(ended.sources) == shorten


async def test_a_reply_rests_on_nothing_that_was_not_quoted() -> None:
    first, second = found("descale " * 400), found(f"{DESCALE} descale" * 5, 1)
    for characters, ordinals in ((79, []), (6000, [1])):
        stage = Scripted([Token(text="Use the liquid from the kitchen cupboard."), end()])
        parts = await reply(around(stage, Library(first, second), characters=characters))
        assert [source.ordinal for source in last(parts).sources] == ordinals


async def test_a_lookup_for_whose_result_there_is_no_room_says_so() -> None:
    call = [*calling(), end("tool_calls")]
    stage = Scripted(call, [TOO_LONG], [TOO_LONG], [TOO_LONG], [Token(text=ANSWER), end()])
    parts = await reply(around(stage, Library(found(DESCALE)), mode="tool"))
    assert stage.jobs[-1].messages[-1].content == NO_ROOM
    assert last(parts).sources == []


# Looked up when the model asks


async def test_the_model_looks_up_and_goes_on() -> None:
    stage = Scripted(
        [Thought(text="Hm."), Token(text="Let me see."), *calling("descale coffee"), end("tool_calls", 10, 4)],
        [Token(text=ANSWER), end("stop", 30, 8)],
    )
    library = Library(found(DESCALE))
    parts = await reply(around(stage, library, mode="tool"), Generate(messages=ASKED, tools=[WEATHER], max_tokens=100))
    assert [type(part) for part in parts] == [Thought, Token, Token, Generated]
    assert words(parts) == f"Let me see. {ANSWER}"
    assert library.asked == ["descale coffee"]
    first, second = stage.jobs
    assert [tool.name for tool in first.tools] == [tool.name for tool in second.tools] == ["weather", "file_search"]
    assert first.messages == ASKED
    assert second.messages[:2] == ASKED
    called, answered = second.messages[2:]
    assert called.content == "Let me see."
    assert called.tool_calls == [ToolCall("call_descale coffee", "file_search", '{"query": "descale coffee"}')]
    assert (answered.role, answered.tool_call_id) == ("tool", "call_descale coffee")
    assert answered.content.startswith(BEGIN)
    assert answered.content.endswith(f"> {DESCALE}\n{END}\n\n{ASKED[1].content}")
    assert (first.max_tokens, second.max_tokens) == (100, 96)
    total = last(parts)
    assert (total.finish_reason, total.prompt_tokens, total.completion_tokens) == ("stop", 40, 12)
    assert (total.cached_tokens, total.thought_tokens) == (4, 2)
    (source,) = total.sources
    assert words(parts)[source.start : source.end] == ANSWER
    assert (stage.open, stage.aborted) == (0, 0)


async def test_words_come_while_the_model_still_writes() -> None:
    stage = Scripted([Token(text="Let "), *calling(), end("tool_calls")], [Token(text="A"), Token(text="B"), end()])
    async with around(stage, Library(found(DESCALE)), mode="tool").stream(Generate(messages=ASKED)) as answer:
        seen = []
        async for part, _ in answer:
            seen.append((part.text if isinstance(part, Token) else "end", len(stage.jobs)))
    assert seen == [("Let ", 1), ("A", 2), ("B", 2), ("end", 2)]


async def test_a_tool_that_was_called_often_enough_stays_in_the_prompt_and_is_called_no_more() -> None:
    again = [*calling(), end("tool_calls", 1, 1)]
    stage = Scripted(*[again] * MOST_CALLS, [Token(text="Enough."), end()])
    library = Library(found(DESCALE))
    parts = await reply(around(stage, library, mode="tool"))
    assert words(parts) == "Enough."
    assert [job.tools for job in stage.jobs] == [stage.jobs[0].tools] * (MOST_CALLS + 1)
    assert [(job.tool_choice, job.stop) for job in stage.jobs[-2:]] == [("auto", []), ("none", ["<tool_call>"])]
    assert len(library.asked) == MOST_CALLS
    assert [message.role for message in stage.jobs[-1].messages] == [
        "system",
        "user",
        *["assistant", "tool"] * MOST_CALLS,
    ]


async def test_calls_at_once_count_one_by_one_and_share_the_room() -> None:
    calls = [part for number in range(5) for part in calling(f"q{number}", number)]
    stage = Scripted([*calls, end("tool_calls")], [Token(text="Done."), end()])
    library = Library(found("descale " * 900))
    await reply(around(stage, library, mode="tool", characters=2500))
    assert library.asked == ["q0", "q1", "q2"]
    answers = [message for message in stage.jobs[1].messages if message.role == "tool"]
    assert [each.content.startswith(ENOUGH) for each in answers] == [False, False, False, True, True]
    assert 2500 // 10 < sum(each.content.count("descale") for each in answers) <= 2500 // 8
    assert stage.jobs[1].tool_choice == "none"


@pytest.mark.parametrize("arguments", ['{"query": ""}', "{}", "no json", '{"query": 3}'])
async def test_a_call_that_asks_for_nothing_asks_for_the_question(arguments: str) -> None:
    call: list[AnyPart] = [Called(index=0, id="c", name="file_search"), Arguments(index=0, text=arguments)]
    stage, library = Scripted([*call, end("tool_calls")], [end()]), Library()
    await reply(around(stage, library, mode="tool"))
    assert library.asked == [ASKED[1].content]
    assert stage.jobs[1].messages[-1].content == NOTHING


async def test_the_clients_own_calls_pass() -> None:
    stage = Scripted([*calling("rome", 0, "weather"), *calling("oslo", 1, "weather"), end("tool_calls")])
    job = Generate(messages=ASKED, tools=[WEATHER])
    parts = await reply(around(stage, Library(), mode="tool"), job)
    assert parts == [*calling("rome", 0, "weather"), *calling("oslo", 1, "weather"), end("tool_calls")]
    assert len(stage.jobs) == 1


async def test_of_mixed_calls_the_clients_own_go_to_the_client_without_gaps() -> None:
    mixed = [*calling("a", 0), *calling("rome", 1, "weather"), *calling("b", 2), *calling("oslo", 3, "weather")]
    stage, library = Scripted([*mixed, end("tool_calls")]), Library(found(DESCALE))
    parts = await reply(around(stage, library, mode="tool"), Generate(messages=ASKED, tools=[WEATHER]))
    assert parts == [*calling("rome", 0, "weather"), *calling("oslo", 1, "weather"), end("tool_calls")]
    assert library.asked == []


async def test_a_lookup_and_then_a_call_of_the_clients() -> None:
    stage = Scripted([*calling(), end("tool_calls")], [*calling("rome", 0, "weather"), end("tool_calls")])
    parts = await reply(around(stage, Library(), mode="tool"), Generate(messages=ASKED, tools=[WEATHER]))
    assert parts[:-1] == calling("rome", 0, "weather")
    assert last(parts).finish_reason == "tool_calls"


async def test_a_client_that_has_such_a_tool_keeps_it() -> None:
    theirs = Tool("file_search", "Theirs.")
    stage = Scripted([*calling("theirs"), end("tool_calls")])
    parts = await reply(around(stage, Library(), mode="tool"), Generate(messages=ASKED, tools=[theirs]))
    assert [tool.name for tool in stage.jobs[0].tools] == ["file_search", "file_search_2"]
    assert parts[:-1] == calling("theirs")


async def test_who_wants_no_tools_gets_none() -> None:
    stage = Scripted([end()])
    await reply(around(stage, Library(), mode="tool"), Generate(messages=ASKED, tool_choice="none"))
    assert stage.jobs[0].tools == []


async def test_a_lookup_that_is_required_is_required_once() -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [({"forced": True}, {}), ({}, {"tool_choice": "required"})]
    for how, asked in cases:
        stage = Scripted([*calling(), end("tool_calls")], [Token(text="Yes."), end()])
        await reply(around(stage, Library(), mode="tool", **how), Generate(messages=ASKED, **asked))
        first, second = stage.jobs
        assert first.tool_name == "file_search" or first.tool_choice == "required"
        assert (second.tool_name, second.tool_choice) == (None, "auto")


async def test_a_call_that_was_cut_off_ends_the_reply_as_cut_off() -> None:
    for script, most in (([*calling(), end("length")], None), ([*calling(), end("tool_calls", 5, 4)], 4)):
        stage, library = Scripted(script), Library()
        parts = await reply(around(stage, library, mode="tool"), Generate(messages=ASKED, max_tokens=most))
        assert [type(part) for part in parts] == [Generated]
        assert last(parts).finish_reason == "length"
        assert library.asked == []


async def test_less_of_a_result_is_quoted_where_the_context_has_no_room() -> None:
    call = [*calling(), end("tool_calls")]
    stage = Scripted(call, [TOO_LONG], call, [Token(text="Yes."), end()])
    await reply(around(stage, Library(found("descale " * 400)), mode="tool", characters=2000))
    results = [[m.content for m in job.messages if m.role == "tool"] for job in stage.jobs]
    assert [len(each) for each in results] == [0, 1, 1, 2]
    assert len(results[1][0]) > len(results[2][0]) == len(results[3][0])


# Whoever waits, leaves, listens


@pytest.mark.parametrize("mode", ["automatic", "tool"])
async def test_leaving_early_aborts_the_job_under_way(mode: Any) -> None:
    stage = Scripted([*calling(), end("tool_calls")], [Token(text="A"), Token(text="B"), end()])
    if mode == "automatic":
        stage.scripts = stage.scripts[1:]
    async with around(stage, Library(found(DESCALE)), mode=mode).stream(Generate(messages=ASKED)) as answer:
        await anext(answer)
        assert stage.open == 1
    assert (stage.open, stage.aborted) == (0, 1)


async def test_leaving_during_a_search_leaves_nothing_open() -> None:
    stage, library = Scripted([*calling(), end("tool_calls")], [end()]), Library(found(DESCALE))
    library.gate = anyio.Event()
    scope = anyio.CancelScope()

    async def leave() -> None:
        await anyio.wait_all_tasks_blocked()
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        with scope:
            await reply(around(stage, library, mode="tool"))
    assert scope.cancelled_caught
    assert len(library.asked) == 1
    assert (len(stage.jobs), stage.open, stage.aborted) == (1, 0, 0)


async def test_whichever_job_is_under_way_is_promoted_and_those_that_follow_are_live() -> None:
    stage = Scripted([Token(text="A"), *calling(), end("tool_calls")], [Token(text="B"), end()])
    async with around(stage, Library(), mode="tool").stream(Generate(messages=ASKED)) as answer:
        await anext(answer)
        answer.promote()
        async for _ in answer:
            pass
    assert stage.promoted == [0]
    assert [job.priority for job in stage.jobs] == ["typed", "live"]


async def test_an_answer_may_be_promoted_before_it_is_asked_for_and_while_it_is_looked_up() -> None:
    stage, library = Scripted([Token(text="A"), end()]), Library(found(DESCALE))
    library.gate = anyio.Event()
    async with around(stage, library).stream(Generate(messages=ASKED)) as answer, anyio.create_task_group() as tasks:
        tasks.start_soon(anext, answer)
        await anyio.wait_all_tasks_blocked()
        answer.promote()
        library.gate.set()
    assert stage.jobs[0].priority == "live"


async def test_the_stages_errors_are_the_replys() -> None:
    stage = Scripted([Token(text="A"), Overloaded("busy")])
    with pytest.raises(Overloaded):
        await reply(around(stage, Library(found(DESCALE))))
    assert stage.open == 0


# Aloud


async def test_a_spoken_reply_names_its_source_last() -> None:
    stage = Scripted([Token(text=ANSWER), end()])
    parts = await reply(around(stage, Library(found(DESCALE)), aloud=True))
    assert words(parts) == f"{ANSWER} Source: coffee machine manual, page 3."
    (source,) = last(parts).sources
    assert words(parts)[source.start : source.end] == ANSWER


async def test_at_most_two_sources_are_named_each_once() -> None:
    said = (
        "Error E7 means a frozen condenser. Descale the machine every three months. Liquid is in the kitchen cupboard."
    )
    library = Library(
        found(FAULT, 1), found("The coffee machine has to be descaled every three months.", 2, "house.rules.md"),
        found("Use the liquid from the kitchen cupboard.", 3, "other.txt"),
    )  # fmt: skip
    asked = Generate(messages=[Message("user", "What about the coffee machine's condenser, the liquid and error E7?")])
    parts = await reply(around(Scripted([Token(text=said), end()]), library, aloud=True), asked)
    assert len(last(parts).sources) == 3
    assert words(parts).removeprefix(said) == " Sources: coffee machine manual, page 3, and house rules, page 3."


@pytest.mark.parametrize(
    ("more", "reason"), [({"json": True}, "stop"), ({"schema": {"type": "object"}}, "stop"), ({}, "length")]
)
async def test_what_has_a_form_or_is_cut_off_names_none(more: dict[str, Any], reason: str) -> None:
    stage = Scripted([Token(text=ANSWER), end(reason)])
    parts = await reply(around(stage, Library(found(DESCALE)), aloud=True), Generate(messages=ASKED, **more))
    assert words(parts) == ANSWER
    assert len(last(parts).sources) == 1


async def test_a_reply_that_names_its_sources_knows_from_where_on() -> None:
    stage = Scripted([Token(text=ANSWER), end()])
    parts = await reply(around(stage, Library(found(DESCALE)), aloud=True))
    assert nameless(words(parts), last(parts).sources) == ANSWER
    parts = await reply(around(stage, Library(found(DESCALE))))
    assert [source.named for source in last(parts).sources] == [None]


async def test_what_was_said_before_stays_as_it_is() -> None:
    said = Message("assistant", "There are two. Sources: the Danube springs at Donaueschingen.")
    told = [*ASKED, said, Message("user", "Is it on?")]
    for job in (Generate(messages=told), Prepare(messages=told)):
        stage = Scripted([end()])
        await reply(around(stage, Library(), aloud=True), job)
        assert stage.jobs == [job]


def test_sampling_and_the_rest_of_a_job_stay() -> None:
    how = Generate(messages=ASKED, sampling=Sampling(seed=3), stop=["x"], room=9, logprobs=2)

    async def ask() -> Any:
        stage = Scripted([end()])
        await reply(around(stage, Library(found(DESCALE))), how)
        return stage.jobs[0]

    job = anyio.run(ask)
    assert (job.sampling, job.stop, job.room, job.logprobs) == (how.sampling, ["x"], 9, 2)
