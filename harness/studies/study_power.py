"""The power of a study before it is run: the smallest effects that its contrasts, and its test sets, can find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from harness.analysis.effects.power import ALPHA, detectable, equivalence_reach, macro_error, unit_detectable
from harness.analysis.effects.study_arms import contrasts_of, same_source_tasks
from harness.evaluation.plan import make_plan

if TYPE_CHECKING:
    from harness.data.access import DataAccess
    from harness.evaluation.plan import PlannedUnit
    from harness.registry.registry import Registry
    from harness.types.studies import Contrast, Study

LANGUAGE_SD = 1.0
"""Standard deviation of gains over languages, in points: assumed, until a pilot tells."""
SEED_SD = 0.4
"""That of scores over seeds."""
CHANGED = 0.1
"""Share of answers that differ between two systems: assumed."""


@dataclass(frozen=True)
class ContrastPower:
    """The smallest effect of a contrast that is found with 80% power, in points: alone, and after Holm at worst.

    ``models`` have both arms, ``seeds`` are the fewest that one of them has. ``equivalent`` says for each margin whether a
    true zero would be shown to be within it.
    """

    contrast: str
    primary: bool
    hypothesis: str
    models: int
    tasks: tuple[str, ...]
    languages: int
    seeds: int
    error: float
    detectable: float
    corrected: float
    equivalent: Mapping[str, bool]


@dataclass(frozen=True)
class TaskPower:
    """The smallest difference of two systems that one language of a task finds; ``items`` is the median over languages."""

    task: str
    languages: int
    items: int
    detectable: float


@dataclass(frozen=True)
class StudyPower:
    """The power of a study under assumed spreads; ``primary`` tests are corrected together."""

    language_sd: float
    seed_sd: float
    primary: int
    contrasts: tuple[ContrastPower, ...]
    tasks: tuple[TaskPower, ...]


def study_power(
    study: Study,
    registry: Registry,
    data: DataAccess,
    *,
    language_sd: float = LANGUAGE_SD,
    seed_sd: float = SEED_SD,
) -> StudyPower:
    """The power of a study at one of its sizes, by the spread of gains over languages and of scores over seeds."""
    planned = make_plan(
        registry,
        data,
        split="test",
        benchmark=study.benchmark or None,
        tasks=study.tasks,
        languages=study.languages,
    )
    languages: dict[str, list[PlannedUnit]] = {}
    for entry in planned:
        languages.setdefault(entry.unit.task, []).append(entry)
    contrasts = [
        found
        for each in contrasts_of(study, ())
        if (found := _contrast(study, each, languages, language_sd, seed_sd)) is not None
    ]
    tasks = [_task(task, entries, study.limit) for task, entries in languages.items()]
    return StudyPower(
        language_sd, seed_sd, study.primary_tests, tuple(contrasts), tuple(task for task in tasks if task is not None)
    )


def _contrast(
    study: Study, contrast: Contrast, languages: Mapping[str, list[PlannedUnit]], language_sd: float, seed_sd: float
) -> ContrastPower | None:
    """None where no model has both arms, or no target language is left."""
    both = {contrast.arm, contrast.against}
    models = [model for model in study.models if both <= {arm.name for arm in study.arms_of(model)}]
    shared = same_source_tasks(study, (contrast.arm, contrast.against))
    tasks = [task for task in contrast.tasks or languages if task in languages and task not in shared]
    codes = {entry.unit.language for task in tasks for entry in languages[task]}
    codes -= {"en"} if contrast.zero_shot else set()
    if not models or not codes:
        return None
    seeds = min(len(study.seeds_for(model)) for model in models)
    error = macro_error(language_sd, seed_sd, len(codes), seeds)
    corrected = ALPHA / study.primary_tests if contrast.primary and study.primary_tests else ALPHA
    return ContrastPower(
        contrast.name,
        contrast.primary,
        contrast.hypothesis,
        len(models),
        tuple(tasks),
        len(codes),
        seeds,
        error,
        detectable(error),
        detectable(error, corrected),
        {str(margin): equivalence_reach(error) <= margin for margin in study.margins},
    )


def _task(task: str, entries: list[PlannedUnit], limit: int | None) -> TaskPower | None:
    """None where the sizes of its test sets are not known."""
    rows = [min(count, limit or count) for entry in entries if (count := entry.rows)]
    if not rows:
        return None
    items = int(median(rows))
    return TaskPower(task, len(entries), items, unit_detectable(CHANGED, items))
