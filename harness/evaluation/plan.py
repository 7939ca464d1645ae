"""The plan of a run: which units, from which data, and which of them lack data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.data.locate import how_to_get
from harness.data.mixed_pairs import can_mix, check_parallel, refuse_mixing
from harness.data.perturb import applies, split_name, split_of
from harness.data.sources import Status
from harness.data.translations import into_english
from harness.registry.select import select
from harness.training.sources import task_of
from harness.training.train_on import OWN, trained_on
from harness.types.sources import Split, described
from harness.types.tasks import TargetTask
from harness.types.units import Unit, mixed_languages

if TYPE_CHECKING:
    from harness.data.access import DataAccess
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class PlannedUnit:
    """A unit with its task, its data and whether these are there.

    ``second`` has the second texts of pairs of mixed languages; then ``split`` has the first ones and the labels.
    ``translated``: what is scored is the English translation of the text.
    """

    unit: Unit
    task: TargetTask
    split: Split | None
    status: Status | None
    second: Split | None = None
    translated: bool = False

    @property
    def present(self) -> bool:
        """Tells whether the unit can be predicted."""
        return _usable(self.status)

    @property
    def rows(self) -> int | None:
        """Number of rows of its data or, without them, of the official release; None where neither is known."""
        return (self.status.rows if self.status else None) or (self.split.rows if self.split else None)

    @property
    def perturbation(self) -> str:
        """Perturbation of the examples ("drop"), or ""."""
        return split_of(self.unit.split)[1]

    @property
    def damaged(self) -> bool:
        """Tells whether there are data, but unreadable ones: a failure and not a want."""
        return self.status is not None and self.status.state == "damaged"

    @property
    def reason(self) -> str:
        """Reason why it cannot, or ""."""
        if self.present:
            return ""
        if self.split is None or self.status is None:
            return f"the task has no {self.unit.split} split in this language"
        return self.status.reason


def _usable(status: Status | None) -> bool:
    return status is not None and status.state not in ("missing", "damaged")


def check_selected(benchmark: str | None, tasks: Sequence[str]) -> None:
    """Refuses a selection that names nothing: all tasks of all plugins are rarely meant, and take days."""
    if benchmark is None and not tasks:
        raise UsageError(
            "no task is selected",
            hint="--benchmark xtreme for a whole benchmark, --task xnli for one task, --task '*' for all",
        )


def make_plan(
    registry: Registry,
    data: DataAccess,
    *,
    split: str,
    benchmark: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    perturb: Sequence[str] = (),
    mixed_pairs: bool = False,
    test_on: str = "original",
    train_on: Sequence[str] = (),
) -> list[PlannedUnit]:
    """Every selected unit with the state of its data, in the order of the benchmark.

    Then their perturbed variants and, with ``mixed_pairs``, the pairs in two of the selected languages of a task.
    ``test_on`` "translated" needs the translation of each test set, too, and ``train_on`` "own" training data in its language.
    """
    if split not in ("test", "dev"):
        raise UsageError(f"--split {split!r}: 'test' or 'dev' expected")
    units = select(registry, benchmark=benchmark, tasks=tasks, languages=languages, split=split)
    planned = _planned(registry, data, units, benchmark, test_on, train_on)
    perturbed = [entry for kind in perturb for entry in _perturbed(registry, planned, kind)]
    return [*planned, *perturbed, *(_mixed(registry, planned, split) if mixed_pairs else ())]


def plan_again(
    registry: Registry,
    data: DataAccess,
    units: Sequence[Unit],
    benchmark: str | None,
    test_on: str = "original",
    train_on: Sequence[str] = (),
) -> list[PlannedUnit]:
    """Units of an earlier command as a plan would have them now; those of tasks that are not installed are left out."""
    known = [unit for unit in units if unit.task in registry.tasks()]
    clean = [replace(unit, split=split_of(unit.split)[0]) for unit in known]
    planned = _planned(registry, data, clean, benchmark, test_on, train_on)
    return [replace(entry, unit=unit) for entry, unit in zip(planned, known, strict=True)]


def _planned(
    registry: Registry,
    data: DataAccess,
    units: Sequence[Unit],
    benchmark: str | None,
    test_on: str,
    train_on: Sequence[str],
) -> list[PlannedUnit]:
    planned = []
    pools: dict[str, bool] = {}
    for unit in units:
        task = task_of(registry, unit.task, benchmark)
        source, *second = [task.languages.get(code, {}).get(unit.split) for code in unit.languages]
        statuses = [None if split is None else data.status(split) for split in (source, *second)]
        status = next((found for found in statuses if not _usable(found)), statuses[0])
        if task.pool is not None and status is not None and task.name not in pools:
            pools[task.name] = any(data.find(pool) for pool in task.pool.sources)
        if task.pool is not None and status is not None and not pools[task.name]:
            best = task.pool.sources[0]
            status = Status("missing", None, task.pool.rows, described(best), [], f"no candidates: {how_to_get(best)}")
        translated = test_on == "translated" and unit.language != "en"
        if translated and source is not None and _usable(status):
            found = data.status(into_english(task, unit.language, unit.split))
            status = status if _usable(found) else found
        if OWN in train_on and unit.language != "en" and _usable(status):
            statuses = [data.status(each.train) for each in trained_on(task, registry, train_on, data, unit.language)]
            status = next((found for found in statuses if not _usable(found)), status)
        planned.append(PlannedUnit(unit, task, source, status, second[0] if second else None, translated))
    return planned


def _perturbed(registry: Registry, planned: Sequence[PlannedUnit], kind: str) -> Iterator[PlannedUnit]:
    """The units that have a variant, which share the data of the clean ones; what cannot be scored clean has none."""
    able = [entry for entry in planned if applies(kind, registry.family(entry.task.family).examples)]
    if not able:
        tasks = ", ".join(dict.fromkeys(entry.task.name for entry in planned))
        raise UsageError(f"--perturb {kind}: no variant of {tasks}", hint="mixed languages are for pairs and questions")
    for entry in able:
        if entry.present:
            yield replace(entry, unit=replace(entry.unit, split=split_name(entry.unit.split, kind)))


def _mixed(registry: Registry, planned: Sequence[PlannedUnit], split: str) -> Iterator[PlannedUnit]:
    """The pairs in two languages, first text by first text; what cannot be scored in one language is in no pair."""
    tasks = {entry.task.name: entry.task for entry in planned}
    able = [name for name, task in tasks.items() if can_mix(task, registry, split)]
    if not able:
        raise refuse_mixing(tasks.values(), registry, split)
    chosen = {name: [entry for entry in planned if entry.task.name == name] for name in able}
    if all(len(entries) < 2 for entries in chosen.values()):
        raise UsageError(
            f"--mixed-pairs: one language of {', '.join(able)} is selected", hint="pairs of mixed languages need two"
        )
    for entries in chosen.values():
        present = [entry for entry in entries if entry.present]
        for first in present:
            for second in present:
                if first is not second:
                    codes = mixed_languages(first.unit.language, second.unit.language)
                    yield replace(first, unit=replace(first.unit, language=codes), second=second.split)


def check_mixed(planned: Sequence[PlannedUnit], data: DataAccess, limit: int | None) -> None:
    """Refuses mixed pairs of rows that are not parallel, before anything is computed: DataError naming the row."""
    tasks: dict[str, TargetTask] = {}
    splits: dict[str, dict[str, Split]] = {}
    for entry in planned:
        if entry.split is not None and entry.second is not None:
            tasks[entry.task.name] = entry.task
            for code, split in zip(entry.unit.languages, (entry.split, entry.second), strict=True):
                splits.setdefault(entry.task.name, {})[Unit(entry.task.name, code, entry.unit.split).key] = split
    for name, of_task in splits.items():
        rows = {key: data.load_once(tasks[name], split, limit).examples for key, split in of_task.items()}
        reference, *others = rows
        for key in others:
            check_parallel(rows[reference], rows[key], (reference, key))
