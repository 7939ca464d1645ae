"""A step in parts that fit: as many rows as the token budget holds, and no more."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.inference.features import Features, Ragged
from harness.training._order import micro_batches


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(1, 200))
def test_parts_are_as_large_as_the_budget_allows(lengths: list[int], budget: int) -> None:
    """The longest rows come first; one that is too long for any part is a part of its own."""
    sizes = np.array(lengths)
    features = Features(Ragged(np.zeros(sizes.sum(), np.int64), np.concatenate([[0], np.cumsum(sizes)])), sizes * 0)
    expected: list[list[int]] = []
    for row in np.argsort(-sizes, kind="stable").tolist():
        width = lengths[expected[-1][0]] if expected else 0
        if expected and (len(expected[-1]) + 1) * width <= budget:
            expected[-1].append(row)
        else:
            expected.append([row])
    assert [part.tolist() for part in micro_batches(features, np.arange(len(lengths)), budget)] == expected
