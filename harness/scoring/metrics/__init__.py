"""Metrics by name."""

from __future__ import annotations

from typing import Any

from harness.core.errors import UsageError, did_you_mean
from harness.core.imports import load_object
from harness.scoring.metrics.accuracy import Accuracy, AccuracyF1, WeightedF1
from harness.scoring.metrics.answers import Mlqa, Squad, Squad2
from harness.scoring.metrics.base import AdditiveMetric, Metric
from harness.scoring.metrics.caption_match import CaptionMatch
from harness.scoring.metrics.chunks import ChunkF1, LegacyChunkF1
from harness.scoring.metrics.macro_f1 import MacroF1, ZeroShot
from harness.scoring.metrics.retrieval import AveragePrecision, MiningF1, ReciprocalRank
from harness.scoring.metrics.scene_slots import SceneSlots
from harness.types import seen_labels

METRICS: dict[str, type[AdditiveMetric]] = {
    kind.name: kind
    for kind in (
        Accuracy,
        AccuracyF1,
        WeightedF1,
        MacroF1,
        LegacyChunkF1,
        ChunkF1,
        Squad,
        Squad2,
        Mlqa,
        MiningF1,
        ReciprocalRank,
        AveragePrecision,
        CaptionMatch,
        SceneSlots,
    )
}

_GENERATION = "generation"
"""Imported by the runs that use it alone."""


def get_metric(name: str) -> Metric:
    """The metric of this name.

    Besides the names in :data:`METRICS`: ``accuracy_f1:LABEL`` (F1 of that label), ``zero_shot:LABEL,LABEL`` (those labels
    are seen in training), ``generation`` and ``generation:NAME`` (an identifier of languages, see
    :class:`~harness.scoring.metrics.generation.Generation`), ``evaluate:MODULE`` (any metric of Hugging Face ``evaluate``,
    see :class:`~harness.scoring.metrics.hub.EvaluateMetric`), ``package.module:Class`` (a plugin's).
    :class:`UsageError` with suggestions for an unknown name.
    """
    head, colon, rest = name.partition(":")
    if name in METRICS:
        return METRICS[name]()
    if head == "accuracy_f1" and rest:
        return AccuracyF1(rest)
    if head == seen_labels.METRIC and rest:
        return ZeroShot(seen_labels.seen_in(name))
    if head == _GENERATION:
        from harness.scoring.metrics.generation import Generation

        return Generation(rest or "builtin")
    if head == "evaluate" and rest:
        from harness.scoring.metrics.hub import EvaluateMetric

        return EvaluateMetric(name)
    if colon:
        return _own(name)
    raise UsageError(f"unknown metric {name!r}", hint=did_you_mean(name, [*METRICS, _GENERATION]))


def _own(reference: str) -> Metric:
    kind = load_object(reference)
    if not (isinstance(kind, type) and issubclass(kind, Metric)):
        raise UsageError(
            f"{reference!r} is not a metric", hint="it must be a subclass of harness.scoring.metrics.base.Metric"
        )
    return _as_additive(kind)()


def _as_additive(kind: type[Metric]) -> type[Metric]:
    """The class, as an additive metric if it was written for one before there was a class of that name."""
    if issubclass(kind, AdditiveMetric) or not getattr(kind, "additive", True):
        return kind
    if not all(callable(getattr(kind, name, None)) for name in ("statistics", "finish")):
        return kind
    return type(kind.__name__, (kind, AdditiveMetric), {"__doc__": kind.__doc__, "__module__": kind.__module__})


def as_evaluate(name: str) -> Any:
    """One of our metrics as an ``evaluate.Metric``: ``compute(predictions=..., references=..., language="en")``."""
    from harness.scoring.metrics.hub import wrap

    return wrap(get_metric(name))
