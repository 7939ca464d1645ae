"""Counts the decisions of a model that change with the batch size and with the precision. None should.

Padding and the order of additions differ between batch sizes, and bf16 keeps 8 of the 24 bits of a mantissa: scores of a
model change in their last digits, and where two answers were close the decision changes with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from harness.core.errors import DataError, HarnessError, ModelError, UsageError
from harness.core.offline import without_network
from harness.data.access import DataAccess
from harness.data.subset import limited
from harness.evaluation.plan import make_plan
from harness.families.base import Predictor
from harness.inference.forward import Forward
from harness.inference.session import Compute, Session, open_model
from harness.models.reference import parse_model
from harness.models.resolve import Access
from harness.registry.attribution import attributing_errors
from harness.registry.registry import load_part
from harness.types.defaults import INVARIANCE_EXAMPLES
from harness.types.examples import pool_role
from harness.types.options import EvalOptions, build
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.evaluation.plan import PlannedUnit
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class Changes:
    """Decisions of one unit that differ between two ways of computing them.

    ``head`` is the checkpoint's "own", a "random" one from a fixed seed, or "none" where the family needs none.
    ``fp32`` and ``bf16`` count what differs between batches of one and full ones in that precision, ``precision`` what
    differs between the two precisions in full batches. A decision is what is predicted for one example, of a ranking its
    first candidate; of mined pairs, those that only one of the two found.
    """

    family: str
    unit: str
    head: str
    decisions: int
    fp32: int
    bf16: int
    precision: int


@dataclass(frozen=True)
class Invariance:
    """Result of :func:`invariance`; ``unchecked`` gives, for each other family, the reason why none of its units was scored."""

    model: str
    device: str
    limit: int
    changes: tuple[Changes, ...]
    unchecked: dict[str, str]


def invariance(
    model: str, registry: Registry, options: EvalOptions | None = None, *, limit: int = INVARIANCE_EXAMPLES
) -> Invariance:
    """Scores ``limit`` examples of a unit of each family, at batch 1 and in full batches, in fp32 and in bf16.

    Of the ``options``, only those count that say how a model is loaded and where it computes, and ``data_dir``. Of the units
    whose data are there or in the cache, the first whose task the checkpoint has a trained head
    for is taken, or else the first one, under a random head. DataError where no data are present, ModelError where the
    model cannot be loaded.
    """
    options = options or EvalOptions()
    data = DataAccess.of(registry, options.data_dir, offline=True)
    present = [entry for entry in make_plan(registry, data, split="test") if entry.present]
    if not present:
        raise DataError(
            "no test data are present to score",
            hint="--data-dir names a folder in the Hub's layout; `harness data sample FOLDER` writes one to try",
        )
    compute = Compute.of(options, registry)
    with without_network(options.offline):
        session = open_model(parse_model(model), Access.of(options, registry), compute)
    changes, unchecked = [], {}
    by_family = sorted(present, key=lambda entry: entry.task.family)
    for family, entries in groupby(by_family, key=lambda entry: entry.task.family):
        of_family = list(entries)
        try:
            with attributing_errors(of_family[0].task, registry):
                entry, predictor, network, head = _loaded(of_family, session, registry)
                suited = session.with_tokenizer(predictor.tokenizer_settings())
                unit = _examples(entry, predictor, data, limit)
                changes.append(_changes(entry, predictor, suited.forward(network), unit, head))
        except UsageError:
            raise
        except HarnessError as error:
            unchecked[family] = str(error)
    return Invariance(model, compute.device, limit, tuple(changes), unchecked)


def _loaded(
    entries: Sequence[PlannedUnit], session: Session, registry: Registry
) -> tuple[PlannedUnit, Predictor, PreTrainedModel, str]:
    """A unit that the checkpoint has a head for, or the first one with a random head."""
    of_tasks = list({entry.task.name: entry for entry in reversed(entries)}.values())[::-1]
    for entry in of_tasks:
        predictor = _predictor(entry, registry)
        try:
            head = predictor.head_parameters if predictor.trainable else None
            network = session.network(predictor.load, head=head)
        except ModelError:
            continue
        return entry, predictor, network, "own" if head and head(network) else "none"
    entry, predictor = of_tasks[0], _predictor(of_tasks[0], registry)
    return entry, predictor, session.network(predictor.load, ignore_mismatched_sizes=True), "random"


def _predictor(entry: PlannedUnit, registry: Registry) -> Predictor:
    kind = load_part(registry.family(entry.task.family), "implementation")
    return cast(Predictor, kind(entry.task.labels, build(kind.Options, entry.task.options)))


def _examples(entry: PlannedUnit, predictor: Predictor, data: DataAccess, limit: int) -> UnitExamples:
    def load(split: Any, limit: int | None) -> Sequence[Any]:
        return data.load(entry.task, split, limit).examples

    unit, task = entry.unit, entry.task
    dev: Sequence[Any] = ()
    if predictor.needs_dev:
        split = task.languages[unit.language].get("dev")
        if split is None:
            raise DataError(f"{unit.key}: no dev split to learn the threshold on")
        dev = load(split, limit)
    pool: Sequence[Any] = ()
    if task.pool is None:
        examples = load(entry.split, limit)
    else:  # of the candidates, the same share as of the queries
        both = limited([*load(entry.split, None), *load(task.pool, None)], limit)
        examples = [example for example in both if not pool_role(example).pool]
        pool = [example for example in both if pool_role(example).pool]
    (joined,) = predictor.join([UnitExamples(unit.task, unit.language, unit.split, examples, dev, pool)])
    return joined


def _changes(entry: PlannedUnit, predictor: Predictor, forward: Forward, unit: UnitExamples, head: str) -> Changes:
    full = forward.budget

    def decided(dtype: str, budget: int) -> list[str]:
        (prediction,) = predictor.predict(replace(forward, dtype=dtype, budget=budget), [unit])
        return [repr(predictor.decision(predicted)) for predicted in prediction.predictions]

    reference = decided("fp32", full)
    brain = decided("bf16", full)
    aligned = len(reference) == len(unit.examples)
    differing = _differing if aligned else _found_by_one

    return Changes(
        family=entry.task.family,
        unit=entry.unit.key,
        head=head,
        decisions=len(reference),
        fp32=differing(reference, decided("fp32", 1)),
        bf16=differing(brain, decided("bf16", 1)),
        precision=differing(reference, brain),
    )


def _differing(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(first != second for first, second in zip(one, other, strict=True))


def _found_by_one(one: Sequence[str], other: Sequence[str]) -> int:
    """Counts the mined pairs that are in one list only."""
    left, right = Counter(one), Counter(other)
    return (left - right).total() + (right - left).total()
