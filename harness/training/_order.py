"""Order of training: the items of an optimizer step, and how a step is cut into micro-batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from harness.core.arrays import IntArray
from harness.core.permutation import permuted
from harness.families.text_rows import TextRows
from harness.inference.features import FeatureRows, Features
from harness.inference.pairs import Alternatives


def step_items(count: int, batch: int, seed: int, step: int) -> IntArray:
    """The items of optimizer step ``step`` (from 0): a fresh permutation of all items each epoch, ``batch`` at a time.

    A pure function of its arguments, so that a resumed run sees the same data without replaying anything.
    """
    steps = steps_in_epoch(count, batch)
    epoch, position = divmod(step, steps)
    places = np.arange(position * batch, min((position + 1) * batch, count))
    return permuted(places, count, [seed, epoch])


def in_step(features: FeatureRows, batch: int, turn: int, seed: int, step: int) -> FeatureRows:
    """The rows as an optimizer step has them, ``turn`` steps of their task after the first.

    Of items that are alternatives they are those drawn for its epoch; what else is drawn is drawn for the step.
    """
    if isinstance(features, Alternatives):
        return replace(features, epoch=turn // steps_in_epoch(features.item_count, batch))
    return features.at_step(seed, step) if isinstance(features, Features | TextRows) else features


def items_seen(count: int, batch: int, steps: int) -> int:
    """The items that so many steps of a task of ``count`` items have, counted each time."""
    epochs, more = divmod(steps, steps_in_epoch(count, batch))
    return epochs * count + min(more * batch, count)


def steps_in_epoch(count: int, batch: int) -> int:
    """Steps that see every item once; the last one may be smaller."""
    return -(-count // batch)


def micro_batches(features: FeatureRows, items: IntArray, budget: int, *, padding: str = "right") -> Iterator[IntArray]:
    """Rows of the step's items, similar lengths together, at most ``budget`` padded tokens each; items stay whole.

    So do bundles of ``features.together`` consecutive items; a last, smaller bundle makes a separate micro-batch.
    With ``padding`` "none" the longest rows of the bundles in a micro-batch have one length.
    """
    if not len(items):
        return
    lengths = features.lengths
    spans = [features.rows_of(items[place : place + 1]) for place in range(len(items))]
    longest = np.array([lengths[rows].max(initial=1) for rows in spans], dtype=np.int64)
    edges = np.arange(0, len(items), features.together)
    longest, sizes = np.maximum.reduceat(longest, edges), np.add.reduceat([len(rows) for rows in spans], edges)
    bundles = [items[edge : edge + features.together] for edge in edges]
    chosen: list[IntArray] = []
    rows = 0
    width = 0
    for index in np.argsort(-longest, kind="stable"):
        size = int(sizes[index])
        if len(bundles[index]) < features.together:
            yield features.rows_of(bundles[index])
            continue
        other = padding == "none" and int(longest[index]) != width
        if chosen and ((rows + size) * width > budget or other):
            yield features.rows_of(np.concatenate(chosen))
            chosen, rows, width = [], 0, 0
        width = max(width, int(longest[index]))
        chosen.append(bundles[index])
        rows += size
    if chosen:
        yield features.rows_of(np.concatenate(chosen))
