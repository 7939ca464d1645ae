"""Helpers of baselines: the most frequent label, and a random stream for each unit."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from harness.types.units import UnitExamples

L = TypeVar("L")


def most_frequent(observed: Iterable[L], labels: tuple[L, ...]) -> L:
    """The label observed most often, the earlier one of ``labels`` in a tie; the first where nothing is observed."""
    counts = Counter(observed)
    return max(labels, key=lambda label: counts[label])


def random_stream(unit: UnitExamples, seed: int) -> np.random.Generator:
    """Random numbers that are the same for a unit and seed, and independent between units."""
    name = f"{unit.task}/{unit.language}/{unit.split}"
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
