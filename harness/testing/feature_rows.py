"""Check of the rows that families make: a row is the same whenever, wherever and beside whichever others it is batched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray
from harness.core.border import PASSING, in_words
from harness.core.errors import DataError
from harness.families.base import HeadFamily
from harness.inference.features import FeatureRows
from harness.models.load import load_tokenizer
from harness.testing.contract import Status
from harness.testing.families import scored, unit_of
from harness.testing.model import small_model
from harness.testing.subject import Subject
from harness.testing.threads import at_once

Result = tuple[str, Status, str]

PAD = 1
ROUNDS = 5
"""Times that two threads batch the same rows."""

Batch = dict[str, Any]
Read = Callable[[Sequence[int]], Batch]


def rows(subject: Subject) -> Iterator[Result]:
    """The rows of the plugin's families, for prediction and for training, on the data of a task."""
    own = {family.name for family in subject.families}
    for task, part, reason in scored(subject):
        if task.family not in own:
            continue
        what = f"family {task.family}"
        if part is None:
            yield what, "skipped", reason
            continue
        family, unit = unit_of(subject, part)
        if not isinstance(family, HeadFamily):
            continue
        logging.getLogger("transformers").setLevel(logging.ERROR)
        tokenizer = load_tokenizer(small_model(subject.scratch / "model"), family.tokenizer_settings())
        for training in (False, True):
            made = partial(family.features, tokenizer, unit.examples, training=training)
            what = f"family {task.family}, {'training' if training else 'prediction'}"
            try:
                problem = rows_problem(made, drawn=training)
            except DataError as refusal:
                yield what, "passed", f"refused in words: {refusal}"
            else:
                yield what, "failed" if problem else "passed", problem or f"{len(unit.examples)} examples"


def rows_problem(made: Callable[[], Any], *, drawn: bool = False) -> str:
    """Describes the first promise that rows break; "" for sound ones. ``made`` makes the same rows again.

    Where they may be ``drawn`` (masks), the same state of torch's generator, which is saved with a training, has to give
    the same batches; rows that it does not change are held to all promises.
    """
    features = made()
    if not isinstance(features, FeatureRows):
        names = ("together", "lengths", "item_count", "rows_of", "batch", "__len__")
        lacking = [name for name in names if not hasattr(features, name)]
        return f"FeatureRows expected, not {type(features).__name__}, which lacks {', '.join(lacking)}"
    for find in (_sizes, _lengths, _items):
        try:
            if problem := find(features):
                return problem
        except PASSING:
            raise
        except BaseException as error:
            return f"{find.__name__.strip('_')}: {in_words(error)}"
    if not len(features):
        return ""
    one, other = (_seeded(features, seed) for seed in (0, 1))
    every = list(range(len(features)))
    if problem := _shapes(features, one(every)):
        return problem
    if _different(one(every), one(every)):
        return f"batch: {_which(one(every), one(every))} differs when the same rows are asked for again"
    if _different(one(every), _seeded(made(), 0)(every)):
        return f"batch: {_which(one(every), _seeded(made(), 0)(every))} differs when the rows are made again"
    if drawn and _different(one(every), other(every)):
        return ""
    return _beside_others(features, one) or _in_threads(features, one)


def _sizes(features: FeatureRows) -> str:
    lengths = np.asarray(features.lengths[:])
    if len(lengths) != len(features):
        return f"lengths: {len(lengths)} of {len(features)} rows"
    if features.together < 1:
        return f"together: a positive number expected, not {features.together!r}"
    return ""


def _lengths(features: FeatureRows) -> str:
    every = np.arange(len(features))
    whole = np.asarray(features.lengths[:])
    if not np.array_equal(features.lengths[every[::-1]], whole[::-1]):
        return "lengths: an array of rows gives others than all of them"
    if any(int(features.lengths[int(row)]) != whole[row] for row in every):
        return "lengths: a row alone gives another one than all of them"
    return ""


def _items(features: FeatureRows) -> str:
    items = np.arange(features.item_count)
    if not np.array_equal(np.sort(features.rows_of(items)), np.arange(len(features))):
        return "rows_of: the items do not have every row once"
    apart = [features.rows_of(items[place : place + 1]) for place in items[::-1]][::-1]
    if apart and not np.array_equal(np.concatenate(apart), features.rows_of(items)):
        return "rows_of: the rows of an item alone are others"
    return ""


def _shapes(features: FeatureRows, batch: Batch) -> str:
    lengths = np.asarray(features.lengths[:])
    for name in ("input_ids", "attention_mask"):
        if name not in batch:
            return f"batch: no {name}"
    for name, values in batch.items():
        if len(values) != len(features):
            return f"batch: {name} has {len(values)} rows of {len(features)}"
    width = batch["input_ids"].shape[1]
    if width != lengths.max():
        return f"batch: {width} tokens wide, the longest row has {lengths.max()}"
    wrong = np.flatnonzero(batch["attention_mask"].sum(axis=1) != lengths)
    if len(wrong):
        row = int(wrong[0])
        there = int(batch["attention_mask"][row].sum())
        return f"lengths: {lengths[row]} for row {row}, which has {there} tokens in a batch"
    return ""


def _beside_others(features: FeatureRows, read: Read) -> str:
    every = list(range(len(features)))
    together, backwards = read(every), read(every[::-1])
    short = read([int(np.argmin(features.lengths[:]))])
    tokens = [name for name in together if _of_tokens(name, together) and _of_tokens(name, short)]
    for row in every:
        alone = _row(read([row]), 0, tokens)
        for how, found in (
            ("in another order", _row(backwards, -row - 1, tokens)),
            ("beside others", _row(together, row, tokens)),
        ):
            if _different(alone, found):
                return f"batch: {_which(alone, found)} of row {row} differs {how}"
    return ""


def _of_tokens(name: str, batch: Batch) -> bool:
    """Tells whether a column seems to have a value for each token."""
    return bool(batch[name].shape[1:2] == batch["input_ids"].shape[1:])


def _in_threads(features: FeatureRows, read: Read) -> str:
    halves = [list(range(start, len(features), 2)) for start in (0, 1) if start < len(features)]
    alone = [read(half) for half in halves]
    for _ in range(ROUNDS):
        for expected, future in zip(alone, at_once(*(partial(read, half) for half in halves)), strict=True):
            try:
                found = future.result()
            except Exception as error:
                return f"batch: fails where two threads ask at the same time: {in_words(error)}"
            if _different(expected, found):
                return f"batch: {_which(expected, found)} differs where two threads ask at the same time"
    return ""


def _seeded(features: FeatureRows, seed: int) -> Read:
    def read(chosen: Sequence[int]) -> Batch:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            numbers: IntArray = np.asarray(chosen, np.int64)
            return {name: np.array(values) for name, values in features.batch(numbers, PAD).items()}

    return read


def _row(batch: Batch, row: int, tokens: Collection[str]) -> Batch:
    """One row; the columns ``tokens`` without what is padding in it."""
    there = batch["attention_mask"][row] > 0
    return {name: values[row][there] if name in tokens else values[row] for name, values in batch.items()}


def _different(one: Batch, other: Batch) -> bool:
    return bool(_which(one, other))


def _which(one: Batch, other: Batch) -> str:
    """The first column that differs; "" where none does."""
    if one.keys() != other.keys():
        return sorted(one.keys() ^ other.keys())[0]
    return next((name for name in one if not _same(np.asarray(one[name]), np.asarray(other[name]))), "")


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Tells whether values are equal; a row of its own width, such as one of words, may be filled up at either end."""
    if one.shape == other.shape:
        return bool(np.array_equal(one, other, equal_nan=np.issubdtype(one.dtype, np.floating)))
    if one.ndim != 1 or other.ndim != 1:
        return False
    short, long = sorted((one, other), key=len)
    ends = (long[: len(short)], long[len(short) :]), (long[len(long) - len(short) :], long[: len(long) - len(short)])
    return any(np.array_equal(kept, short) and len(np.unique(filled)) == 1 for kept, filled in ends)
