"""Buckets of an attribute's values: words as they are, numbers cut at quartiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

BUCKETS = 4
"""Into how many buckets numbers are cut."""
WORDS = 60
"""Maximum number of words with their own bucket; rarer ones are "other"."""

OTHER = "other"


def buckets(values: Sequence[float | str | None]) -> tuple[list[str], list[int]]:
    """Names of the buckets in order, and the bucket of every value, -1 for None.

    Numbers: at most :data:`BUCKETS` buckets with nearly as many values each, cut at quantiles, so that a value is never
    torn apart; few distinct numbers get one bucket each. Words: the commonest first.
    """
    known = [value for value in values if value is not None]
    if not known:
        return [], [-1] * len(values)
    if any(isinstance(value, str) for value in known):
        return _words([None if value is None else str(value) for value in values])
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    finite = numbers[~np.isnan(numbers)]
    distinct = np.unique(finite)
    if len(distinct) <= BUCKETS:
        edges = distinct
    else:
        cuts = np.quantile(finite, np.arange(1, BUCKETS + 1) / BUCKETS, method="inverted_cdf")
        edges = np.unique(cuts)
    places = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers))
    names = []
    for index in range(len(edges)):
        inside = finite[np.searchsorted(edges, finite) == index]
        names.append(_range(float(inside.min()), float(inside.max())))
    return names, [int(place) for place in places]


def _words(values: Sequence[str | None]) -> tuple[list[str], list[int]]:
    counts = Counter(value for value in values if value is not None)
    names = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    kept = names[:WORDS]
    place = {name: index for index, name in enumerate(kept)}
    if len(names) > WORDS:
        kept = [*kept, OTHER]
    return kept, [-1 if value is None else place.get(value, WORDS) for value in values]


def _range(low: float, high: float) -> str:
    def shown(number: float) -> str:
        return f"{number:,.0f}" if number.is_integer() else f"{number:.2f}"

    return shown(low) if shown(low) == shown(high) else f"{shown(low)}–{shown(high)}"
