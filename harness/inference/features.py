"""Tokenised rows in flat arrays, and batches cut from them without a Python loop over tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray
from harness.types.languages import LANGUAGE, language_number


@dataclass(frozen=True)
class Ragged:
    """Rows of unequal length: row i is ``values[offsets[i]:offsets[i + 1]]``."""

    values: NDArray[np.integer]
    offsets: IntArray

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], dtype: type = np.int64) -> Ragged:
        """Flattens a list of lists."""
        lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        values: NDArray[np.integer] = np.empty(int(offsets[-1]), dtype=dtype)
        for row, start in zip(rows, offsets, strict=False):
            values[start : start + len(row)] = row
        return cls(values, offsets)

    @property
    def lengths(self) -> IntArray:
        """Length of each row."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> NDArray[np.integer]:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def padded(
        self, rows: IntArray, fill: int, width: int | None = None, *, side: str = "right"
    ) -> NDArray[np.integer]:
        """The rows as one matrix (len(rows), width), filled on the right, or left, side; width defaults to the longest row."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        width = int(lengths.max(initial=0)) if width is None else width
        columns = np.arange(width) - (width - lengths[:, None] if side == "left" else 0)
        inside = (columns >= 0) & (columns < lengths[:, None])
        matrix = np.full((len(rows), width), fill, dtype=self.values.dtype)
        matrix[inside] = self.values[(self.offsets[rows][:, None] + columns)[inside]]
        return matrix


@runtime_checkable
class FeatureRows(Protocol):
    """Sequences of the model, made beforehand (:class:`Features`) or when they are asked for.

    A *row* is one sequence; an *item*, what a training step counts, is one row or several.
    """

    def __len__(self) -> int: ...

    @property
    def together(self) -> int:
        """Number of consecutive items of a training step that share a micro-batch, even beyond its token budget."""

    @property
    def lengths(self) -> IntArray:
        """Tokens in each row: an array, or an object that is indexed by a row, a slice or an array of rows."""

    @property
    def item_count(self) -> int:
        """Number of items."""

    def rows_of(self, items: IntArray) -> IntArray:
        """The rows of these items, item by item."""

    def batch(self, rows: IntArray, pad_id: int) -> dict[str, NDArray[np.generic]]:
        """Model inputs of these rows, arrays (rows, ...) padded to the longest row."""


@dataclass(frozen=True)
class Features:
    """Rows ready for the model, in memory: the usual :class:`FeatureRows`.

    ``ids`` holds token ids with special tokens, ``segments`` token types where the model has them; ``example`` maps each
    row to the example it came from. ``aligned`` are further ragged columns padded with the given value when batched
    (``{"labels": (ragged, -100)}``: token labels); ``columns`` are arrays with one entry (or row) a row of features;
    ``items`` are offsets into rows: item i is rows ``items[i]:items[i + 1]`` (None: every row is an item); ``together``
    consecutive items of a training step share a micro-batch, even beyond its token budget (negatives of each other).
    ``facts`` is what else decoding needs (offset mappings and the like), never sent to the device. Batches are
    filled up on the ``padding_side``, "right" or "left". ``languages`` are the numbers of the rows' languages, which
    :func:`with_languages` puts in.
    """

    ids: Ragged
    example: IntArray
    segments: Ragged | None = None
    aligned: Mapping[str, tuple[Ragged, int]] = field(default_factory=dict)
    columns: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    items: IntArray | None = None
    together: int = 1
    facts: Mapping[str, object] = field(default_factory=dict)
    padding_side: str = "right"
    languages: IntArray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> IntArray:
        """Tokens in each row."""
        return self.ids.lengths

    @property
    def item_count(self) -> int:
        """Number of items."""
        return len(self) if self.items is None else len(self.items) - 1

    def rows_of(self, items: IntArray) -> IntArray:
        """The rows of these items, item by item."""
        if self.items is None or not len(items):
            return items
        return np.concatenate([np.arange(self.items[i], self.items[i + 1]) for i in items])

    def token_ids(self) -> IntArray:
        """The distinct numbers in ``ids`` and in the aligned columns, sorted; those below 0 are no tokens."""
        own = np.flatnonzero(np.bincount(self.ids.values))
        others = [np.unique(ragged.values) for ragged, _ in self.aligned.values()]
        found = np.unique(np.concatenate([own, *others])).astype(np.int64)
        return found[found >= 0]

    def at_step(self, seed: int, step: int) -> Features:
        """The rows as an optimizer step of a training with this seed has them: others where something in them is drawn anew."""
        return self

    def batch(self, rows: IntArray, pad_id: int) -> dict[str, NDArray[np.generic]]:
        """Model inputs of these rows, padded to the longest: input_ids, attention_mask, and every other column."""
        side = self.padding_side
        ids = self.ids.padded(rows, pad_id, side=side)
        there = np.arange(ids.shape[1]) < self.ids.lengths[rows][:, None]
        batch: dict[str, NDArray[np.generic]] = {
            "input_ids": ids.astype(np.int64),
            "attention_mask": (there[:, ::-1] if side == "left" else there).astype(np.int64),
        }
        if self.segments is not None:
            batch["token_type_ids"] = self.segments.padded(rows, 0, side=side).astype(np.int64)
        for name, (ragged, fill) in self.aligned.items():
            batch[name] = ragged.padded(rows, fill, side=side).astype(np.int64)
        for name, column in self.columns.items():
            batch[name] = column[rows]
        if self.languages is not None:
            batch[LANGUAGE] = self.languages[rows]
        return batch

    def with_languages(self, languages: Sequence[str]) -> Features:
        """The same rows, each in the language of its example; ``languages`` has a code for each example."""
        numbers = {code: language_number(code) for code in dict.fromkeys(languages)}
        of_each = np.fromiter((numbers[code] for code in languages), np.int64, len(languages))
        return replace(self, languages=of_each[self.example])


@dataclass(frozen=True)
class _InOneLanguage:
    """Rows of any kind, all in one language."""

    rows: FeatureRows
    language: int

    def __len__(self) -> int:
        return len(self.rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rows, name)

    @property
    def languages(self) -> IntArray:
        """The number of the language, for each row."""
        return np.full(len(self.rows), self.language, np.int64)

    def batch(self, rows: IntArray, pad_id: int) -> dict[str, NDArray[np.generic]]:
        """The batch, with the language."""
        return {**self.rows.batch(rows, pad_id), LANGUAGE: np.full(len(rows), self.language, np.int64)}


def with_languages(features: FeatureRows, languages: Sequence[str]) -> FeatureRows:
    """The rows with their languages, which a batch has as the column ``language``, a number for each row.

    ``languages`` has a code for each example. Rows that cannot tell which example they are of (a class of their own,
    without the method ``with_languages``) come with their language where it is one for all, and else as they are.
    """
    if not len(languages):
        return features
    if hasattr(features, "with_languages"):
        return features.with_languages(languages)  # type: ignore[no-any-return]
    known = list(dict.fromkeys(languages))
    return _InOneLanguage(features, language_number(known[0])) if len(known) == 1 else features


def languages_of_rows(features: FeatureRows) -> IntArray | None:
    """The numbers of the rows' languages, where :func:`with_languages` has put them in and they are known beforehand."""
    return features.languages if isinstance(features, Features | _InOneLanguage) else None


def longest_row(features: FeatureRows) -> int:
    """Tokens of the longest row; of running text, which is not counted before its turn comes, those that it may have.

    0 where nothing is known of rows that are made when they are needed.
    """
    longest, lengths = getattr(features, "longest", None), features.lengths
    if longest is not None or not isinstance(lengths, np.ndarray):
        return int(longest or 0)
    return int(lengths.max(initial=0))
