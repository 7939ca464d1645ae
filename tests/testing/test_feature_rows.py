"""The check of feature rows names what broken rows do, and passes sound ones, drawn ones among them."""

from __future__ import annotations

import random
from time import sleep
from typing import Any

import numpy as np
import pytest

from harness.inference.features import Features, Ragged
from harness.testing.feature_rows import rows_problem

TOKENS = [[5, 6, 7], [8], [9, 10, 11, 12, 13], [14, 15]]


def sound(**more: Any) -> Features:
    return Features(Ragged.of(TOKENS), np.arange(4), **more)


class Rows:
    """Sound rows, made when they are asked for, of which each broken class changes one thing."""

    together = 1

    def __init__(self) -> None:
        self.made = sound()

    def __len__(self) -> int:
        return len(self.made)

    @property
    def lengths(self) -> Any:
        return self.made.lengths

    @property
    def item_count(self) -> int:
        return len(self)

    def rows_of(self, items: Any) -> Any:
        return items

    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        return self.made.batch(rows, pad_id)


class Longer(Rows):
    def __len__(self) -> int:
        return 5

    item_count = 4  # type: ignore[assignment]


class Alone(Rows):
    """Has other lengths for an array of rows."""

    class Lengths:
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: Any) -> Any:
            found = sound().lengths[index]
            return found + 1 if isinstance(index, np.ndarray) else found

    @property
    def lengths(self) -> Any:
        return self.Lengths()


class Twice(Rows):
    def rows_of(self, items: Any) -> Any:
        return np.zeros_like(items)


class Understated(Rows):
    @property
    def lengths(self) -> Any:
        return np.array([2, 1, 5, 2])


class Wide(Rows):
    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        return {name: np.pad(values, ((0, 0), (0, 1))) for name, values in super().batch(rows, pad_id).items()}


class Maskless(Rows):
    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        return {"input_ids": super().batch(rows, pad_id)["input_ids"]}


class Unstable(Rows):
    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        return {**super().batch(rows, pad_id), "weight": np.full(len(rows), random.random())}


class Counted(Rows):
    """Is another one each time it is made."""

    made_so_far = 0

    def __init__(self) -> None:
        super().__init__()
        Counted.made_so_far += 1
        self.number = Counted.made_so_far

    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        return {**super().batch(rows, pad_id), "number": np.full(len(rows), self.number)}


class Relative(Rows):
    """Has a column that depends on the other rows of a batch."""

    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        return {**super().batch(rows, pad_id), "share": np.full(len(rows), 1 / len(rows))}


class Placed(Rows):
    """Has a column of the place in the batch."""

    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        return {**super().batch(rows, pad_id), "place": np.arange(len(rows)) * (len(rows) > 1) * (rows[0] != 0)}


class Buffered(Rows):
    """Keeps the rows of a batch where another thread finds them, too."""

    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        self.rows = rows
        sleep(0.01)
        return super().batch(self.rows, pad_id)


class Drawn(Rows):
    """Draws from torch's generator, as masks do."""

    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        import torch

        return {**super().batch(rows, pad_id), "noise": torch.rand(len(rows)).numpy()}


BROKEN = {
    Longer: "lengths: 4 of 5 rows",
    Alone: "lengths: an array of rows gives others than all of them",
    Twice: "rows_of: the items do not have every row once",
    Understated: "lengths: 2 for row 0, which has 3 tokens in a batch",
    Wide: "batch: 6 tokens wide, the longest row has 5",
    Maskless: "batch: no attention_mask",
    Unstable: "batch: weight differs when the same rows are asked for again",
    Counted: "batch: number differs when the rows are made again",
    Relative: "batch: share of row 0 differs in another order",
    Placed: "batch: place of row 0 differs in another order",
    Buffered: "batch: input_ids differs where two threads ask at the same time",
    Drawn: "batch: noise of row 0 differs in another order",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_broken_rows_are_refused_by_name(kind: type[Rows]) -> None:
    assert rows_problem(kind) == BROKEN[kind]


def test_what_has_another_shape_is_refused_with_what_it_lacks() -> None:
    assert rows_problem(lambda: [1, 2]) == (
        "FeatureRows expected, not list, which lacks together, lengths, item_count, rows_of, batch"
    )


def test_rows_that_raise_are_refused_with_what_they_raised() -> None:
    class Failing(Rows):
        def rows_of(self, items: Any) -> Any:
            raise KeyError("no such item")

    assert rows_problem(Failing) == "items: KeyError: 'no such item'"


def test_rows_may_be_drawn_from_the_saved_generator_in_training_alone() -> None:
    assert rows_problem(Drawn, drawn=True) == ""
    assert rows_problem(Unstable, drawn=True) == BROKEN[Unstable]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"padding_side": "left"},
        {"items": np.array([0, 3, 4])},
        {"aligned": {"labels": (Ragged.of(TOKENS), -100), "words": (Ragged.of([[1], [2, 3], [], [4]]), -1)}},
        {"columns": {"vectors": np.eye(4, dtype=np.float32)}, "segments": Ragged.of(TOKENS)},
    ],
    ids=["plain", "left", "items", "aligned", "columns"],
)
def test_sound_rows_pass(more: dict[str, Any]) -> None:
    assert rows_problem(lambda: sound(**more)) == ""
    assert rows_problem(lambda: sound(**more), drawn=True) == ""


def test_no_rows_pass() -> None:
    nothing = Features(Ragged.of([]), np.arange(0), items=np.zeros(1, np.int64))
    assert rows_problem(lambda: nothing) == ""
