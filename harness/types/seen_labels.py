"""The labels that training has seen, of a task whose metric ``zero_shot:LABEL,LABEL`` parts its classes by them."""

from __future__ import annotations

from collections.abc import Collection

from harness.core.errors import DataError, did_you_mean

METRIC = "zero_shot"


def seen_in(metric: str) -> tuple[str, ...]:
    """The labels that the metric names; () for another metric."""
    head, _, named = metric.partition(":")
    return tuple(label.strip() for label in named.split(",") if label.strip()) if head == METRIC else ()


def check(metric: str, labels: Collection[str]) -> None:
    """Raises :class:`DataError` where the metric names a label that the task lacks, or leaves none unseen."""
    if metric.partition(":")[0] != METRIC:
        return
    seen = seen_in(metric)
    for label in seen:
        if labels and label not in labels:
            raise DataError(f"the metric {metric!r} names {label!r}", hint=did_you_mean(label, labels))
    if not seen or (labels and set(labels) <= set(seen)):
        raise DataError(
            f"the metric {metric!r} must name the labels that training has seen, and leave out at least one",
            hint=f"such as {METRIC}:{','.join(list(labels)[:-1]) or 'LABEL,LABEL'}; the metric macro_f1 needs no names",
        )
