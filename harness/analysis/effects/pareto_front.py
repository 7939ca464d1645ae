"""The front of cost and score: what nothing else beats in both."""

from __future__ import annotations

from collections.abc import Iterable


def on_front(cost: float, score: float, others: Iterable[tuple[float, float]]) -> bool:
    """Tells whether none of the others, (cost, score) each, is at least as good in both and better in one."""
    return not any(
        its_score >= score and its_cost <= cost and (its_score > score or its_cost < cost)
        for its_cost, its_score in others
    )
