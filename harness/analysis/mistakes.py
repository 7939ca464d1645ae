"""Mistakes: the most frequent confusions and the worst examples of each unit, worst languages first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.analysis._example_text import Parts, Texts, nothing, shorten, texts_of
from harness.core.errors import HarnessError
from harness.registry.registry import Registry
from harness.results.run_view import RunView
from harness.scoring.formats.base import Aligned
from harness.scoring.metrics.base import AdditiveMetric

if TYPE_CHECKING:
    from harness.scoring.files import TaskScorer


@dataclass(frozen=True)
class Mistake:
    """One wrong item: its id and its labelled texts, the right and the predicted answer last."""

    id: str
    parts: Parts


@dataclass(frozen=True)
class UnitMistakes:
    """The mistakes of a unit: ``wrong`` of ``total`` items, confusions as (gold, predicted, count), some examples."""

    task: str
    code: str
    score: float
    wrong: int
    total: int
    confusions: tuple[tuple[str, str, int], ...]
    examples: tuple[Mistake, ...]


def mistakes(
    system: RunView, registry: Registry, *, languages: int = 5, examples: int = 4, data_dir: str | Path | None = None
) -> Iterator[UnitMistakes]:
    """Mistakes in the ``languages`` worst languages of each task, from the run's prediction and label files.

    Units without files, or whose files are not the ones that were scored, are left out, and so are tasks whose plugin
    is not installed. Texts other than questions need ``data_dir`` (see :func:`harness.analysis._example_text.texts_of`).
    """
    from harness.scoring.files import TaskScorer

    if system.path is None:
        return
    for name, task in system.tasks.items():
        try:
            scorer = TaskScorer.of(registry, name)
        except HarnessError:
            continue
        for code in sorted(task.units, key=lambda code: task.units[code].score.value)[:languages]:
            try:
                files = system.files(task.units[code].record)
                aligned = scorer.format.align(files[0], files[1], scorer.labels)
                wrong = _wrong(scorer, aligned, code)
            except HarnessError:
                continue
            texts = (
                texts_of(system, registry, name, code, scorer.format, aligned, files[1], data_dir) if wrong else nothing
            )
            yield UnitMistakes(
                task=name,
                code=code,
                score=task.units[code].score.value,
                wrong=len(wrong),
                total=len(aligned.gold),
                confusions=_confusions(aligned),
                examples=tuple(_mistake(aligned, texts, item) for item in _spread(wrong, examples)),
            )


def _mistake(aligned: Aligned, texts: Texts, item: int) -> Mistake:
    gold, predicted, parts = aligned.gold[item], aligned.predicted[item], texts(item)
    # the texts of tags, choices and rows say what was right and what was predicted better than numbers do
    said = parts and not isinstance(predicted, str | bool | None)
    return Mistake(aligned.ids[item].replace("\t", " – "), parts if said else (*parts, *_answers(gold, predicted)))


def _wrong(scorer: TaskScorer, aligned: Aligned, code: str) -> list[tuple[float, int]]:
    """(value, position) of the items that are not right, worst first."""
    metric = scorer.metric
    if not isinstance(metric, AdditiveMetric):
        return [
            (0.0, i) for i, pair in enumerate(zip(aligned.gold, aligned.predicted, strict=True)) if pair[0] != pair[1]
        ]
    each = metric.finish(metric.statistics(aligned.gold, aligned.predicted, code))
    values = np.mean([np.broadcast_to(each[name], len(aligned.gold)) for name in metric.primary], axis=0)
    # equal is right even where the item itself has no value (a sentence without entities has no F1)
    return [
        (float(values[i]), int(i))
        for i in np.argsort(values, kind="stable")
        if values[i] < 100 and aligned.gold[i] != aligned.predicted[i]
    ]


def _spread(wrong: Sequence[tuple[float, int]], count: int) -> list[int]:
    """The worst items; among equally bad ones some from everywhere in the file."""
    if not wrong:
        return []
    worst = [position for value, position in wrong if value == wrong[0][0]]
    if len(worst) > count:
        return [worst[int(i)] for i in np.linspace(0, len(worst) - 1, count)]
    return [position for _, position in wrong[:count]]


def _confusions(aligned: Aligned, most: int = 5) -> tuple[tuple[str, str, int], ...]:
    """The commonest pairs of a label or tag and what was predicted instead; empty for open answers."""
    counts: Counter[tuple[str, str]] = Counter()
    for gold, predicted in zip(aligned.gold, aligned.predicted, strict=True):
        if isinstance(gold, str) and isinstance(predicted, str):
            counts[gold, predicted] += gold != predicted
        elif isinstance(gold, list | tuple) and isinstance(predicted, list | tuple) and len(gold) == len(predicted):
            counts.update((str(g), str(p)) for g, p in zip(gold, predicted, strict=True) if g != p)
    return tuple((*pair, count) for pair, count in counts.most_common(most) if count)


def _answers(gold: Any, predicted: Any) -> Parts:
    if isinstance(gold, bool):
        return (("pair", "not found" if gold else "found, but not a translation"),)
    if isinstance(gold, list | tuple) and isinstance(predicted, str | None):
        right = " / ".join(dict.fromkeys(map(str, gold))) or "no answer"
        guess = "no prediction" if predicted is None else shorten(predicted) or "no answer"
        return (("right", shorten(right)), ("predicted", guess))
    return (("right", shorten(_plain(gold))), ("predicted", shorten(_plain(predicted))))


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
