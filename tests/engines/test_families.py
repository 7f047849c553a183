"""Models that cannot be cut anywhere: real llama.cpp, tiny weights drawn by lot, the scheduler over them."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from driving import forget
from gguf_files import mamba, transformer, write

from appliance.engines.llama.anatomy import shape_of
from appliance.engines.llama.context import Context
from appliance.engines.llama.devices import devices
from appliance.engines.llama.loading import load_model
from appliance.engines.llama.memory import plan
from appliance.engines.llama.pace import Pace
from appliance.engines.llama.piece import Piece
from appliance.engines.llama.scheduler import Scheduler
from appliance.engines.llama.work import TYPED, Work
from appliance.engines.specs import Llama

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

WORDS = 300
tiny = partial(transformer, layers=4, width=64, heads=2, head=32, feed_forward=128, vocabulary=WORDS, weights="f32")
FAMILIES = {
    "dense": tiny("qwen3", shared=1),
    "sliding": tiny("gemma3", shared=1, tied=True, attention__sliding_window=16),
    "hybrid": tiny("lfm2", shared=[0, 1, 0, 1], tied=True, shortconv__l_cache=3),
    "recurrent": mamba(layers=3, width=64, vocabulary=WORDS),
}
PROMPT = [int(token) for token in np.random.default_rng(1).integers(0, WORDS, 60)]


class Greedy:
    """Writes the likeliest token."""

    def __init__(self, context: Context, room: int) -> None:
        self.context, self.room = context, room
        self.text: list[int] = []
        self.cached = 0

    def started(self, cached: int) -> None:
        """As the protocol says."""
        self.cached = cached

    def draw(self, row: int) -> int | None:
        """As the protocol says."""
        self.text.append(int(self.context.logits(row).argmax()))
        return self.text[-1] if len(self.text) < self.room else None

    def guess(self, tokens: Sequence[int], most: int) -> Sequence[int]:
        """Never."""
        return ()

    def read(self, states: NDArray[np.float32] | None) -> None:
        """As the protocol says."""


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Context]]:
    path = write(tmp_path_factory.mktemp("family") / "m.gguf", *FAMILIES[request.param], seed=1)
    spec = Llama(name="m", path=str(path), context=512, sequences=8, batch=64)
    context = Context(load_model(str(path), plan(spec, shape_of(path), devices()), 2))
    yield request.param, context
    context.close()


@pytest.fixture
def scheduler(family: tuple[str, Context]) -> Iterator[Scheduler]:
    """Over an empty cache. Its clock stands still, so that prompts are always read in the same pieces."""
    context = family[1]
    made = Scheduler(context, Pace(2, 0.1), width=6, chunk=32, ordered=context.rewinds, clock=lambda: 0.0)
    yield made
    forget(made)


numbers = itertools.count()


def replies(scheduler: Scheduler, context: Context, *prompts: Sequence[int], room: int = 20) -> list[Greedy]:
    pens = [Greedy(context, room) for _ in prompts]
    for pen, prompt in zip(pens, prompts, strict=True):
        scheduler.submit(Work(next(numbers), TYPED, list(prompt), room, pen))
    while scheduler.busy:
        scheduler.step()
    return pens


def alone(scheduler: Scheduler, context: Context, prompt: Sequence[int]) -> list[int]:
    forget(scheduler)
    (pen,) = replies(scheduler, context, prompt)
    assert pen.cached == 0
    return pen.text


def test_what_can_be_cut_is_known(family: tuple[str, Context]) -> None:
    name, context = family
    assert context.rewinds == (name in ("dense", "sliding"))
    context.decode([Piece(0, 0, PROMPT, 1)])
    assert context.size(0) == len(PROMPT)
    assert context.cut(0, 30) == context.rewinds
    assert context.size(0) == (30 if context.rewinds else 0)
    context.drop(0)


def test_many_at_once_write_what_each_writes_alone(family: tuple[str, Context], scheduler: Scheduler) -> None:
    prompts = [PROMPT[:40] + PROMPT[number : number + 7] for number in range(6)]
    apart = [alone(scheduler, family[1], prompt) for prompt in prompts]
    assert len({tuple(text) for text in apart}) > 3
    forget(scheduler)
    assert [pen.text for pen in replies(scheduler, family[1], *prompts)] == apart


def test_a_beginning_is_used_again_where_that_is_right(family: tuple[str, Context], scheduler: Scheduler) -> None:
    _, context = family
    longer, other = PROMPT[:50], PROMPT[:30] + PROMPT[:20]
    expected = [alone(scheduler, context, prompt) for prompt in (longer, other)]
    forget(scheduler)
    replies(scheduler, context, PROMPT[:40], room=1)  # its prompt alone stays
    pens = [replies(scheduler, context, prompt)[0] for prompt in (longer, other)]
    assert [pen.text for pen in pens] == expected
    assert [pen.cached for pen in pens] == [40, 30 if context.rewinds else 0]


def test_a_conversation_goes_on_where_it_was(family: tuple[str, Context], scheduler: Scheduler) -> None:
    _, context = family
    (first,) = replies(scheduler, context, PROMPT[:30])
    after = [*PROMPT[:30], *first.text, *PROMPT[30:40]]
    (second,) = replies(scheduler, context, after)
    assert second.cached == 30 + len(first.text) - 1  # its last token was said, but not read
    assert second.text == alone(scheduler, context, after)


def test_a_state_goes_out_and_comes_back(family: tuple[str, Context], scheduler: Scheduler) -> None:
    _, context = family
    expected = alone(scheduler, context, PROMPT)
    forget(scheduler)
    replies(scheduler, context, PROMPT[:40], room=1)
    slot = next(slot for slot in scheduler.slots if slot.tokens)
    state = context.state(slot.number)
    scheduler.slots.empty(slot)
    other = scheduler.slots.take()
    assert context.restore(other.number, state)
    assert context.size(other.number) == 40
    scheduler.slots.grow(other, PROMPT[:40])
    scheduler.slots.let_go(other)
    (pen,) = replies(scheduler, context, PROMPT)
    assert (pen.cached, pen.text) == (40, expected)
