"""How far a median may be off: the intervals hold what they promise, and say nothing of what they cannot know."""

from __future__ import annotations

import math
import random

import pytest

from benchmarks.figures import Figure, made_of, percentile, ratio, ratio_of_rounds
from benchmarks.quantiles import interval, quantile, ratio_interval


def test_the_interval_of_a_median_is_the_one_in_the_tables() -> None:
    assert interval(range(1, 11)) == (2, 9)
    assert interval(range(1, 21)) == (6, 15)
    assert interval([3, 1, 2, 6, 5, 4]) == (1, 6)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_samples_have_no_interval(count: int) -> None:
    assert interval([1.0] * count) is None


def test_the_last_percents_need_many_samples() -> None:
    assert interval(range(60), 0.95) is None
    found = interval(range(200), 0.95)
    assert found is not None
    assert found[0] < 190 < found[1]


@pytest.mark.parametrize("count", [6, 13, 40])
def test_it_holds_the_true_median_as_often_as_it_says(count: int) -> None:
    dice, true = random.Random(count), math.log(2)
    inside = 0
    for _ in range(2000):
        found = interval([dice.expovariate(1) for _ in range(count)])
        assert found is not None
        inside += found[0] <= true <= found[1]
    assert inside / 2000 > 0.94  # 0.95 or more is promised; a tenth of a percent or so is the dice's


def test_a_ratio_that_is_there_is_seen_and_one_that_is_not_is_not() -> None:
    dice = random.Random(1)
    one, same, half = ([dice.uniform(0.9, 1.1) * middle for _ in range(20)] for middle in (2.0, 2.0, 1.0))
    alike, less = ratio_interval(one, same), ratio_interval(one, half)
    assert alike is not None
    assert alike[0] < 1 < alike[1]
    assert less is not None
    assert less[0] > 0.4
    assert less[1] < 0.6
    assert ratio_interval(one, same) == alike  # the same samples get the same verdict
    assert ratio_interval(one, [0.0, 1.0]) is None
    assert ratio_interval([], one) is None


def test_figures_are_quantiles_of_what_they_keep() -> None:
    figure = made_of("a", [4, 1, 2, 3], "s", at_most=2.0)
    assert (figure.value, figure.samples, figure.met) == (2.5, (4, 1, 2, 3), False)
    assert made_of("a", range(101), share=0.95).value == 95
    assert quantile([1.0, 2.0]) == 1.5
    with pytest.raises(ValueError, match="no samples"):
        made_of("a", [])


def test_ratios_are_of_pairs_not_of_medians() -> None:
    figure = ratio("a", [2.0, 40.0, 600.0], [1.0, 10.0, 100.0])
    assert figure.samples == (2.0, 4.0, 6.0)
    assert figure.value == 4.0
    with pytest.raises(ValueError, match="zip"):
        ratio("a", [1.0], [1.0, 2.0])


@pytest.mark.parametrize(
    ("figure", "less"),
    [
        (Figure("a", 1, "s"), True),
        (Figure("a", 1, "ms"), True),
        (Figure("a", 1, "tokens/s"), False),
        (Figure("a", 1, "s", at_least=1), False),
        (Figure("a", 1, "", at_most=1), True),
        (Figure("a", 1, "%", lower_is_better=True), True),
        (Figure("a", 1, "MB"), None),
    ],
)
def test_what_is_better(figure: Figure, less: bool | None) -> None:
    assert figure.less_is_better is less


def test_rows_say_what_is_known() -> None:
    assert Figure("a", 1.5, "s").row().split() == ["a", "1.5", "s"]
    assert "(range)" in made_of("a", [1.0, 2.0], "s").row()
    row = made_of("a", range(1, 21), "s", at_least=20).row()
    assert "6 … 15" in row
    assert row.endswith(">= 20  NOT MET")
    assert percentile([3, 1, 2], 0.5) == 2


def test_a_ratio_of_rounds_is_that_of_their_means() -> None:
    found = ratio_of_rounds("turn_2_sessions_over_1", [[2.0, 4.0, 3.0], [1.0, 3.0]], [[1.0, 1.0], [4.0]])
    assert found.samples == (3.0, 0.5)
    with pytest.raises(ValueError, match="zip"):
        ratio_of_rounds("uneven", [[1.0], [1.0]], [[1.0]])
