"""Sequences that look their items up behave as lists do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.lookup import LookedUp


class Squares(LookedUp[int]):
    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def _item(self, index: int) -> int:
        assert 0 <= index < self.count
        return index * index


INDEX = st.integers(-9, 9)


@given(st.integers(0, 7), INDEX, st.slices(7))
def test_items_and_slices_are_those_of_the_list(count: int, index: int, places: slice) -> None:
    looked_up, held = Squares(count), [number * number for number in range(count)]
    assert looked_up[places] == held[places] and list(looked_up) == held
    if -count <= index < count:
        assert looked_up[index] == held[index]
    else:
        with pytest.raises(IndexError):
            looked_up[index]
