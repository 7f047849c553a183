"""The answer of a stage that looks things up: the parts of all jobs that one reply takes, as if they were one job's."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from anyio import CapacityLimiter, to_thread
from msgspec.structs import replace

from appliance.dialogue.attribution import attribute
from appliance.dialogue.naming import named, said_before
from appliance.dialogue.quoting import ASKED, fitting, quoted
from appliance.dialogue.telling import alike, telling
from appliance.dialogue.words import words
from appliance.errors import RequestError
from appliance.jobs import AnyPart, Generated, JobTimes, Source, Token
from appliance.store.passages import MOST_WORDS, WORD
from appliance.voice.joined import Joined
from appliance.voice.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AsyncExitStack

    from appliance.jobs import Generate, Message
    from appliance.store.passages import Found
    from appliance.voice.retrieving import Retrieval
    from appliance.voice.stages import Answer, Stage

    class LookUp(Protocol):
        """What documents say to the first of several questions that they say anything to."""

        async def __call__(self, *asked: str) -> Sequence[Found]:
            """Nothing where the search fails."""


ATTRIBUTING: Final = CapacityLimiter(2)
"""Replies whose sources are looked for at once, beside the event loop: of a long reply that may take half a second."""
SHORT: Final = 5
"""A question with fewer words is about the one before: "And how often?"."""
MOST_ENDING: Final = 1000
"""Characters of a message that are looked for."""
SHARES: Final = (0.0, 0.2, 0.5, 1.0)
"""Of the bound on what is quoted: the last one is tried first, the others where the context has no room for it. The
first, without documents, is not for a job that whoever sent it will shorten."""


class RetrievedAnswer:
    """Iterate once. Whoever leaves `stack` early aborts the job that is under way."""

    def __init__(self, llm: Stage, look_up: LookUp, how: Retrieval, job: Generate, stack: AsyncExitStack) -> None:
        self._llm, self._look_up, self._how, self._asked, self._stack = llm, look_up, how, job, stack
        self._lookups = Lookups(job, last_words(job.messages), forced=how.forced) if how.mode == "tool" else None
        self._joined = Joined(self._lookups.name if self._lookups is not None else None)
        self._quoted: dict[tuple[str, int], Found] = {}
        """What the reply may rest on: all that the jobs so far have quoted."""
        self._compose: Callable[[float], Generate] | None = None
        """The job that comes next, or is under way, with a share of what is quoted in it …"""
        self._shares: list[float] = []
        """… and the shares that are still to be tried."""
        self._answer: Answer | None = None
        self._ready: deque[AnyPart] = deque()  # three at most
        self._promoted = self._begun = self._goes_on = False
        self._started: JobTimes | None = None
        self._first: float | None = None

    @property
    def times(self) -> JobTimes:
        """From the first job that was taken to the end of the last one; `first` is what was passed on first."""
        last = self._answer.times if self._answer is not None else JobTimes()
        begun = self._started or last
        return JobTimes(begun.sent, begun.began, self._first, last.ended)

    def __aiter__(self) -> RetrievedAnswer:
        return self

    async def __anext__(self) -> tuple[AnyPart, bytes]:
        """The next part."""
        while not self._ready:
            answer = self._answer or await self._send()
            try:
                part, _ = await anext(answer)
            except StopAsyncIteration:
                if not self._goes_on:
                    raise
                await self._go_on()
            except RequestError as error:
                if self._begun or error.code != "context_length_exceeded" or not self._shares:
                    raise
                await self._let_go()
            else:
                self._begun = True
                self._started = self._started or answer.times
                await self._take(part)
        self._first = self._first or time.monotonic()
        return self._ready.popleft(), b""

    def promote(self) -> None:
        """Somebody listens for it now, whichever job is under way, and whichever follow."""
        self._promoted = True
        if self._answer is not None:
            self._answer.promote()

    async def _send(self) -> Answer:
        if self._compose is None:
            await self._begin()
        assert self._compose is not None  # noqa: S101 - begun by now
        job = self._compose(self._shares.pop())
        if self._promoted:
            job = replace(job, priority="live")
        self._begun = False
        self._answer = await self._stack.enter_async_context(self._llm.stream(job))
        return self._answer

    async def _let_go(self) -> None:
        self._answer = None
        await self._stack.aclose()

    async def _begin(self) -> None:
        """The first job."""
        job, self._shares = self._asked, [1.0]
        if self._lookups is not None:
            offered = self._lookups.offered()
            self._compose = lambda _: offered
            return
        asked = question(job.messages)
        wanted = telling(asked)
        found = await self._look_up(asked) if wanted else ()
        found = [each for each in found if alike(wanted, telling(f"{each.name} {each.heading} {each.text}"))]
        if found:
            self._shares = list(SHARES[job.shortens :])

        def compose(share: float) -> Generate:
            most = int(self._how.characters * share)
            self._quoted = told([found], most)
            return with_quotes(job, found, most, asked)

        self._compose = compose

    async def _go_on(self) -> None:
        """The model has asked for something: look it up, and let it go on with that."""
        await self._let_go()
        self._goes_on = False
        lookups, joined = self._lookups, self._joined
        assert lookups is not None  # noqa: S101 - nobody else asks
        calls = list(joined.calls)
        said = joined.begin()
        results = []
        for call in calls:
            asked = lookups.asked(call)
            # Small models ask for nothing that is anywhere; then it is what the user asked.
            found = await self._look_up(asked, question(self._asked.messages)) if lookups.take() else None
            results.append((asked, found))
        left = self._asked.max_tokens and self._asked.max_tokens - joined.written
        lookups.called(said, calls, left)
        before, looked_up = self._quoted, [found for _, found in results if found]
        self._shares = list(SHARES[self._asked.shortens :])

        def compose(share: float) -> Generate:
            most = int(self._how.characters * share) // max(1, len(looked_up))
            self._quoted = before | told(looked_up, most)
            return lookups.answered(results, most)

        self._compose = compose

    async def _take(self, part: AnyPart) -> None:
        if not isinstance(part, Generated):
            self._ready.extend(self._joined.take(part))
            return
        end = self._joined.count(part)
        looks_up = bool(self._joined.calls) and not self._joined.shown
        left = self._asked.max_tokens is None or self._joined.written < self._asked.max_tokens
        if looks_up and left and part.finish_reason != "length":
            self._goes_on = True
        elif looks_up:
            await self._finish(replace(end, finish_reason="length"))
        else:  # calls of the client's own are answered by the client, who asks again: the model can look up then
            await self._finish(end)

    async def _finish(self, end: Generated) -> None:
        sources = await self._sources()
        formed = self._asked.json or self._asked.schema is not None
        if self._how.aloud and not formed and end.finish_reason == "stop" and (said := named(sources)):
            self._ready.append(Token(text=said))
            before = said_before(self._joined.text)
            sources = [replace(source, named=before) for source in sources]
        self._ready.append(replace(end, sources=sources))

    async def _sources(self) -> list[Source]:
        passages = list(self._quoted.values())
        if not passages:
            return []
        rests = await to_thread.run_sync(
            attribute, self._joined.text, passages, last_words(self._asked.messages),
            limiter=ATTRIBUTING, abandon_on_cancel=True,
        )  # fmt: skip
        return [
            Source(
                document=passage.document, name=passage.name, page=passage.page, heading=passage.heading,
                ordinal=passage.ordinal, quote=each.quote, start=each.start, end=each.end,
            )
            for each in rests
            for passage in [passages[each.passage]]
        ]  # fmt: skip


def last_words(messages: Sequence[Message]) -> str:
    """What the user said last."""
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def question(messages: Sequence[Message]) -> str:
    """What is looked for: what the user said last, and, if that is short, what they said before.

    Of a long message its end, where the question is mostly; all of it is looked for.
    """
    said = [ending(message.content, MOST_WORDS - SHORT) for message in messages if message.role == "user"][-2:]
    if len(said) == 2 and len(words(said[1])) >= SHORT:
        del said[0]
    return "\n".join(reversed(said))


def ending(text: str, most: int) -> str:
    """The last words of a text, at most so many."""
    text = text[-MOST_ENDING:]
    starts = [word.start() for word in WORD.finditer(text)]
    return text[starts[-most] :] if len(starts) > most else text


def told(found: Sequence[Sequence[Found]], most: int) -> dict[tuple[str, int], Found]:
    """What is quoted where each result has so many bytes, each passage once."""
    return {(each.document, each.ordinal): each for result in found for each, _ in fitting(result, most)}


def with_quotes(job: Generate, found: Sequence[Found], most: int, asked: str) -> Generate:
    """The job with what was found before the user's last words, so that all before them stays as it is."""
    at = max((at for at, message in enumerate(job.messages) if message.role == "user"), default=-1)
    quotes = quoted(found, most, asked)
    if not quotes or at < 0:
        return job
    messages = list(job.messages)
    messages[at] = replace(messages[at], content=f"{quotes}\n\n{ASKED}{messages[at].content}")
    return replace(job, messages=messages)
