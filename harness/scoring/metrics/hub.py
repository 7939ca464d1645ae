"""Metrics of Hugging Face ``evaluate`` as ours, and ours as theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from harness.core.border import border
from harness.core.errors import PluginError
from harness.scoring.metrics.base import Metric
from harness.scoring.scale import Scale

_SCALES: dict[str, Scale] = {
    **dict.fromkeys(("accuracy", "f1", "precision", "recall", "roc_auc", "brier_score", "character", "mauve"), "0-1"),
    **dict.fromkeys(("matthews_correlation", "pearsonr", "spearmanr"), "-1-1"),
    **dict.fromkeys(("exact_match", "mean_iou", "confusion_matrix"), "0-1"),
    **dict.fromkeys(("squad", "squad_v2"), "0-100"),
}
"""Scales of modules of ``evaluate``; others are shown as unbounded numbers."""


class EvaluateMetric(Metric):
    """A metric that ``evaluate.load`` finds: ``evaluate:MODULE[?ARGUMENT=VALUE][#RESULT]``.

    ``evaluate:f1?average=macro`` passes arguments to ``compute``; ``#RESULT`` names the primary result where there are
    several. Values stay on the metric's own scale (often 0-1, not 0-100). Label strings become integers where the metric
    wants integers: their own value if all are numbers, else their rank in sorted order.
    """

    def __init__(self, name: str) -> None:
        parts = urlsplit(name)
        self.name = name
        self.module = parts.path
        self.arguments = dict(parse_qsl(parts.query))
        self.scale = _SCALES.get(self.module.rstrip("/").rsplit("/", 1)[-1], "unbounded")
        self.primary = (parts.fragment or self.module.rstrip("/").rsplit("/", 1)[-1],)

    def compute(self, gold: Sequence[Any], predicted: Sequence[Any], language: str) -> dict[str, float]:
        """Every number that the metric returns."""
        hint = "evaluate.load must find it (in the local cache, a folder or the Hub) and it must fit the task"
        with border(f"the metric {self.name!r} failed", PluginError, hint=hint):
            import evaluate

            module = evaluate.load(self.module)
            references, predictions = _encode(module, gold, predicted)
            results = module.compute(predictions=predictions, references=references, **self.arguments)
        values = {key: float(value) for key, value in results.items() if isinstance(value, int | float)}
        (primary,) = self.primary
        if primary not in values:
            raise PluginError(
                f"the metric {self.name!r} returns {', '.join(values) or 'no number'}, not {primary!r}",
                hint=f"name the primary result: {self.name.partition('#')[0]}#{next(iter(values), 'RESULT')}",
            )
        return values


def _encode(module: Any, gold: Sequence[Any], predicted: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    features = module.features[0] if isinstance(module.features, list) else module.features
    dtype = str(getattr(features.get("predictions"), "dtype", ""))
    if not dtype.startswith(("int", "uint")) or not all(isinstance(label, str) for label in (*gold, *predicted)):
        return gold, predicted
    labels = sorted({*gold, *predicted})
    numeric = all(label.isascii() and label.isdigit() for label in labels)
    codes = {label: int(label) if numeric else rank for rank, label in enumerate(labels)}
    return [codes[label] for label in gold], [codes[label] for label in predicted]


def wrap(metric: Metric) -> Any:
    """An ``evaluate.Metric`` that computes ``metric``; predictions and references are its items, values 0-100."""
    import datasets
    import evaluate

    text, texts = datasets.Value("string"), datasets.Sequence(datasets.Value("string"))
    shapes = [(text, text), (datasets.Value("int64"),) * 2, (texts, texts), (text, texts)]

    class Wrapped(evaluate.Metric):  # type: ignore[misc]
        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=type(metric).__doc__ or "",
                citation="",
                inputs_description="predictions, references: one entry an item; language: code of the items' language.",
                features=[datasets.Features({"predictions": left, "references": right}) for left, right in shapes],
            )

        def _compute(self, predictions: Any, references: Any, language: str = "en") -> dict[str, float]:
            return metric.compute(list(references), list(predictions), language)

    Wrapped.__name__ = type(metric).__name__
    return Wrapped(keep_in_memory=True)
