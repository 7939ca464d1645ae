"""The English dev score of a stage in training, by the same files and metrics as any other score."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.languages import distinct
from harness.scoring.files import score_unit
from harness.scoring.metrics import get_metric
from harness.scoring.metrics.base import AdditiveMetric
from harness.scoring.metrics.no_answer import Best, best_thresholds
from harness.training.stage import Stage, StageTask
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from harness.inference.forward import Forward
    from harness.inference.session import Compute


def dev_scores(
    stage: Stage, models: Callable[[], Sequence[Any]], tokenizer: PreTrainedTokenizerBase, compute: Compute
) -> Callable[[], dict[str, Any]] | None:
    """Returns a function that scores the stage's ``models``, one a task, on dev data; None where no task has any.

    ``score`` is the mean of the tasks' scores (0-100), which are under ``tasks`` where there are several;
    ``best_thresholds`` are, for each task with questions without an answer, those of :func:`best_thresholds`.
    """
    pairs = [(index, task) for index, task in enumerate(stage.tasks) if task.dev and task.dev.examples]
    # An auxiliary task does not choose the checkpoint of the others.
    scored = [(index, task) for index, task in pairs if not task.family.auxiliary] or pairs
    if not scored:
        return None

    def score() -> dict[str, Any]:
        scores: dict[str, float] = {}
        thresholds: dict[str, Any] = {}
        for index, task in scored:
            forward = compute.forward(models()[index], tokenizer)
            scores[task.task.name], best = dev_score(task, forward, stage.options.eval_limit)
            if best:
                thresholds[task.task.name] = {name: dataclasses.asdict(found) for name, found in best.items()}
        return {
            "score": sum(scores.values()) / len(scores),
            **({"tasks": scores} if len(scores) > 1 else {}),
            **({"best_thresholds": thresholds} if thresholds else {}),
        }

    return score


def dev_score(task: StageTask, forward: Forward, limit: int = 0) -> tuple[float, dict[str, Best]]:
    """Score (0-100) of a model on the task's dev split, or on its first ``limit`` examples.

    SQuAD v2.0: each number of the metric at the threshold of no answer that is best for it (PROTOCOL 11.2); with them.
    """
    assert task.dev is not None
    wanted, known = slice(limit or None), task.dev.languages
    several = () if distinct(known) <= {"en"} else known[wanted]
    unit = UnitExamples(task.task.name, "en", "dev", task.dev.examples[wanted], languages=several)
    [unit] = task.family.join([unit])
    prediction = next(iter(task.family.predict(forward, [unit])))
    metric = get_metric(task.task.metric)
    if "null_minus_best" in prediction.facts and isinstance(metric, AdditiveMetric):
        best = _at_best_threshold(metric, unit, prediction)
        return sum(best[key].value for key in metric.primary) / len(metric.primary), best
    with tempfile.TemporaryDirectory(prefix="harness-dev-") as name:
        predictions, labels = (Path(name) / f"{side}.{task.format.extension}" for side in ("predictions", "labels"))
        task.format.write_predictions(predictions, unit.examples, prediction.predictions)
        task.format.write_labels(labels, unit.examples)
        result = score_unit(task.task.name, metric, task.format, "en", predictions, labels, task.task.labels)
    return float(sum(result.metrics[key].value for key in metric.primary) / len(metric.primary)), {}


def _at_best_threshold(metric: AdditiveMetric, unit: UnitExamples, prediction: Prediction) -> dict[str, Best]:
    gold = [[answer.text for answer in example.answer_spans()[1]] for example in unit.examples]
    facts = prediction.facts
    return best_thresholds(metric, gold, facts["best"], facts["null_minus_best"], unit.language)
