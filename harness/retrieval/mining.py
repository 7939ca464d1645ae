"""Mining of translation pairs from two pools of sentences by margin (Artetxe and Schwenk 2019, arXiv:1811.01136).

The margin of a pair is its cosine against the mean cosine of both sentences with their k nearest neighbours on the
other side, so that a sentence near to everything ("hub") is not everybody's translation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import Vectors
from harness.core.errors import check_choice
from harness.retrieval._knn_exact import MEMORY, Neighbours
from harness.retrieval.knn import nearest
from harness.retrieval.knn_bidirectional import nearest_both_ways
from harness.types import defaults

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

MARGINS = ("ratio", "distance", "absolute")
RETRIEVALS = ("max", "intersect", "forward", "backward")
DUPLICATES = ("drop", "expand")
FEW = 32
"""Up to this k, one pass over the similarities serves both directions."""


@dataclass(frozen=True)
class Mined:
    """Candidate pairs, highest margin first (ties: lowest foreign row, then lowest English row).

    Row numbers int64 (c,) in the two pools, and margins float64 (c,). ``recall`` is the share of true neighbours among
    those that the margins are computed from, measured where the search is approximate.
    """

    foreign: IntArray
    english: IntArray
    margins: FloatArray
    recall: float = 1.0

    def __len__(self) -> int:
        return len(self.margins)

    def __getitem__(self, chosen: NDArray[np.bool_] | slice) -> Mined:
        """The candidates that a mask or slice chooses."""
        return Mined(self.foreign[chosen], self.english[chosen], self.margins[chosen], self.recall)


def mine(
    foreign: Vectors,
    english: Vectors,
    *,
    k: int = defaults.NEIGHBOURS,
    margin: str = defaults.MARGIN,
    retrieval: str = defaults.RETRIEVAL,
    precision: str = "auto",
    device: str = "cpu",
    memory: int = MEMORY,
    search: Callable[[Vectors, Vectors, int], Neighbours] | None = None,
) -> Mined:
    """Pairs of rows of two matrices of unit vectors, (n, d) and (m, d), that are likely translations.

    ``margin``: "ratio" a / b, "distance" a - b or "absolute" a, of the cosine a and the mean b of both neighbourhoods
    (k nearest each, all where there are fewer). ``retrieval``: the best English row of each foreign row ("forward"),
    the best foreign row of each English row ("backward"), the pairs that are both ("intersect"), or both lists pooled
    and matched one to one from the highest margin down ("max"). Pairs with a margin of 0 or less are dropped (XTREME
    does so with "max"). ``search`` (queries, pool, k) finds neighbours in place of the exact pass that ``precision``,
    ``device`` and ``memory`` are for.
    """
    check_choice("margin", margin, MARGINS)
    check_choice("retrieval", retrieval, RETRIEVALS)
    if not len(foreign) or not len(english):
        return Mined(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    if search is not None:
        there, back = search(foreign, english, k), search(english, foreign, k)
    elif k <= FEW:
        there, back = nearest_both_ways(foreign, english, k, precision=precision, device=device, memory=memory)
    else:
        there = nearest(foreign, english, k, device=device, memory=memory)
        back = nearest(english, foreign, k, device=device, memory=memory)
    near_english, forward = _best_by_margin(there, back, margin)
    near_foreign, backward = _best_by_margin(back, there, margin)
    rows, columns = np.arange(len(foreign)), np.arange(len(english))
    if retrieval == "forward":
        left, right, margins = rows, near_english, forward
    elif retrieval == "backward":
        left, right, margins = near_foreign, columns, backward
    elif retrieval == "intersect":
        mutual = near_foreign[near_english] == rows
        left, right, margins = rows[mutual], near_english[mutual], forward[mutual]
    else:
        left = np.concatenate([rows, near_foreign])
        right = np.concatenate([near_english, columns])
        margins = np.concatenate([forward, backward])
    kept = margins > 0
    left, right, margins = left[kept], right[kept], margins[kept]
    order = np.lexsort((right, left, -margins))
    if retrieval == "max":
        order = order[one_to_one(left[order], right[order])]
    return Mined(left[order], right[order], margins[order], (there.recall + back.recall) / 2)


def mine_texts(
    foreign: Sequence[str],
    english: Sequence[str],
    foreign_vectors: Vectors,
    english_vectors: Vectors,
    *,
    duplicates: str = defaults.DUPLICATES,
    k: int = defaults.NEIGHBOURS,
    margin: str = defaults.MARGIN,
    retrieval: str = defaults.RETRIEVAL,
    precision: str = "auto",
    device: str = "cpu",
    memory: int = MEMORY,
    search: Callable[[Vectors, Vectors, int], Neighbours] | None = None,
) -> Mined:
    """As :func:`mine`, for pools in which a sentence may occur more than once; rows count all sentences.

    Identical sentences are mined once, with the vector of the last copy. A pair of which either sentence occurs more
    than once is then dropped ("drop", as in XTREME) or repeated for all copies ("expand", as in jiant).
    """
    check_choice("duplicates", duplicates, DUPLICATES)
    left, right = _Copies(foreign), _Copies(english)
    mined = mine(
        left.distinct(foreign_vectors),
        right.distinct(english_vectors),
        k=k,
        margin=margin,
        retrieval=retrieval,
        precision=precision,
        device=device,
        memory=memory,
        search=search,
    )
    if duplicates == "drop":
        kept = mined[(left.counts[mined.foreign] == 1) & (right.counts[mined.english] == 1)]
        return Mined(left.last[kept.foreign], right.last[kept.english], kept.margins, kept.recall)
    across = right.counts[mined.english]
    pairs = left.counts[mined.foreign] * across
    pair = np.repeat(np.arange(len(mined)), pairs)
    nth = np.arange(len(pair)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    return Mined(
        left.copy(mined.foreign[pair], nth // across[pair]),
        right.copy(mined.english[pair], nth % across[pair]),
        mined.margins[pair],
        mined.recall,
    )


def one_to_one(left: IntArray, right: IntArray) -> NDArray[np.bool_]:
    """Keeps, in the order given, the pairs of which neither side was kept before.

    A pair that is the first of those left on both of its sides is kept regardless of all others; all such pairs are
    taken at once, the pairs they rule out are removed, and so on until none is left.
    """
    kept = np.zeros(len(left), dtype=bool)
    used_left = np.zeros(left.max(initial=-1) + 1, dtype=bool)
    used_right = np.zeros(right.max(initial=-1) + 1, dtype=bool)
    first_left, first_right = np.empty(len(used_left), np.int64), np.empty(len(used_right), np.int64)
    alive = np.arange(len(left))
    while len(alive):
        # Assigned backwards: of several values for one place the last stays, so here the first pair.
        first_left[left[alive[::-1]]] = alive[::-1]
        first_right[right[alive[::-1]]] = alive[::-1]
        won = alive[(first_left[left[alive]] == alive) & (first_right[right[alive]] == alive)]
        kept[won] = used_left[left[won]] = used_right[right[won]] = True
        alive = alive[~(used_left[left[alive]] | used_right[right[alive]])]
    return kept


def _best_by_margin(near: Neighbours, other: Neighbours, margin: str) -> tuple[IntArray, FloatArray]:
    """For each row the neighbour with the highest margin (the nearest of equals), and that margin."""
    cosines = near.scores.astype(np.float64)
    if margin == "absolute":
        margins = cosines
    else:
        hubness = (cosines.mean(1)[:, None] + other.scores.astype(np.float64).mean(1)[near.ids]) / 2
        if margin == "distance":
            margins = cosines - hubness
        else:  # a sentence without any similarity (a zero vector) has no ratio: never a pair
            margins = np.divide(cosines, hubness, out=np.zeros_like(cosines), where=hubness != 0)
    best = margins.argmax(1)[:, None]
    return np.take_along_axis(near.ids, best, 1)[:, 0], np.take_along_axis(margins, best, 1)[:, 0]


class _Copies:
    """The distinct sentences of a pool in the order of their first copy: how many copies, and which rows they are."""

    def __init__(self, texts: Sequence[str]) -> None:
        seen: dict[str, int] = {}
        distinct = np.fromiter((seen.setdefault(text, len(seen)) for text in texts), np.int64, len(texts))
        self.counts: IntArray = np.bincount(distinct, minlength=len(seen)).astype(np.int64)
        self.rows: IntArray = np.argsort(distinct, kind="stable")
        self.ends: IntArray = np.cumsum(self.counts)
        self.last: IntArray = self.rows[self.ends - 1]

    def distinct(self, vectors: Vectors) -> Vectors:
        """One vector a distinct sentence, that of its last copy."""
        return vectors if len(self.last) == len(vectors) else vectors[self.last]

    def copy(self, distinct: IntArray, nth: IntArray) -> IntArray:
        """The row of the nth copy (from 0) of each distinct sentence."""
        rows: IntArray = self.rows[self.ends[distinct] - self.counts[distinct] + nth]
        return rows
