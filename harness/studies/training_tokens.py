"""Tokens of stages and of test sets: from a sample of the data where they are there, else by assumed lengths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.models.load import load_tokenizer
from harness.studies.cost import Work
from harness.training.objectives.composition import PLAIN, Composition
from harness.training.schedule import make_schedule
from harness.types.options import TrainOptions, as_plain

if TYPE_CHECKING:
    from harness.evaluation.plan import PlannedUnit
    from harness.families.base import HeadFamily
    from harness.training.stage import Stage
    from harness.types.examples import Example
    from harness.types.tasks import IntermediateTask

SAMPLE = 256
"""Examples that are tokenised to learn how long rows are."""


@dataclass(frozen=True)
class Rows:
    """Rows of an example on average: their number, items, and tokens; ``length`` is that of a token's own row."""

    items: float
    tokens: float
    length: float


_ASSUMED: Mapping[str, Rows] = {
    "classification": Rows(1, 43, 43),
    "tagging": Rows(1, 35, 35),
    "span_qa": Rows(88_500 / 87_599, 175 * 88_500 / 87_599, 175),
    "multiple_choice": Rows(1, 4 * 50, 50),
    "dual_encoder": Rows(1, 2 * 60, 60),
    "bitext_retrieval": Rows(1, 2 * 15, 15),
    "bitext_mining": Rows(1, 30, 30),
}
"""By family, of MNLI and SQuAD for two of them. UNVERIFIED: guesses for XLM-R's tokenizer, until data are there."""


@dataclass
class RowLengths:
    """Measures the rows of training data on a sample, each data set once. ``by_family`` keeps them for test sets."""

    by_family: dict[str, Rows] = field(default_factory=dict)
    _known: dict[tuple[str, ...], Rows] = field(default_factory=dict)
    _tokenizers: dict[tuple[str, str], Any] = field(default_factory=dict)

    def of(self, stage: Stage, index: int) -> Rows:
        """The rows of a stage's task, by the tokenizer of the model that the stages start from."""
        part = stage.tasks[index]
        family, folder = part.family, str(stage.start.folder)
        settings = str(sorted(family.tokenizer_settings().items()))
        what = (stage.start.fingerprint, part.train.fingerprint, type(family).__name__, str(as_plain(family.options)))
        if what not in self._known:
            if (folder, settings) not in self._tokenizers:
                self._tokenizers[folder, settings] = load_tokenizer(stage.start.folder, family.tokenizer_settings())
            self._known[what] = _measured(family, self._tokenizers[folder, settings], part.train.examples)
        self.by_family[part.task.family] = self._known[what]
        return self._known[what]


def _measured(family: HeadFamily, tokenizer: Any, examples: Sequence[Example]) -> Rows:
    count = min(SAMPLE, len(examples))
    sample = [examples[i * len(examples) // count] for i in range(count)]
    features = family.features(tokenizer, sample, training=True)
    lengths = np.asarray(features.lengths[np.arange(len(features))], np.float64)
    total = float(lengths.sum())
    return Rows(features.item_count / count, total / count, float((lengths**2).sum() / total) if total else 0.0)


def measured_work(stage: Stage, lengths: RowLengths) -> Work:
    """The tokens of a stage whose data are there, with those of scoring English dev while it trains."""
    rows = [lengths.of(stage, index) for index in range(len(stage.tasks))]
    examples = [part.objective.example_count(len(part.train.examples)) for part in stage.tasks]
    labelled = [not part.family.auxiliary for part in stage.tasks]
    dev = [len(part.dev.examples) if part.dev else 0 for part in stage.tasks]
    scored = [count if chosen or not any(labelled) else 0 for count, chosen in zip(dev, labelled, strict=True)]
    epochs = [part.announced for part in stage.tasks]
    objectives = [part.objective for part in stage.tasks]
    return _work(rows, examples, scored, stage.options, stage.beside, epochs, objectives=objectives)


def assumed_work(
    tasks: Sequence[IntermediateTask],
    options: TrainOptions,
    train_limit: int | None = None,
    beside: int | None = None,
    objectives: Sequence[Composition] = (),
) -> Work | None:
    """The tokens of a stage over ``tasks`` of their official sizes; None where the size of one is not known.

    ``options.train_size`` counts for each of them. ``beside`` is the index of an auxiliary task among several,
    ``objectives`` are those of each task: plain training by default.
    """
    rows = [_assumed(task.family) for task in tasks]
    known = [task.train.rows for task in tasks]
    if any(count is None for count in known):
        return None
    most = min(options.train_size or float("inf"), train_limit or float("inf"))
    objectives = objectives or [PLAIN] * len(tasks)
    examples = [
        objective.example_count(int(min(count or 0, most))) for count, objective in zip(known, objectives, strict=True)
    ]
    dev = [int(min(task.dev.rows or 0, train_limit or float("inf"))) for task in tasks]
    return _assumed_of(_work(rows, examples, dev, options, beside, objectives=objectives))


def scoring_work(
    planned: Iterable[PlannedUnit], measured: Mapping[str, Rows] | None = None, limit: int | None = None
) -> Work:
    """The tokens of scoring test sets, whose sizes are those of the data or, without them, the official ones.

    The lengths of rows are assumed, or those of the training data of the same family (``measured``).
    """
    total = Work()
    for entry in planned:
        count = entry.rows or 0
        family = entry.task.family
        rows = (measured or {}).get(family) or _assumed(family)
        total += Work(scored=rows.tokens * min(count, limit or count), length=rows.length)
    return _assumed_of(total)


def _assumed(family: str) -> Rows:
    return _ASSUMED.get(family) or _ASSUMED["classification"]


def _assumed_of(work: Work) -> Work:
    return replace(work, assumed=True)


def _work(
    rows: Sequence[Rows],
    examples: Sequence[int],
    dev: Sequence[int],
    options: TrainOptions,
    beside: int | None,
    epochs: Sequence[int] = (),
    *,
    objectives: Sequence[Composition],
) -> Work:
    """``epochs`` are the examples of an epoch of each task, where they are not all of its ``examples``."""
    items = [round(each.items * count) for each, count in zip(rows, examples, strict=True)]
    of_epoch = [round(each.items * count) for each, count in zip(rows, epochs or examples, strict=True)]
    schedule = make_schedule(of_epoch, options, beside)
    total = Work()
    for index, (each, count) in enumerate(zip(rows, items, strict=True)):
        steps = int(np.count_nonzero(schedule == index))
        if not count or not each.items:
            continue
        epoch = -(-count // options.batch)  # the last step of an epoch may be smaller
        trained = steps * count / epoch * each.tokens / each.items
        of_dev = min(dev[index], options.eval_limit or dev[index])
        often = (
            (len(schedule) - 1) // options.evaluate_every if options.evaluate_every and options.select != "last" else 0
        )
        objective = objectives[index]
        taught = objective.taught_tokens(trained, count * each.tokens / each.items)
        scored = (often + 1) * of_dev * each.tokens
        total += Work(trained * objective.passes, scored, each.length, taught=taught)
    return total
