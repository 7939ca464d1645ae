"""A run as reports see it: the units of its record, task by task, with what is missing. A pure function of the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from harness.core.errors import DataError
from harness.core.safe_text import clean
from harness.results.seeds import run_folders
from harness.runs.record import load_record
from harness.scoring.scores import Estimate
from harness.types.languages import Language, languages

_ANSWERS = ("exact_match", "f1")
"""What makes the score of question answering, for records that do not say which numbers do."""


@dataclass(frozen=True)
class UnitView:
    """One task in one language.

    ``score`` is the mean of the primary metrics, 0-100; its interval is the mean of theirs, which is conservative where
    there are several, as they rise and fall together. ``identity`` is what must be equal for two runs to be compared.
    """

    n: int
    score: Estimate
    metrics: Mapping[str, Estimate]
    identity: tuple[Any, ...]
    entry: Mapping[str, Any]


@dataclass(frozen=True)
class TaskView:
    """A task's units by language (English first), and the languages of the benchmark that it lacks.

    ``half`` is half the width of the 95% interval of the score, where the record has it; ``by_item``: the score is over the
    items of all languages.
    """

    name: str
    primary: tuple[str, ...]
    units: Mapping[str, UnitView]
    missing: tuple[str, ...]
    half: float | None = None
    by_item: bool = False

    @property
    def complete(self) -> bool:
        """Whether every language that counts was scored."""
        return not self.missing

    def mean(self, codes: Iterable[str] | None = None) -> float | None:
        """The mean score over languages, or their items, all scored ones by default; None where there are none."""
        units = [self.units[code] for code in (self.units if codes is None else codes)]
        weights = [unit.n for unit in units] if self.by_item else None
        return fmean([unit.score.value for unit in units], weights) if units else None

    def gap(self) -> tuple[float, float] | None:
        """English, and the mean of the other scored languages; None where either is lacking."""
        others = [code for code in self.units if code != "en"]
        if "en" not in self.units or not others:
            return None
        return self.units["en"].score.value, fmean(self.units[code].score.value for code in others)


@dataclass(frozen=True)
class System:
    """A run under the name it has in the report; ``path`` is its folder, None where only the record is at hand."""

    name: str
    record: Mapping[str, Any]
    tasks: Mapping[str, TaskView]
    path: Path | None = None

    @cached_property
    def model(self) -> str:
        """The model and what it was trained on first: "xlm-roberta-base via mnli"."""
        via = " > ".join(str(name) for name in self.record["options"].get("via", ()))
        reference = str(self.record["model"].get("reference", "")) or "unknown model"
        return f"{reference} via {via}" if via else reference

    @property
    def seed(self) -> Any:
        """The seed of the training; None where nothing was trained."""
        return next((stage["options"].get("seed") for stage in reversed(self.record["stages"])), None)

    @property
    def overall(self) -> float | None:
        """The benchmark's overall score; None unless it is complete."""
        return (self.record["scores"] or {}).get("overall")

    @property
    def overall_half(self) -> float | None:
        """Half the width of the overall score's 95% interval, where the record has it."""
        return _half(self.record["scores"], "overall")

    @property
    def groups(self) -> Mapping[str, float | None]:
        """Scores of the benchmark's groups of tasks."""
        return dict((self.record["scores"] or {}).get("groups") or {})


def load_systems(paths: Sequence[Path]) -> list[System]:
    """The runs in these folders (or their ``record.json`` files), named by their folders; a folder of seeds is its runs.

    :class:`DataError` where a folder holds no record, or one that is not complete.
    """
    named = [path.parent if path.name == "record.json" else path for path in paths]
    folders = [run for path in named for run in run_folders(path)]
    systems = []
    for folder, name in zip(folders, _names(folders), strict=True):
        record = load_record(folder)
        if record is None:
            raise DataError(f"{folder}: no record.json", hint="name a run folder, as `harness eval` writes them")
        systems.append(view(record, name, folder))
    return systems


def view(record: Mapping[str, Any], name: str, path: Path | None = None) -> System:
    """The view of one record, as :func:`~harness.runs.record.load_record` gives it."""
    units: dict[str, dict[str, Mapping[str, Any]]] = {}
    for key, entry in record["units"].items():
        task, code, split = key.split("/")
        if entry["score"] is not None and split == record["options"].get("split", split):
            units.setdefault(task, {})[code] = entry
    missing, order = _expected(record, units)
    tasks = {}
    for task in order:
        scored = units.get(task, {})
        primary = _primary(record, task, scored)
        views = {code: _unit(record, scored[code], primary) for code in sort_codes(scored)}
        half = _half(record["scores"], task, "score", "average")
        if half is None and len(primary) == 1:
            half = _half(record["scores"], task, primary[0], "average")
        tasks[task] = TaskView(
            task, primary, views, tuple(missing.get(task, ())), half, task in record.get("by_item", ())
        )
    return System(clean(name), record, tasks, path)


def sort_codes(codes: Iterable[str]) -> list[str]:
    """English first, then alphabetically."""
    return sorted(codes, key=lambda code: (code != "en", code))


def language_of(code: str) -> Language:
    """The language of a code; one that the table lacks is named by its code."""
    found = languages().get(code)
    return found or Language(code, "", code, "unknown", "unknown", "unknown", None)


def _expected(
    record: Mapping[str, Any], units: dict[str, dict[str, Mapping[str, Any]]]
) -> tuple[dict[str, list[str]], list[str]]:
    """Missing languages by task, and the tasks in order; narrows ``units`` to what the run's scores cover."""
    scores = record["scores"]
    if scores is None:  # interrupted: whatever there is
        missing: dict[str, list[str]] = {}
        for key in (*record["missing"], *record["failed"]):
            task, code, _ = key.split("/")
            missing.setdefault(task, []).append(code)
        return missing, list(dict.fromkeys((*units, *missing)))
    for task in list(units):
        covered = {
            code
            for metric in scores["tasks"].get(task, {"metrics": {}})["metrics"].values()
            for code in metric["languages"]
        }
        units[task] = {code: entry for code, entry in units[task].items() if code in covered}
    missing = {task: [str(code) for code in codes] for task, codes in scores.get("missing", {}).items()}
    return missing, list(dict.fromkeys((*scores["tasks"], *missing)))


def _primary(record: Mapping[str, Any], task: str, scored: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    names = list(dict.fromkeys(name for entry in scored.values() for name in entry["score"]["metrics"]))
    known = (record.get("primary") or {}).get(task)
    for candidate in (known or (), _ANSWERS):
        if candidate and set(candidate) <= set(names):
            return tuple(candidate)
    return tuple(names[:1])


def _unit(record: Mapping[str, Any], entry: Mapping[str, Any], primary: tuple[str, ...]) -> UnitView:
    metrics = {name: Estimate(**estimate) for name, estimate in entry["score"]["metrics"].items()}
    main = [metrics[name] for name in primary]
    identity = (
        entry.get("task_version"),
        (entry.get("data") or {}).get("fingerprint"),
        record["options"].get("split"),
        entry.get("examples"),
    )
    return UnitView(
        n=int(entry["score"]["n"]),
        score=Estimate(
            fmean(part.value for part in main), None, _mean([m.low for m in main]), _mean([m.high for m in main])
        ),
        metrics=metrics,
        identity=identity,
        entry=entry,
    )


def _half(scores: Any, *path: str) -> float | None:
    """Half the width of an interval of the record's averages; None where there is none."""
    found = (scores or {}).get("intervals", {})
    for key in path:
        found = (found or {}).get(key)
    return float(found[1] - found[0]) / 2 if found else None


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return fmean(present) if present and len(present) == len(values) else None


def _names(folders: Sequence[Path]) -> list[str]:
    """The shortest endings of the paths that tell them apart; a folder named twice is numbered."""
    parts = [folder.absolute().parts for folder in folders]
    depth = 1
    longest = max(map(len, parts), default=1)
    while depth < longest and len({part[-depth:] for part in parts}) < len(set(parts)):
        depth += 1
    names = ["/".join(part[-depth:]) for part in parts]
    return [name if names.count(name) == 1 else f"{name} ({names[:i].count(name) + 1})" for i, name in enumerate(names)]
