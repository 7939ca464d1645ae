"""A random order of a large corpus, computed place by place."""

from __future__ import annotations

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.core.permutation import SHUFFLED, permuted
from harness.training._order import step_items


@given(st.integers(1, 3 * SHUFFLED), st.integers(0, 2**40), st.integers(0, 9))
def test_every_item_has_one_place_in_the_order_of_an_epoch(count: int, seed: int, epoch: int) -> None:
    order = permuted(np.arange(count), count, [seed, epoch])
    assert (np.sort(order) == np.arange(count)).all()
    some = np.array([0, count // 2, count - 1])
    assert (permuted(some, count, [seed, epoch]) == order[some]).all()


def test_the_order_of_items_is_uncorrelated_with_their_numbers_and_other_epochs() -> None:
    count = 40_000
    order = permuted(np.arange(count), count, [3, 0])
    other = permuted(np.arange(count), count, [3, 1])
    assert abs(np.corrcoef(np.arange(count), order)[0, 1]) < 0.02
    assert abs(np.corrcoef(order, other)[0, 1]) < 0.02
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.02
    assert (order == np.arange(count)).sum() < 10 and (order == other).sum() < 10  # one each, on average
    places = np.bincount(order[:4_000] * 20 // count, minlength=20)
    assert ((places - 200) ** 2 / 200).sum() < 45  # chi-square of 19 degrees of freedom, p = 0.001


def test_a_step_of_a_billion_items_takes_no_memory() -> None:
    tracemalloc.start()
    items = step_items(10**9, 256, 42, 1_234)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert len(np.unique(items)) == 256 and items.min() >= 0 and items.max() < 10**9
