"""The preview of a run: its units, their data, and those that are done, without loading a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.access import DataAccess
from harness.evaluation.groups import check_options
from harness.evaluation.plan import PlannedUnit, check_selected, make_plan
from harness.inference.session import Compute
from harness.runs.identity import run_identity, same_system
from harness.runs.record import load_record
from harness.training.context import RunContext

if TYPE_CHECKING:
    from harness.models.reference import ModelReference
    from harness.registry.registry import Registry
    from harness.types.benchmarks import Recipe
    from harness.types.options import EvalOptions


@dataclass(frozen=True)
class PreviewedUnit:
    """A unit of a plan; ``examples`` is None without data; ``done``: the run folder has its predictions."""

    planned: PlannedUnit
    examples: int | None
    done: bool

    @property
    def data(self) -> str:
        """The state of its data: "present", "sample", "missing", ..."""
        return self.planned.status.state if self.planned.status else "missing"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        unit = self.planned.unit
        return {
            "task": unit.task,
            "language": unit.language,
            "split": unit.split,
            "examples": self.examples,
            "data": self.data,
            "done": self.done,
            "reason": self.planned.reason,
        }


def preview(
    registry: Registry,
    recipe: Recipe,
    options: EvalOptions,
    model: ModelReference,
    out: Path,
    *,
    benchmark: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> list[PreviewedUnit]:
    """Every selected unit as a run into ``out`` would have it; nothing is fetched.

    Raises :class:`~harness.core.errors.UsageError` for options that the run would refuse.
    """
    data = DataAccess.of(registry, options.data_dir, offline=True)
    check_selected(benchmark, tasks)
    planned = make_plan(
        registry,
        data,
        benchmark=benchmark,
        tasks=tasks,
        languages=languages,
        split=options.split,
        perturb=options.perturb,
        mixed_pairs=options.mixed_pairs,
        test_on=options.test_on,
        train_on=options.train_on,
    )
    check_options(planned, RunContext.of(registry, recipe, options, Compute()))
    record = load_record(out)
    # Units of another system would be set aside. The precision and the weights are not known before the model is loaded.
    same = record is not None and same_system(record, str(model), run_identity("", options, recipe, ""))
    done = set(record["units"]) if record is not None and same else set()
    return [PreviewedUnit(unit, _examples(unit, options.limit), unit.unit.key in done) for unit in planned]


def _examples(unit: PlannedUnit, limit: int | None) -> int | None:
    if not unit.present or unit.status is None:
        return None
    rows = unit.status.rows or 0
    return min(rows, limit) if limit else rows
