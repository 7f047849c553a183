"""What is kept of responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import NotFound
from appliance.store.owners import Owner
from appliance.store.responses import Kept, Responses

if TYPE_CHECKING:
    from appliance.store.database import Database

ANNA, BEN = Owner("anna"), Owner("ben")


def kept(number: int, previous: int | None = None) -> Kept:
    return Kept(
        id=f"resp_{number}",
        previous=None if previous is None else f"resp_{previous}",
        input=[{"id": f"in_{number}", "text": "x"}],
        body={"output": [{"id": f"out_{number}"}]},
    )


async def test_responses_are_chained(database: Database) -> None:
    store = Responses(database)
    for response in (kept(1), kept(2, 1), kept(3, 2), kept(4, 1)):
        await store.keep(ANNA, response)
    assert [each.id for each in await store.chain(ANNA, "resp_3", "p")] == ["resp_1", "resp_2", "resp_3"]
    assert [each.id for each in await store.chain(ANNA, "resp_4", "p")] == ["resp_1", "resp_4"]
    found = await store.items(ANNA, ["out_2", "in_1", "no"])
    assert found == {"out_2": {"id": "out_2"}, "in_1": kept(1).input[0]}
    await store.delete(ANNA, "resp_2")
    assert await store.items(ANNA, ["out_2"]) == {}
    with pytest.raises(NotFound, match=r"resp_2.*no longer kept") as raised:
        await store.chain(ANNA, "resp_3", "p")
    assert raised.value.param == "p"
    assert [each.id for each in await store.chain(ANNA, "resp_3", "p", whole=False)] == ["resp_3"]
    with pytest.raises(NotFound):
        await store.delete(ANNA, "resp_2")


async def test_responses_are_their_owners_alone(database: Database) -> None:
    store = Responses(database)
    await store.keep(ANNA, kept(1))
    await store.keep(BEN, kept(1))
    await store.keep(BEN, kept(2, 1))
    await store.delete(BEN, "resp_1")
    assert await store.get(ANNA, "resp_1") == kept(1)
    with pytest.raises(NotFound):
        await store.get(ANNA, "resp_2")
    assert await store.items(ANNA, ["in_2"]) == {}
    assert await store.items(BEN, ["in_1", "in_2"]) == {"in_2": kept(2).input[0]}
    with pytest.raises(NotFound):  # anna's of the same name does not mend the chain
        await store.chain(BEN, "resp_2", "p")
