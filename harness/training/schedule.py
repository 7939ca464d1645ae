"""Length of a stage, and the task that each of its optimizer steps trains."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.core.arrays import IntArray
from harness.core.errors import UsageError
from harness.training._order import steps_in_epoch
from harness.types.options import TrainOptions

MOST_STEPS = 1_000_000_000
"""More than any training can take, and as many as fit into the memory for their order."""


def sampling_weights(sizes: Sequence[int], options: TrainOptions) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Probability of each task (PROTOCOL 11.4): by size n; min(n, cap); n^(1/T) of the capped size; or equal."""
    n = np.asarray(sizes, dtype=np.float64)
    if options.sampling == "capped":
        n = np.minimum(n, options.sampling_cap)
    elif options.sampling == "temperature":
        n = np.minimum(n, options.sampling_cap) ** (1 / options.sampling_temperature)
    elif options.sampling == "uniform":
        n = np.ones_like(n)
    weights: np.ndarray[tuple[int], np.dtype[np.float64]] = n / n.sum()
    return weights


def make_schedule(sizes: Sequence[int], options: TrainOptions, beside: int | None = None) -> IntArray:
    """The task of every optimizer step, drawn from the seed; as long as the tasks' own epochs together.

    Of several tasks, an epoch of a large one counts as one of the cap ("capped"); a single one is seen as a whole.
    It is empty where no task has items.
    ``beside`` is the index of an auxiliary task (masked language modelling): it gets ``mlm_ratio`` of all steps, on top
    of the others'.
    """
    if not any(sizes):
        return np.zeros(0, dtype=np.int64)
    tasks = [index for index in range(len(sizes)) if index != beside or len(sizes) == 1]
    most = options.sampling_cap if options.sampling == "capped" and len(tasks) > 1 else max(sizes)
    counted = [min(sizes[i], most) for i in tasks]
    steps = sum(steps_in_epoch(n, options.batch) for n in counted) * options.epochs
    weights = np.zeros(len(sizes))
    weights[tasks] = sampling_weights([sizes[i] for i in tasks], options)
    if len(tasks) < len(sizes):
        weights *= 1 - options.mlm_ratio
        weights[beside] = options.mlm_ratio
        steps /= 1 - options.mlm_ratio
    total = options.max_steps or max(1, math.ceil(steps))
    if total > MOST_STEPS:
        raise UsageError(
            f"option epochs: {options.epochs:g} epochs are {total:.3g} steps, more than {MOST_STEPS:,}",
            hint="--set epochs=3, or --set max_steps=1000",
        )
    if len(sizes) == 1:
        return np.zeros(total, dtype=np.int64)
    rng = np.random.default_rng([options.seed, 1])
    return rng.choice(len(sizes), size=total, p=weights).astype(np.int64)
