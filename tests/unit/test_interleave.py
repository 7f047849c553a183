"""Jobs taking turns over one handle, with engines that only count."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.engines.interleave import Interleaved
from appliance.errors import RequestError
from appliance.jobs import Generate, Message, Priority, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.engines.interleave import Progress
    from appliance.jobs import AnyJob

closed: list[int] = []


def count(job: AnyJob, _payload: bytes) -> Iterator[Progress]:
    assert isinstance(job, Generate)
    assert job.max_tokens is not None
    try:
        for number in range(job.max_tokens):
            yield Token(text=str(number)), b""
        if job.messages[0].content == "bad":
            raise RequestError("bad")
        if job.messages[0].content == "worse":
            raise ZeroDivisionError
    finally:
        closed.append(job.max_tokens)


def job(parts: int, content: str = "", priority: Priority = "typed") -> Generate:
    return Generate(messages=[Message("user", content)], max_tokens=parts, priority=priority)


def submit(engine: Interleaved, number: int, work: Generate, window: int = 99) -> None:
    engine.submit(number, work, b"", request_id="", window=window)


def ids(engine: Interleaved) -> list[int]:
    said = []
    while engine.busy:
        said += [each.id for each in engine.step()]
    return said


def test_open_jobs_take_turns_and_others_wait() -> None:
    engine = Interleaved(count, width=2)
    for number in (1, 2, 3):
        submit(engine, number, job(2))
    assert ids(engine) == [1, 2, 1, 2, 1, 2, 3, 3, 3]


def test_a_client_that_is_behind_holds_up_nobody() -> None:
    engine = Interleaved(count, width=1)
    submit(engine, 1, job(5), window=2)
    submit(engine, 2, job(1))
    assert ids(engine) == [1, 1, 2, 2]
    assert not engine.busy
    engine.grant(1, 99)
    assert ids(engine) == [1, 1, 1, 1]


def test_faults_end_their_own_job_only() -> None:
    engine = Interleaved(count, width=3)
    submit(engine, 1, job(1, "bad"))
    submit(engine, 2, job(1, "worse"))
    submit(engine, 3, job(3))
    said = []
    while engine.busy:
        said += engine.step()
    errors = {each.id: each.error.code for each in said if each.error is not None}
    assert errors == {1: "invalid_value", 2: "internal_error"}
    assert said[-1].id == 3


def test_an_abort_closes_what_the_job_holds() -> None:
    closed.clear()
    engine = Interleaved(count, width=1)
    submit(engine, 1, job(7))
    engine.step()
    engine.abort(1)
    engine.abort(1)
    assert closed == [7]
    assert not engine.busy


def test_live_jobs_go_first_and_nothing_starves() -> None:
    engine = Interleaved(count, width=3)
    submit(engine, 1, job(3, priority="background"))
    submit(engine, 2, job(3))
    submit(engine, 3, job(3, priority="live"))
    assert ids(engine) == [3, 3, 3, 2, 3, 2, 2, 1, 2, 1, 1, 1]


def test_live_jobs_open_though_lower_ones_have_every_place() -> None:
    engine = Interleaved(count, width=1)
    submit(engine, 1, job(9, priority="background"))
    engine.step()
    submit(engine, 2, job(1))
    submit(engine, 3, job(1, priority="live"))
    assert [engine.step()[0].id for _ in range(2)] == [3, 3]
    assert engine.step()[0].id == 1  # every fourth step
    assert engine.step()[0].id == 2


def test_a_lower_job_opens_while_live_ones_keep_coming() -> None:
    engine = Interleaved(count, width=1)
    submit(engine, 1, job(1, priority="live"))
    submit(engine, 2, job(1, priority="background"))
    said = []
    for number in range(3, 30):
        submit(engine, number, job(1, priority="live"))
        said += [each.id for _ in range(2) for each in engine.step()]
    assert said.count(2) == 2


def test_a_promoted_job_goes_first_wherever_it_is() -> None:
    engine = Interleaved(count, width=2)
    for number in (1, 2, 3):
        submit(engine, number, job(2, priority="background"))
    engine.step()
    engine.promote(3)
    engine.promote(2)
    engine.promote(99)
    assert ids(engine)[:2] == [2, 3]


def test_the_first_word_of_a_job_tells_when_it_was_begun() -> None:
    engine = Interleaved(count, width=1)
    before = time.monotonic()
    submit(engine, 1, job(2))
    submit(engine, 2, job(0, "bad"))
    submit(engine, 3, job(0))
    said = []
    while engine.busy:
        said += engine.step()
    began = [(each.id, each.began) for each in said]
    assert [at is not None for _, at in began] == [True, False, False, True, True]
    assert before <= began[0][1] <= began[3][1] <= began[4][1] <= time.monotonic()  # type: ignore[operator]
