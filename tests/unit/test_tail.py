"""The newest lines of the log: what is kept of a line, how much of them, and how a reader goes on."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings, strategies

from appliance import logs
from appliance.tail import MOST_CHARACTERS, TEXT_CHARACTERS, Tail, level_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def add(tail: Tail, event: object = "request", level: int = logging.INFO, **fields: Any) -> None:
    tail.add(at=1.0, level=level, logger="appliance.web.gate", event=event, fields=fields)


def numbers(tail: Tail, after: int | None, limit: int = 100, least: Any = "debug") -> tuple[list[int], int, bool]:
    found = tail.after(after, least, limit)
    return [line.number for line in found.lines], found.after, found.lost


def test_a_reader_goes_on_where_they_were() -> None:
    tail = Tail(most=4)
    assert numbers(tail, None) == numbers(tail, 0) == ([], 0, False)
    for _ in range(3):
        add(tail)
    assert numbers(tail, None, limit=2) == ([2, 3], 3, False)
    assert numbers(tail, 0, limit=2) == ([1, 2], 2, False)
    assert numbers(tail, 2, limit=2) == ([3], 3, False)
    assert numbers(tail, 3) == ([], 3, False)
    for _ in range(4):
        add(tail)
    assert numbers(tail, 3) == ([4, 5, 6, 7], 7, False)
    assert numbers(tail, 2) == ([4, 5, 6, 7], 7, True)
    assert numbers(tail, 900) == ([4, 5, 6, 7], 7, True)  # another process' number


def test_lesser_lines_are_passed_over() -> None:
    tail = Tail()
    for level in (logging.ERROR, logging.INFO, logging.WARNING, logging.DEBUG):
        add(tail, level=level)
    assert numbers(tail, None, least="warning") == ([1, 3], 4, False)
    assert numbers(tail, 0, limit=1, least="warning") == ([1], 1, False)
    assert numbers(tail, 1, limit=1, least="warning") == ([3], 4, False)
    assert [level_of(number) for number in (0, 5, 10, 25, 30, 49, 99)] == [
        "debug", "debug", "debug", "info", "warning", "error", "critical"
    ]  # fmt: skip


def test_long_lines_are_cut() -> None:
    tail = Tail()
    add(tail, event="e" * 5_000, a="a" * 5_000, b=["b" * 5_000], c=1)
    fields: dict[str, Any] = {f"field {number}": "x" * 900 for number in range(9)}
    add(tail, **fields)
    add(tail, small=[1, {"a": None}], big=2**70, odd=float("nan"))
    long, many, small = tail.after(None, "debug", 3).lines
    assert (len(long.event), len(long.fields["a"]), len(long.fields["b"])) == (TEXT_CHARACTERS,) * 3
    assert (long.fields["c"], long.cut) == (1, True)
    assert (len(many.fields), many.cut) == (4, True)
    assert (small.fields, small.cut) == ({"small": [1, {"a": None}], "big": str(2**70), "odd": "nan"}, False)


anything = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text()
    | strategies.binary() | strategies.text(alphabet=strategies.characters(categories=["Cs"])),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
)  # fmt: skip


@settings(max_examples=50)
@given(strategies.dictionaries(strategies.text(max_size=8), anything, max_size=4))
def test_whatever_is_logged_is_json_of_bounded_size(fields: dict[str, Any]) -> None:
    tail = Tail()
    add(tail, **{f"f{name}": value for name, value in fields.items()})
    (line,) = tail.after(None, "debug", 1).lines
    written = msgspec.json.encode(line.fields)
    assert len(json.loads(written)) <= len(fields)
    assert len(json.dumps(json.loads(written), ensure_ascii=False)) < 8 * MOST_CHARACTERS


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What goes to standard error, with a tail of its own; the log is as it was afterwards."""
    stream, root = io.StringIO(), logging.getLogger()
    monkeypatch.setattr(logs, "TAIL", Tail())
    monkeypatch.setattr("sys.stderr", stream)
    handlers, level = list(root.handlers), root.level
    logs.configure("info", "json")
    yield stream
    root.handlers = handlers
    root.setLevel(level)


def test_our_lines_and_libraries_are_kept_as_they_are_written(written: io.StringIO) -> None:
    log = logs.logger("appliance.some.place")
    log.info("request", path="/v1/models", status=200)
    log.debug("nobody wants to know")
    logging.getLogger("some.library").warning("took %d ms", 5)
    try:
        raise ValueError("what was said")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    ours, theirs, failed = logs.TAIL.after(None, "debug", 10).lines
    assert (ours.event, ours.logger, ours.level) == ("request", "appliance.some.place", "info")
    assert ours.fields == {"path": "/v1/models", "status": 200}
    assert (theirs.event, theirs.logger, theirs.level) == ("took 5 ms", "some.library", "warning")
    assert (failed.event, failed.level, failed.fields["error"]) == (
        "Exception in ASGI application", "error", "ValueError"
    )  # fmt: skip
    assert failed.fields["at"].startswith("test_tail.py:")
    assert "what was said" not in str(failed)
    events = [json.loads(line)["event"] for line in written.getvalue().splitlines()]
    assert events == [ours.event, theirs.event, failed.event]
