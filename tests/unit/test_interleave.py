"""Jobs taking turns over one handle, with engines that only count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.engines.interleave import Interleaved
from appliance.errors import RequestError
from appliance.jobs import Generate, Message, Token

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


def job(parts: int, content: str = "") -> Generate:
    return Generate(messages=[Message("user", content)], max_tokens=parts)


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
