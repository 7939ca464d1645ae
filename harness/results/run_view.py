"""A finished run as it is read: its record, its units task by task, what is missing, and its files as they were scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.core.errors import DataError
from harness.core.safe_text import sanitise
from harness.runs.recorded_objectives import scored_objectives
from harness.runs.scored_files import Side, scored_file
from harness.scoring.chance import Chance, chance_mark, mean_chance
from harness.scoring.coverage import coverage
from harness.scoring.scale import Scale, common_scale
from harness.scoring.scores import Estimate, TransferGap, UnitScore, half_width, mean_estimate, transfer_gap
from harness.types.languages import Language, languages
from harness.types.record import (
    MixedPairsRecord,
    RunRecord,
    ScoresRecord,
    StageRecord,
    TaskLossRecord,
    UnitRecord,
    UnitScoreRecord,
)
from harness.types.units import Unit

_ANSWERS = ("exact_match", "f1")
"""Primary metrics of question answering, for records that do not name them."""


@dataclass(frozen=True)
class UnitView:
    """One task in one language.

    ``score`` is the mean of the primary metrics, 0-100 (:func:`~harness.scoring.scores.mean_estimate`). ``constant`` is the
    one answer that all items got. ``identity`` is what must be equal for two runs to be compared.
    """

    n: int
    score: Estimate
    metrics: Mapping[str, Estimate]
    identity: tuple[Any, ...]
    record: UnitRecord
    constant: str | None = None


@dataclass(frozen=True)
class TaskView:
    """A task's units by language (English first), and the languages that it lacks: the benchmark's or, without, the task's.

    ``half_width`` is that of the 95% interval of the score, where the record has it; ``by_item``: the score is over the
    items of all languages.
    """

    name: str
    primary: tuple[str, ...]
    units: Mapping[str, UnitView]
    missing: tuple[str, ...]
    half_width: float | None = None
    by_item: bool = False

    @property
    def complete(self) -> bool:
        """Tells whether every language that counts was scored."""
        return not self.missing

    def mean(self, codes: Iterable[str] | None = None) -> float | None:
        """The mean score over languages, or their items, all scored ones by default; None where there are none."""
        units = [self.units[code] for code in (self.units if codes is None else codes)]
        weights = [unit.n for unit in units] if self.by_item else None
        return fmean([unit.score.value for unit in units], weights) if units else None

    @property
    def scale(self) -> Scale:
        """The scale of its scores."""
        return common_scale(unit.score.scale for unit in self.units.values())

    def chance(self, codes: Iterable[str] | None = None) -> Chance | None:
        """Chance on average over languages, as :meth:`mean` takes it; None where that is not known of each."""
        units = [self.units[code] for code in (self.units if codes is None else codes)]
        weights = [unit.n for unit in units] if self.by_item else None
        return mean_chance((unit.score.chance for unit in units), weights)

    def chance_mark(self, codes: Iterable[str] | None = None) -> str:
        """The mark of a mean score over languages that is at chance or below it; "" above.

        Of some languages the record has no interval: it is as wide as theirs are on average, which is wider than it would be.
        """
        chosen = list(self.units if codes is None else codes)
        mean = self.mean(chosen)
        if mean is None:
            return ""
        half = self.half_width if len(chosen) == len(self.units) else None
        halves = [self.units[code].score.half_width for code in chosen]
        if half is None and None not in halves:
            half = fmean(value for value in halves if value is not None)
        low, high = (None, None) if half is None else (mean - half, mean + half)
        return chance_mark(low, mean, high, self.chance(chosen))

    def gap(self) -> TransferGap | None:
        """The transfer gap over the scored languages; None without English, or without any other."""
        return transfer_gap({code: unit.score.value for code, unit in self.units.items()})


@dataclass(frozen=True)
class RunView:
    """A run under its display name; ``path`` is its folder, None where only the record is available."""

    name: str
    record: RunRecord
    path: Path | None = None

    @cached_property
    def tasks(self) -> Mapping[str, TaskView]:
        """Coverage of the run's scores; of an unfinished run, all that is there."""
        return dict(_tasks(self.record))

    @cached_property
    def units(self) -> Mapping[str, UnitRecord]:
        """The records of all units with a score, by key (``xnli/sw/test``); those of perturbed test sets and of
        mixed languages are left out."""
        return {
            key: unit for key, unit in self.record["units"].items() if unit["score"] is not None and Unit.of(key).plain
        }

    @property
    def folder(self) -> Path:
        """The run folder; DataError where only the record is available."""
        if self.path is None:
            raise DataError(f"{self.name}: its files are not available", hint="name its run folder")
        return self.path

    def files(self, unit: UnitRecord) -> tuple[Path, Path]:
        """The predictions and the labels of a unit; DataError unless both are the files that were scored."""
        return self.file(unit, "predictions"), self.file(unit, "labels")

    def file(self, unit: UnitRecord, side: Side) -> Path:
        """The ``predictions`` or the ``labels`` of a unit; DataError unless it is the file that was scored."""
        return scored_file(self.folder, unit, side)

    @cached_property
    def model(self) -> str:
        """The model and how it was trained: "xlm-roberta-base via mnli", "... on xnli[de]", "... with objective smoothed"."""
        reference = self.reference or "unknown model"
        objectives = "".join(f" with objective {name}" for name in scored_objectives(self.record))
        languages = f" on {' and '.join(self.train_on)}" if self.train_on else ""
        translated = ", on translated test text" if self.record["options"].get("test_on") == "translated" else ""
        system = f"{reference} via {' > '.join(self.via)}" if self.via else reference
        return system + languages + objectives + translated

    @property
    def benchmark(self) -> str | None:
        """The benchmark; None for selected tasks."""
        return self.record["benchmark"]

    @property
    def partial(self) -> list[str]:
        """Reasons why the scores are not the benchmark's; empty for a full run."""
        return self.record["partial"]

    @property
    def why_partial(self) -> list[str]:
        """The same with the line on coverage, which older records lack."""
        return list(dict.fromkeys([*self.partial, *([self.coverage] if self.coverage else [])]))

    @property
    def coverage(self) -> str:
        """One line on the tasks with a mean over some of their languages only; "" where there is none."""
        counts = ((name, len(task.units), len(task.units) + len(task.missing)) for name, task in self.tasks.items())
        return coverage(counts) if self.scores is not None else ""

    @cached_property
    def not_selected(self) -> Mapping[str, list[str]]:
        """The languages that count and were not asked for, by task: they have neither data missing nor failed."""
        known = {(unit.task, unit.language) for unit in map(Unit.of, (*self.missing, *self.failed))}
        left = {name: [code for code in task.missing if (name, code) not in known] for name, task in self.tasks.items()}
        return {name: codes for name, codes in left.items() if codes}

    @property
    def missing(self) -> Mapping[str, str]:
        """The units without data, by key, and why."""
        return self.record["missing"]

    @property
    def failed(self) -> Mapping[str, str]:
        """The units without a result, by key, and why."""
        return self.record["failed"]

    @property
    def finished(self) -> str | None:
        """The time at which the run was finished; None where it is not."""
        return self.record["finished"]

    @property
    def stages(self) -> Sequence[StageRecord]:
        """The trainings that led to its units, parents first."""
        return self.record["stages"]

    @property
    def scores(self) -> ScoresRecord | None:
        """The averages, as they are recorded; None until the run is finished."""
        return self.record["scores"]

    @property
    def reference(self) -> str:
        """The model as it was given; "" where the record does not say."""
        return self.record["model"].get("reference", "")

    @property
    def via(self) -> tuple[str, ...]:
        """The intermediate stages."""
        return tuple(self.record["options"].get("via", ()))

    @property
    def train_on(self) -> tuple[str, ...]:
        """The languages of the training data of tasks, as the command said them; none: English."""
        return tuple(self.record["options"].get("train_on", ()))

    @property
    def split(self) -> str:
        """The split that was scored."""
        return self.record["options"].get("split", "test")

    @property
    def seed(self) -> int | None:
        """The seed of the last training; None where nothing was trained."""
        return next((stage["options"]["seed"] for stage in reversed(self.stages)), None)

    @property
    def seeds(self) -> list[int]:
        """The seeds of all trainings that led here; none for a model scored as it is."""
        return sorted({stage["options"]["seed"] for stage in self.stages})

    @property
    def overall(self) -> float | None:
        """The benchmark's overall score; None unless it is complete."""
        return self.scores["overall"] if self.scores else None

    @property
    def scale(self) -> Scale:
        """The scale of averages over tasks."""
        return common_scale(task.scale for task in self.tasks.values() if task.units)

    @property
    def overall_half_width(self) -> float | None:
        """Half the width of the overall score's 95% interval, where the record has it."""
        return _half_width(self.scores, "overall")

    @property
    def groups(self) -> Mapping[str, float | None]:
        """Scores of the benchmark's groups of tasks."""
        return self.scores["groups"] if self.scores else {}

    @property
    def constant_answers(self) -> Mapping[str, str]:
        """The units whose items all got one answer, by key, and the answer; empty for a baseline, which is to be so."""
        if self.record["model"].get("kind") == "baseline":
            return {}
        return {key: score["constant"] for key, unit in self.units.items() if "constant" in (score := unit_score(unit))}

    @property
    def robustness(self) -> Mapping[str, Mapping[str, TaskLossRecord]]:
        """Costs of perturbations, by perturbation and task; empty where test sets were not perturbed."""
        return self.record.get("robustness") or {}

    @property
    def mixed_pairs(self) -> Mapping[str, MixedPairsRecord]:
        """Means over matrices of pairs of mixed languages, by task; empty where there were none."""
        return self.record.get("mixed_pairs") or {}

    def mixed_cells(self, task: str) -> Mapping[tuple[str, str], UnitView]:
        """The scored units of a task's matrix by the languages of first and second texts, those in one language too."""
        view = self.tasks[task]
        found = {(code, code): unit for code, unit in view.units.items()}
        for key, unit in self.record["units"].items():
            of = Unit.of(key)
            if of.mixed and (of.task, of.split) == (task, self.split) and unit["score"] is not None:
                first, second = of.languages
                found[first, second] = _unit(self.record, unit, view.primary)
        return found


def view(record: RunRecord, name: str, path: Path | None = None) -> RunView:
    """The view of one record, as :func:`~harness.runs.record.load_record` gives it."""
    return RunView(sanitise(name), record, path)


def sort_codes(codes: Iterable[str]) -> list[str]:
    """English first, then alphabetically."""
    return sorted(codes, key=lambda code: (code != "en", code))


def language_of(code: str) -> Language:
    """The language of a code; one that the table lacks is named by its code."""
    found = languages().get(code)
    return found or Language(code, "", code, "unknown", "unknown", "unknown", None)


def _tasks(record: RunRecord) -> Iterator[tuple[str, TaskView]]:
    units: dict[str, dict[str, UnitRecord]] = {}
    for key, unit in record["units"].items():
        of = Unit.of(key)
        if unit["score"] is not None and of.plain and of.split == record["options"].get("split", of.split):
            units.setdefault(of.task, {})[of.language] = unit
    missing, order = _expected(record, units)
    for task in order:
        scored = units.get(task, {})
        primary = _primary(record, task, scored)
        views = {code: _unit(record, scored[code], primary) for code in sort_codes(scored)}
        half = _half_width(record["scores"], task, "score", "average")
        if half is None and len(primary) == 1:
            half = _half_width(record["scores"], task, primary[0], "average")
        yield (
            task,
            TaskView(task, primary, views, tuple(missing.get(task, ())), half, task in record.get("by_item", ())),
        )


def unit_score(unit: UnitRecord) -> UnitScoreRecord:
    """The score of a unit that has one."""
    assert unit["score"] is not None
    return unit["score"]


def _expected(
    record: RunRecord, units: dict[str, dict[str, UnitRecord]]
) -> tuple[Mapping[str, Sequence[str]], list[str]]:
    """Missing languages by task, and the tasks in order; narrows ``units`` to what the run's scores cover."""
    scores = record["scores"]
    if scores is None:  # interrupted: only the finished units
        lacking: dict[str, list[str]] = {}
        for unit in map(Unit.of, (*record["missing"], *record["failed"])):
            if not unit.mixed:
                lacking.setdefault(unit.task, []).append(unit.language)
        return lacking, list(dict.fromkeys((*units, *lacking)))
    for task in list(units):
        metrics = scores["tasks"][task]["metrics"] if task in scores["tasks"] else {}
        covered = {code for metric in metrics.values() for code in metric["languages"]}
        units[task] = {code: found for code, found in units[task].items() if code in covered}
    missing = scores.get("missing", {})
    return missing, list(dict.fromkeys((*scores["tasks"], *missing)))


def _primary(record: RunRecord, task: str, scored: Mapping[str, UnitRecord]) -> tuple[str, ...]:
    each = [unit_score(unit)["metrics"] for unit in scored.values()]
    names = [name for name in next(iter(each), {}) if all(name in metrics for metrics in each)]
    known = record.get("primary", {}).get(task, ())
    for candidate in (known, _ANSWERS):
        if candidate and set(candidate) <= set(names):
            return tuple(candidate)
    return tuple(names[:1])


def _unit(record: RunRecord, unit: UnitRecord, primary: tuple[str, ...]) -> UnitView:
    score = UnitScore.from_dict(unit_score(unit))
    return UnitView(
        n=score.n,
        score=mean_estimate([score.metrics[name] for name in primary]),
        metrics=score.metrics,
        identity=(unit["task_version"], unit["data"]["fingerprint"], record["options"].get("split"), unit["examples"]),
        record=unit,
        constant=score.constant,
    )


def _half_width(scores: ScoresRecord | None, *path: str) -> float | None:
    """Half the width of an interval of the record's averages; None where there is none."""
    found: Any = scores.get("intervals") if scores else None
    for key in path:
        found = (found or {}).get(key)
    return half_width(*found) if found else None
