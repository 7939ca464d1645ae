"""A random order of any number of items, of which only the wanted places are computed.

A balanced Feistel network is a permutation of all numbers of an even number of bits; values beyond the count are sent
through it again until they fall below (cycle walking: Black and Rogaway 2002, Ciphers with Arbitrary Finite Domains).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray

ROUNDS = 6
SHUFFLED = 1 << 14
"""Up to this many items are simply shuffled."""


def permuted(positions: IntArray, count: int, key: Sequence[int]) -> IntArray:
    """The items at these positions of a random order of ``range(count)`` that depends on ``key`` (non-negative) alone.

    Time and memory grow with the number of positions, not with ``count``.
    """
    if count <= SHUFFLED:
        return np.random.default_rng(key).permutation(count)[positions]
    half = np.uint64(((count - 1).bit_length() + 1) // 2)
    mask = (np.uint64(1) << half) - np.uint64(1)
    keys = np.random.SeedSequence(key).generate_state(ROUNDS, np.uint64)
    values = np.asarray(positions).astype(np.uint64)
    beyond = np.ones(len(values), np.bool_)
    while beyond.any():
        left, right = values[beyond] >> half, values[beyond] & mask
        for round_key in keys:
            left, right = right, left ^ (_mixed(right + round_key) & mask)
        values[beyond] = (left << half) | right
        beyond = values >= np.uint64(count)
    return values.astype(np.int64)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finishing function (Steele et al. 2014): every bit of the input changes half of the output."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
