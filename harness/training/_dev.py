"""The English dev score of a stage in training, by the same files and metrics as any other score, and its dev loss."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import DataError
from harness.data.languages import distinct
from harness.models.device import sent
from harness.models.padding import Unpadded
from harness.models.swapped_adapters import adapters_in
from harness.scoring.files import score_unit
from harness.scoring.metrics import get_metric
from harness.scoring.metrics.base import AdditiveMetric
from harness.scoring.metrics.no_answer import Best, best_thresholds
from harness.training._order import micro_batches
from harness.training.stage import Stage, StageTask
from harness.types.languages import LANGUAGE
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from harness.core.arrays import OutputRows
    from harness.inference.features import FeatureRows
    from harness.inference.forward import Forward
    from harness.inference.session import Compute

LOSS_TOKENS = 512
"""Padded tokens of a batch on a processor where dev examples go through the model once more, for the loss."""


def dev_scores(
    stage: Stage, models: Callable[[], Sequence[Any]], tokenizer: PreTrainedTokenizerBase, compute: Compute
) -> Callable[[], dict[str, Any]] | None:
    """Returns a function that scores the stage's ``models``, one a task, on dev data; None where no task has any.

    ``score`` is the mean of the tasks' scores (0-100), which are under ``tasks`` where there are several. ``loss`` is that of
    their mean losses a term, which are under ``losses`` then; there is none where a loss is not finite, where labels are
    not those that are trained on, or of windows that are read beside those of the English question. ``best_thresholds``
    are, for each task with questions without an answer, those of :func:`best_thresholds`.
    """
    pairs = [(index, task) for index, task in enumerate(stage.tasks) if task.dev and task.dev.examples]
    # An auxiliary task does not choose the checkpoint of the others.
    scored = [(index, task) for index, task in pairs if not task.family.auxiliary] or pairs
    if not scored:
        return None

    for _, task in scored:
        get_metric(task.family.metric_name(task.task.metric)).check_usable()
    rows: dict[int, FeatureRows] = {}

    def score() -> dict[str, Any]:
        scores: dict[str, float] = {}
        losses: dict[str, float] = {}
        thresholds: dict[str, Any] = {}
        for index, task in scored:
            seen: list[tuple[FeatureRows, Mapping[str, OutputRows]]] = []
            forward = compute.forward(
                models()[index], tokenizer, watch=lambda features, outputs, seen=seen: seen.append((features, outputs))
            )
            unit = dev_unit(task, stage.options.eval_limit)
            scores[task.task.name], best = dev_score(task, forward, unit)
            one = not task.family.joins  # else what is predicted are not the examples that are trained on
            sums = task.family.loss_of_outputs(*seen[0], unit.examples) if one and len(seen) == 1 else None
            if sums is None and not unit.other:
                with suppress(DataError):  # a tag that no training example has
                    if index not in rows:
                        features = task.family.features(tokenizer, unit.examples, training=True)
                        rows[index] = task.family.in_languages(forward, features, [unit])
                    sums = _summed_loss(task, forward, rows[index], stage.options.batch_tokens)
            if sums and sums[1] and math.isfinite(sums[0]):
                losses[task.task.name] = round(sums[0] / sums[1], 6)
            if best:
                thresholds[task.task.name] = {name: dataclasses.asdict(found) for name, found in best.items()}
        return {
            "score": sum(scores.values()) / len(scores),
            **({"loss": round(sum(losses.values()) / len(losses), 6)} if len(losses) == len(scores) else {}),
            **({"tasks": scores} if len(scores) > 1 else {}),
            **({"losses": losses} if len(scores) > 1 and losses else {}),
            **({"best_thresholds": thresholds} if thresholds else {}),
        }

    return score


def dev_unit(task: StageTask, limit: int = 0) -> UnitExamples:
    """The task's dev split, or its first ``limit`` examples."""
    assert task.dev is not None
    wanted, known = slice(limit or None), task.dev.languages
    several = () if distinct(known) <= {"en"} else known[wanted]
    other = task.dev_partners.examples[wanted] if task.dev_partners else ()
    return UnitExamples(task.task.name, "en", "dev", task.dev.examples[wanted], languages=several, other=other)


def dev_score(task: StageTask, forward: Forward, unit: UnitExamples) -> tuple[float, dict[str, Best]]:
    """Score (0-100) of a model on the task's dev split.

    SQuAD v2.0: each number of the metric at the threshold of no answer that is best for it (PROTOCOL 11.2); with them.
    """
    [unit] = task.family.join([unit])
    prediction = next(iter(task.family.predict(forward, [unit])))
    metric = get_metric(task.family.metric_name(task.task.metric))
    if "null_minus_best" in prediction.facts and isinstance(metric, AdditiveMetric):
        best = _at_best_threshold(metric, unit, prediction)
        return sum(best[key].value for key in metric.primary) / len(metric.primary), best
    with tempfile.TemporaryDirectory(prefix="harness-dev-") as name:
        predictions, labels = (Path(name) / f"{side}.{task.format.extension}" for side in ("predictions", "labels"))
        task.format.write_predictions(predictions, unit.examples, prediction.predictions)
        task.format.write_labels(labels, unit.examples)
        result = score_unit(task.task.name, metric, task.format, "en", predictions, labels, task.task.labels)
    return float(sum(result.metrics[key].value for key in metric.primary) / len(metric.primary)), {}


def _summed_loss(task: StageTask, forward: Forward, features: FeatureRows, budget: int) -> tuple[float, float]:
    """The sums of the family's loss over all items, which go through the model in micro-batches as in training."""
    import torch

    if forward.on_processor:
        budget = min(budget, LOSS_TOKENS)
    total = terms = 0.0
    with torch.inference_mode(), forward.autocast():
        for rows in micro_batches(features, np.arange(features.item_count), budget, padding=forward.padding):
            for adapter, batch in _in_one_language(forward, features, rows):
                with adapter:
                    model = Unpadded(forward.model) if forward.padding == "none" else forward.model
                    loss, count = task.family.loss(model, batch)
                total, terms = total + float(loss), terms + float(count)
    return total, terms


def _in_one_language(
    forward: Forward, features: FeatureRows, rows: np.ndarray[Any, Any]
) -> Iterator[tuple[AbstractContextManager[None], Mapping[str, torch.Tensor]]]:
    """The batch of these rows, or, for a model with language adapters, one for each of them, in which it is active."""
    arrays = features.batch(rows, forward.tokenizer.pad_token_id or 0)
    batch = {name: sent(array, forward.device) for name, array in arrays.items()}
    swapped = adapters_in(forward.model)
    if swapped is None:
        yield nullcontext(), batch
        return
    for code, own in swapped.groups(np.asarray(arrays[LANGUAGE], np.int64)):
        yield swapped.using(code), {name: value[own] for name, value in batch.items()}


def _at_best_threshold(metric: AdditiveMetric, unit: UnitExamples, prediction: Prediction) -> dict[str, Best]:
    gold = [[answer.text for answer in example.answer_spans()[1]] for example in unit.examples]
    facts = prediction.facts
    return best_thresholds(metric, gold, facts["best"], facts["null_minus_best"], unit.language)
