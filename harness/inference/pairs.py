"""Rows of two languages side by side: an example's row and that of its translation, for networks that read both together."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray
from harness.inference.features import Features, Ragged


def matched(own: IntArray, other: IntArray) -> IntArray:
    """The partner's row that goes beside each row; -1 where the partner has none.

    Given are, for each row, the number of its example, in order. An example's rows go with those of its partner in order,
    the last of which is repeated (windows of a question in the code of Fang et al. 2021).
    """
    begin = np.searchsorted(other, own, side="left")
    count = np.searchsorted(other, own, side="right") - begin
    place = np.arange(len(own)) - np.searchsorted(own, own, side="left")
    return np.where(count > 0, begin + np.minimum(place, count - 1), -1)


def interleaved(own: Features, other: Features, first: IntArray, second: IntArray) -> Features:
    """Pairs of rows as items of two; their numbers count the rows of ``own``, and behind them those of ``other``.

    Both have the same columns. What decoding needs is left out.
    """
    pick = np.stack([first, second], axis=1).ravel()
    segments = own.segments and other.segments and _picked(own.segments, other.segments, pick)
    return Features(
        _picked(own.ids, other.ids, pick),
        np.concatenate([own.example, other.example])[pick],
        segments=segments,
        aligned={
            name: (_picked(ragged, other.aligned[name][0], pick), fill) for name, (ragged, fill) in own.aligned.items()
        },
        columns={name: np.concatenate([column, other.columns[name]])[pick] for name, column in own.columns.items()},
        items=np.arange(0, len(pick) + 1, 2),
        padding_side=own.padding_side,
    )


def _picked(own: Ragged, other: Ragged, pick: IntArray) -> Ragged:
    """These rows, of the one and behind it the other."""
    values = np.concatenate([own.values, other.values])
    starts = np.concatenate([own.offsets[:-1], other.offsets[:-1] + len(own.values)])[pick]
    lengths = np.concatenate([own.lengths, other.lengths])[pick]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    places = np.arange(int(offsets[-1])) + np.repeat(starts - offsets[:-1], lengths)
    return Ragged(values[places], offsets)


@dataclass(frozen=True)
class Beside:
    """Rows to predict, each with its partner's row: a batch has twice as many rows, the partner's behind each.

    It is otherwise like ``own``, the rows that are predicted. A row counts as many tokens as both take when they are padded.
    """

    own: Features
    pairs: Features

    @classmethod
    def of(cls, own: Features, other: Features) -> Beside:
        """The rows of examples, and of as many partners; a row whose partner has none goes with itself."""
        rows, partner = np.arange(len(own)), matched(own.example, other.example)
        return cls(own, interleaved(own, other, rows, np.where(partner < 0, rows, len(own) + partner)))

    def __len__(self) -> int:
        return len(self.own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    @property
    def lengths(self) -> IntArray:
        """Tokens of each pair: twice those of its longer row."""
        longest: IntArray = self.pairs.lengths.reshape(-1, 2).max(axis=1)
        return 2 * longest

    @property
    def longest(self) -> int:
        """Tokens of the longest row on either side."""
        return int(self.pairs.lengths.max(initial=0))

    def batch(self, rows: IntArray, pad_id: int) -> dict[str, NDArray[np.generic]]:
        """Model inputs of these rows, the partner's behind each."""
        return self.pairs.batch(np.stack([2 * rows, 2 * rows + 1], axis=1).ravel(), pad_id)


@dataclass(frozen=True)
class Alternatives(Features):
    """Items of which groups are alternatives: in an epoch each group gives one, drawn from the seed. A group is an item."""

    groups: Ragged = field(default_factory=lambda: Ragged.of(()))
    seed: int = 0
    epoch: int = 0

    @property
    def every(self) -> Features:
        """The rows with all of the alternatives as items."""
        return Features(**{each.name: getattr(self, each.name) for each in fields(Features)})

    @property
    def item_count(self) -> int:
        """Number of groups."""
        return len(self.groups)

    def rows_of(self, items: IntArray) -> IntArray:
        """The rows of what these groups give in the epoch."""
        return super().rows_of(np.array([self._drawn(int(item)) for item in items], np.int64))

    def _drawn(self, item: int) -> int:
        group = self.groups[item]
        return int(group[np.random.default_rng((self.seed, self.epoch, item)).integers(len(group))])
