"""What is kept of responses, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from appliance.app import create_app, create_engines
from appliance.errors import NotFound
from appliance.store.responses import Kept, Responses

if TYPE_CHECKING:
    from appliance.catalog.lineup import Lineup
    from appliance.settings import Settings


def kept(number: int, previous: int | None = None, size: int = 1) -> Kept:
    return Kept(
        id=f"resp_{number}",
        previous=None if previous is None else f"resp_{previous}",
        input=[{"id": f"in_{number}", "text": "x" * size}],
        body={"output": [{"id": f"out_{number}"}]},
    )


def test_responses_are_chained() -> None:
    store = Responses()
    for response in (kept(1), kept(2, 1), kept(3, 2), kept(4, 1)):
        store.keep(response)
    assert [each.id for each in store.chain("resp_3", "p")] == ["resp_1", "resp_2", "resp_3"]
    assert [each.id for each in store.chain("resp_4", "p")] == ["resp_1", "resp_4"]
    assert store.items(["out_2", "in_1", "no"]) == {"out_2": {"id": "out_2"}, "in_1": kept(1).input[0]}
    store.delete("resp_2")
    assert store.items(["out_2"]) == {}
    with pytest.raises(NotFound, match=r"resp_2.*no longer kept") as raised:
        store.chain("resp_3", "p")
    assert raised.value.param == "p"
    assert [each.id for each in store.chain("resp_3", "p", whole=False)] == ["resp_3"]
    with pytest.raises(NotFound):
        store.delete("resp_2")


def test_the_least_used_response_goes_first() -> None:
    store = Responses(most=2)
    for number in (1, 2):
        store.keep(kept(number))
    store.get("resp_1")
    store.keep(kept(3))
    assert store.items(["in_1", "in_2"]) == {"in_1": kept(1).input[0]}


def test_responses_are_bounded_in_bytes() -> None:
    store = Responses(most=100, most_bytes=10_000)
    for number in range(10):
        store.keep(kept(number, size=3000))
    assert sorted(store.items(f"in_{number}" for number in range(10))) == ["in_7", "in_8", "in_9"]
    store.keep(kept(99, size=20_000))
    with pytest.raises(NotFound):
        store.get("resp_99")
    assert len(store.items(f"in_{number}" for number in range(10))) == 3
    store.keep(kept(100))
    assert store.get("resp_100") == kept(100)


def test_as_many_are_kept_as_the_settings_say(settings: Settings, models: Lineup) -> None:
    few = msgspec.structs.replace(settings, llm=msgspec.structs.replace(settings.llm, responses=2))
    gate: Any = create_app(few, models, create_engines(few, models))
    store = gate._app.state.box.responses
    for number in range(3):
        store.keep(Kept(id=str(number), previous=None, input=[], body={"output": []}))
    with pytest.raises(NotFound):
        store.get("0")
    assert [store.get(each).id for each in "12"] == ["1", "2"]
