"""Conversations' states on disk: what is kept, what is found, and what a spoilt folder can do (nothing)."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import threading
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appliance.bytes_on_disk import SPARED_BYTES
from appliance.engines.llama.desk import Desk, Fetched, Read
from appliance.engines.llama.order import Order
from appliance.engines.llama.states import States, open_states
from appliance.errors import InternalError, RequestError
from appliance.jobs import Generate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LARGE = 60_000
"""Bytes of a state that gets a file of its own."""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "states")


@pytest.fixture
def states(folder: str) -> Iterator[States]:
    opened = States(folder, 10, "model")
    yield opened
    opened.close()


def sizes(states: States, tokens: Sequence[int], *, whole: bool = False) -> int:
    return states.find(tokens, whole=whole)[1]


def loaded(states: States, tokens: Sequence[int]) -> tuple[list[int], bytes] | None:
    """What is kept for the beginning of `tokens`."""
    key, _ = states.find(tokens, whole=False)
    found = states.load(key) if key is not None else None
    return (list(found[0]), found[1]) if found is not None else None


def spoil(folder: str, statement: str, *values: object) -> None:
    with sqlite3.connect(f"{folder}/cache.db") as database:
        database.execute(statement, values)
    database.close()


def test_a_state_is_found_by_a_prompt_that_begins_like_it_also_after_a_restart(folder: str) -> None:
    first = States(folder, 10, "model")
    first.keep([1, 2, 3], b"s" * LARGE, shorter=True)
    assert loaded(first, [1, 2, 3, 4]) == ([1, 2, 3], b"s" * LARGE)
    first.close()
    second = States(folder, 10, "model")
    assert loaded(second, [1, 2, 3, 4]) == ([1, 2, 3], b"s" * LARGE)
    second.close()


def test_the_one_with_most_of_the_prompt_is_taken(states: States) -> None:
    for tokens in ([1, 2], [1, 2, 3, 4, 9, 9], [1, 2, 3], [7, 7, 7]):
        states.keep(tokens, bytes(tokens), shorter=False)
    assert loaded(states, [1, 2, 3, 4, 5]) == ([1, 2, 3, 4, 9, 9], bytes([1, 2, 3, 4, 9, 9]))
    assert sizes(states, [1, 2, 3, 4, 5]) == 4
    assert states.find([8, 8], whole=False) == (None, 0)


def test_a_model_that_cannot_go_back_takes_whole_states_only(states: States) -> None:
    for tokens in ([1, 2], [1, 2, 3, 4, 9, 9], [1, 2, 3]):
        states.keep(tokens, bytes(tokens), shorter=False)
    assert sizes(states, [1, 2, 3, 4, 5], whole=True) == 3
    assert sizes(states, [1, 2, 3, 4, 9, 9, 9], whole=True) == 6


def test_one_token_of_the_prompt_is_left_to_read(states: States) -> None:
    states.keep([1, 2, 3], b"s", shorter=False)
    assert sizes(states, [1, 2, 3]) == 2
    assert sizes(states, [1, 2, 3], whole=True) == 0
    assert sizes(states, [1]) == 0


def test_a_longer_state_takes_the_place_of_those_that_it_begins_with(folder: str, states: States) -> None:
    for tokens in ([1, 2], [1, 2, 3], [1, 9]):
        states.keep(tokens, b"s" * LARGE, shorter=False)
    states.keep([1, 2, 3, 4], b"t", shorter=True)
    assert sizes(states, [1, 9, 9]) == 2
    assert loaded(states, [1, 2, 3, 9]) == ([1, 2, 3, 4], b"t")
    assert len(list(Path(folder).rglob("*.val"))) == 1  # that of [1, 9]


def test_the_disk_keeps_the_latest_and_no_more_than_it_may(folder: str) -> None:
    states = States(folder, 1, "model")
    for number in range(40):
        states.keep([number, 1, 2], bytes([number]) * 100_000, shorter=True)
        on_disk = sum(path.stat().st_size for path in Path(folder).rglob("*.val"))
        assert on_disk <= 1_100_000
    assert loaded(states, [39, 1, 2, 3]) == ([39, 1, 2], bytes([39]) * 100_000)
    assert loaded(states, [0, 1, 2, 3]) is None
    states.close()


def test_states_give_way_to_what_has_to_be_remembered(
    folder: str, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SPARED_BYTES + LARGE  # a state is a little larger: its digest comes with it
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 1 << 40, free))
    states.keep([1, 2, 3], b"s" * 100, shorter=True)
    Path(folder, "half.val").write_bytes(b"of a state that a full disk cut off")
    with monkeypatch.context() as disk:
        disk.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 1 << 40, SPARED_BYTES - 1))
        with pytest.raises(OSError, match="not for caches"):
            states.keep([4, 5, 6], b"s", shorter=True)
    assert sizes(states, [1, 2, 3, 4]) == 0
    assert not Path(folder).exists()
    states.keep([1, 2, 3], b"s" * 100, shorter=True)
    states.keep([7, 8, 9], b"s" * LARGE, shorter=True)
    assert sizes(states, [1, 2, 3, 4]) == 0
    assert loaded(states, [7, 8, 9, 10]) == ([7, 8, 9], b"s" * LARGE)


def test_a_state_that_is_used_outlives_those_that_are_not(folder: str) -> None:
    states = States(folder, 1, "model")
    states.keep([1, 1], b"s" * 100_000, shorter=True)
    for number in range(2, 30):
        assert loaded(states, [1, 1, 1]) is not None
        states.keep([number, 1], b"s" * 100_000, shorter=True)
    states.close()
    again = States(folder, 1, "model")
    assert loaded(again, [1, 1, 1]) == ([1, 1], b"s" * 100_000)
    again.close()


def test_another_model_finds_nothing(folder: str, states: States) -> None:
    states.keep([1, 2, 3], b"s", shorter=False)
    other = States(folder, 10, "another model")
    assert other.find([1, 2, 3, 4], whole=False) == (None, 0)
    other.close()


class Fuse:
    """Says that it was unpickled."""

    lit = False

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return light, ()


def light() -> None:
    Fuse.lit = True


PLANTED: dict[str, tuple[str, tuple[object, ...]]] = {
    "a pickled state": ("UPDATE Cache SET mode = 4, value = ?, filename = NULL", (pickle.dumps(Fuse()),)),
    "a pickled key": ("INSERT INTO Cache (key, raw, mode, value) VALUES (?, 0, 1, x'00')", (pickle.dumps(Fuse()),)),
    "a key of text": ("INSERT INTO Cache (key, raw, mode, value) VALUES ('t', 1, 1, x'00')", ()),
    "a key that is a number": ("INSERT INTO Cache (key, raw, mode, value) VALUES (99999999999999, 1, 1, x'00')", ()),
    "a state of text": ("UPDATE Cache SET mode = 1, value = 'text', filename = NULL", ()),
    "a state that is a number": ("UPDATE Cache SET mode = 1, value = 5, filename = NULL", ()),
    "a text file": ("UPDATE Cache SET mode = 3, filename = 'cache.db'", ()),
    "an unknown mode": ("UPDATE Cache SET mode = 77", ()),
    "an unknown setting": ("INSERT INTO Settings VALUES ('disk_of', 'another kind')", ()),
    "no table": ("DROP TABLE Cache", ()),
}


@pytest.mark.parametrize("name", PLANTED)
def test_nothing_planted_is_unpickled_or_does_harm(name: str, folder: str) -> None:
    states = States(folder, 10, "model")
    states.keep([1, 2, 3], b"s" * LARGE, shorter=False)
    statement, values = PLANTED[name]
    spoil(folder, statement, *values)
    desk = Desk(states)
    key, _ = desk.find([1, 2, 3, 4], whole=False)
    assert key is not None
    fetched = fetch(desk, key)
    assert fetched.state in {b"", b"s" * LARGE}
    desk.close()
    again = open_states(folder, 10, "model")
    if again is not None:
        assert loaded(again, [1, 2, 3, 4]) in (None, ([1, 2, 3], b"s" * LARGE))
        again.close()
    assert not Fuse.lit


def test_the_fuse_burns() -> None:
    pickle.loads(pickle.dumps(Fuse()))  # noqa: S301 - ours
    assert Fuse.lit
    Fuse.lit = False


def test_a_flipped_byte_in_a_state_is_noticed_and_the_state_forgotten(folder: str, states: States) -> None:
    states.keep([1, 2, 3], b"s" * LARGE, shorter=False)
    (file,) = Path(folder).rglob("*.val")
    data = bytearray(file.read_bytes())
    data[LARGE // 2] ^= 1
    file.write_bytes(data)
    assert loaded(states, [1, 2, 3, 4]) is None
    assert states.find([1, 2, 3, 4], whole=False) == (None, 0)
    assert not file.exists()


def test_a_flipped_byte_in_the_tokens_is_noticed(folder: str) -> None:
    states = States(folder, 10, "model")
    states.keep([1, 2, 3], b"s", shorter=False)
    states.close()
    spoil(folder, "UPDATE Cache SET value = x'010000000200000007000000' WHERE substr(key, 1, 1) = x'74'")
    again = States(folder, 10, "model")
    assert again.find([1, 2, 7, 4], whole=False) == (None, 0)
    again.close()


def fetch(desk: Desk, key: bytes) -> Fetched:
    order = Order(Generate(text="x"), 1, 0, [1, 2, 3, 4])
    desk.fetch(order, key)
    open_before = desk.busy
    (fetched,) = desk.take(30)
    assert isinstance(fetched, Fetched)
    assert fetched.order is order
    assert (open_before, desk.busy) == (True, False)
    return fetched


def test_the_desk_keeps_and_fetches(states: States) -> None:
    desk = Desk(states)
    assert desk.keep([1, 2, 3], lambda: b"s", shorter=True)
    desk._disk.submit(lambda: None).result()
    key, size = desk.find([1, 2, 3, 4], whole=False)
    assert key is not None
    fetched = fetch(desk, key)
    assert (size, list(fetched.tokens), fetched.state) == (3, [1, 2, 3], b"s")
    assert fetch(desk, b"nobody's").state == b""
    desk.close()


def test_a_state_is_kept_with_the_tokens_that_it_had(states: States) -> None:
    desk, gate, tokens = Desk(states), threading.Event(), array("i", [1, 2, 3])
    desk._disk.submit(gate.wait)
    assert desk.keep(tokens, lambda: b"s", shorter=True)
    tokens[:] = array("i", [7, 8, 9])  # the slot goes to somebody else
    gate.set()
    desk._disk.submit(lambda: None).result()
    assert loaded(states, [7, 8, 9, 9]) is None
    assert loaded(states, [1, 2, 3, 4]) == ([1, 2, 3], b"s")
    desk.close()


@pytest.mark.parametrize("then", [lambda folder: None, os.mkdir, lambda folder: Path(folder).write_text("a file")])
def test_a_deleted_folder_costs_the_states_and_nothing_else(
    then: Callable[[str], Any], folder: str, states: States
) -> None:
    states.keep([1, 2, 3], b"s" * LARGE, shorter=False)
    desk = Desk(states)
    key, _ = desk.find([1, 2, 3, 4], whole=False)
    assert key is not None
    shutil.rmtree(folder)
    then(folder)
    assert fetch(desk, key).state == b""
    for number in range(3):
        desk.keep([number, 5, 6], lambda: b"t" * LARGE, shorter=True)
        desk._disk.submit(lambda: None).result()
    assert fetch(desk, key).state == b""
    desk.close()


def test_a_folder_that_cannot_be_one_means_no_states(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert open_states(str(file), 10, "model") is None
    (tmp_path / "cache.db").write_text("not a database" * 99)
    assert open_states(str(tmp_path), 10, "model") is None
    desk = Desk(None)
    assert not desk.keeps
    assert not desk.keep([1], lambda: b"s", shorter=True)
    assert desk.find([1, 2], whole=False) == (None, 0)
    desk.close()


def test_the_desk_says_why_an_order_cannot_be_read() -> None:
    desk = Desk(None)

    def refuse() -> list[Order]:
        raise RequestError("No.", param="prompt")

    def stumble() -> list[Order]:
        raise ZeroDivisionError

    for number, read in enumerate((list, refuse, stumble)):
        desk.read(number, "", read)
    answers: list[Any] = []
    while desk.busy:
        answers += desk.take(30)
    assert answers[0] == Read(0, [])
    assert answers[1].error.param == "prompt"
    assert isinstance(answers[2].error, InternalError)
    assert desk.take(0) == []
    desk.close()
