"""The label of a binary task whose F1 the metric ``accuracy_f1`` reports (GLUE's rule for QQP)."""

from __future__ import annotations

from collections.abc import Collection

from harness.core.errors import DataError

METRIC = "accuracy_f1"
USUAL = frozenset({"1", "duplicate"})
"""Positive labels where the metric names none (``accuracy_f1``, not ``accuracy_f1:LABEL``)."""


def check(metric: str, labels: Collection[str]) -> None:
    """Raises :class:`DataError` where none of a task's labels is the positive one, so that F1 would always be 0."""
    head, _, named = metric.partition(":")
    positive = {named} if named else USUAL
    if head == METRIC and labels and positive.isdisjoint(labels):
        raise DataError(
            f"none of {', '.join(map(repr, labels))} is the positive label of the metric {metric!r} "
            f"({' or '.join(map(repr, sorted(positive)))})",
            hint=f"name it in the task's metric, such as {METRIC}:{list(labels)[-1]}, or choose another metric",
        )
