"""A finished (or half-finished) run as a value: what :func:`harness.evaluate` returns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError
from harness.registry.registry import load_part
from harness.registry.select import Unit
from harness.runs.folder import RunFolder
from harness.runs.record import now
from harness.runs.scored_files import SIDES, scored_file
from harness.scoring.aggregate import BenchmarkScore, aggregate
from harness.scoring.files import TaskScorer, UnitScore
from harness.scoring.metrics import get_metric
from harness.scoring.robustness import Scored, losses
from harness.training.run_resources import run_resources
from harness.types.tasks import Benchmark

if TYPE_CHECKING:
    from pandas import DataFrame

    from harness.evaluation.plan import PlannedUnit
    from harness.registry.registry import Registry


class Run:
    """A run folder with its record and scores."""

    def __init__(self, path: Path, record: dict[str, Any], scores: BenchmarkScore) -> None:
        self.path = path
        self.record = record
        self.scores = scores

    @property
    def missing(self) -> dict[str, str]:
        """Units that could not be predicted for want of data, and why."""
        return dict(self.record["missing"])

    @property
    def failed(self) -> dict[str, str]:
        """Units that failed, and why."""
        return dict(self.record["failed"])

    @property
    def partial(self) -> list[str]:
        """Why these are not benchmark scores (limits, excerpts, sample data); empty for a full run."""
        return list(self.record["partial"])

    @property
    def rounding(self) -> tuple[int, int] | None:
        """How many decisions of a run in half precision were compared with fp32, and how many differ; None in fp32."""
        facts = [
            unit["facts"]["against_fp32"] for unit in self.record["units"].values() if "against_fp32" in unit["facts"]
        ]
        if not facts:
            return None
        return sum(fact["examples"] for fact in facts), sum(fact["changed"] for fact in facts)

    def to_dict(self) -> dict[str, Any]:
        """The structure that ``harness score --json`` prints; "robustness" beside it where test sets were perturbed."""
        robustness = self.record.get("robustness")
        return {**self.scores.to_dict(), **({"robustness": robustness} if robustness else {})}

    def table(self) -> str:
        """The scores by task and by language as aligned text."""
        from harness.report import make_report
        from harness.report.text import text_table
        from harness.results.run_view import view

        tables = make_report([view(self.record, self.path.name)]).tables
        return "\n\n".join(text_table(table) for table in tables if table.name in ("by-task", "by-language"))

    def to_pandas(self) -> DataFrame:
        """A row a number: task, language and its facts, metric, n, value (0-100), standard error, 95% interval."""
        from pandas import DataFrame

        from harness.report import score_rows
        from harness.results.run_view import view

        return DataFrame(list(score_rows([view(self.record, self.path.name)])))

    def _repr_html_(self) -> str:
        """The scores by task, for notebooks."""
        from harness.report import make_report
        from harness.report.html import table_html
        from harness.results.run_view import view

        return table_html(make_report([view(self.record, self.path.name)]))


def load_run(folder: str | Path, registry: Registry | None = None) -> Run:
    """A run folder as a value, for looking at: nothing is computed, downloaded or written.

    Raises :class:`~harness.core.errors.DataError` for a folder that is no run, or whose files are not those that were scored.
    """
    from harness.registry.registry import get_registry
    from harness.runs.record import load_record

    path, registry = Path(folder), registry or get_registry()
    record = load_record(path)
    if record is None:
        raise DataError(
            f"{path}: no run folder, record.json is missing", hint="give a folder that `harness eval` wrote"
        )
    tasks = _covered(record)
    chosen = registry.benchmark(record["benchmark"]) if record["benchmark"] else _selection(tasks)
    split = record["options"].get("split", "test")
    scored: dict[str, dict[str, UnitScore]] = {}
    for task, codes in tasks.items():
        for code in codes:
            unit = record["units"].get(Unit(task, code, split).key)
            if unit is not None and unit["score"] is not None:
                scored.setdefault(task, {})[code] = _with_items(path, registry, Unit(task, code, split), unit)
    return Run(path, record, _aggregated(chosen, scored, registry))


def _covered(record: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """The languages of each task that the scores of a record are about; before it is finished, those of its units."""
    scores = record["scores"]
    if scores is None:
        units = [Unit.of(key) for key in record["units"]]
        return {unit.task: tuple(each.language for each in units if each.task == unit.task) for unit in units}
    found: dict[str, tuple[str, ...]] = {}
    for task, entry in scores["tasks"].items():
        codes = dict.fromkeys(code for metric in entry["metrics"].values() for code in metric["languages"])
        found[task] = tuple(codes)
    for task, codes in scores.get("missing", {}).items():
        found[task] = (*found.get(task, ()), *codes)
    return found


def finish(folder: RunFolder, registry: Registry, benchmark: str | None, planned: list[PlannedUnit]) -> Run:
    """Aggregates the units of the plan and completes the record."""
    record = folder.refresh()
    clean = [entry for entry in planned if not entry.perturbation]
    chosen = registry.benchmark(benchmark) if benchmark else adhoc_benchmark(clean)
    scored: dict[str, dict[str, UnitScore]] = {}
    units: dict[tuple[str, str, str], Scored] = {}
    for entry in planned:
        unit = record["units"].get(entry.unit.key)
        if unit is not None and unit["score"] is not None and entry.present:
            score = _with_items(folder.path, registry, entry.unit, unit)
            units[entry.unit.task, entry.unit.language, entry.unit.split] = Scored(unit, score)
            if not entry.perturbation:
                scored.setdefault(entry.unit.task, {})[entry.unit.language] = score
    scores = _aggregated(chosen, scored, registry)
    with folder.changing() as record:
        record["benchmark"] = benchmark
        record["primary"] = {name: list(task.primary) for name, task in scores.tasks.items()}
        record["by_item"] = [name for name in _by_item(chosen, registry) if name in scores.tasks]
        record["partial"] = [*partial_reasons(record, clean), *smaller_pools(registry, clean)]
        record["scores"] = scores.to_dict()
        record["resources"] = run_resources(record, registry)
        record["robustness"] = losses(units, _primaries(chosen, registry))
        record["finished"] = now()
    return Run(folder.path, record, scores)


def _aggregated(benchmark: Benchmark, scored: dict[str, dict[str, UnitScore]], registry: Registry) -> BenchmarkScore:
    return aggregate(benchmark, scored, _primaries(benchmark, registry), by_item=_by_item(benchmark, registry))


def _primaries(benchmark: Benchmark, registry: Registry) -> dict[str, tuple[str, ...]]:
    return {name: get_metric(registry.task(name).metric).primary for name in benchmark.tasks}


def _by_item(benchmark: Benchmark, registry: Registry) -> list[str]:
    return [name for name in benchmark.tasks if registry.task(name).average == "items"]


def _with_items(run: Path, registry: Registry, unit: Unit, entry: dict[str, Any]) -> UnitScore:
    """The recorded score, with the items of its files for the intervals of averages."""
    predictions, labels = (scored_file(run, entry, side) for side in SIDES)
    items = TaskScorer.of(registry, unit.task).items(predictions, labels, unit.language)
    return replace(UnitScore.from_dict(entry["score"]), items=items)


def adhoc_benchmark(planned: list[PlannedUnit]) -> Benchmark:
    """The selected tasks and languages, without an overall score of their own."""
    tasks: dict[str, tuple[str, ...]] = {}
    for entry in planned:
        tasks[entry.unit.task] = (*tasks.get(entry.unit.task, ()), entry.unit.language)
    return _selection(tasks)


def _selection(tasks: dict[str, tuple[str, ...]]) -> Benchmark:
    return Benchmark("", 0, "selected tasks", tasks, {}, "mean over the selected languages")


def smaller_pools(registry: Registry, planned: list[PlannedUnit]) -> list[str]:
    """Tasks whose languages are scored together, for each holds candidates of the others, and have not all been."""
    chosen: dict[str, list[PlannedUnit]] = {}
    for entry in planned:
        chosen.setdefault(entry.unit.task, []).append(entry)
    reasons = []
    for name, entries in chosen.items():
        task = entries[0].task
        codes = [code for code, splits in task.languages.items() if entries[0].unit.split in splits]
        present = [entry.unit.language for entry in entries if entry.present]
        joins = task.pool is None and load_part(registry.family(task.family), "implementation").joins
        if joins and 0 < len(present) < len(codes):
            reasons.append(
                f"{name}: candidates and answers of {len(present)} of its {len(codes)} languages ({', '.join(present)})"
            )
    return reasons


def partial_reasons(record: dict[str, Any], planned: list[PlannedUnit]) -> list[str]:
    """Why a run's scores are not comparable with the benchmark's."""
    reasons = []
    options = record["options"]
    if options["limit"]:
        reasons.append(f"at most {options['limit']} examples a unit (--limit)")
    if options["train_limit"]:
        reasons.append(f"at most {options['train_limit']} training examples (--train-limit)")
    if options.get("select_on"):
        reasons.append(f"not zero-shot: checkpoints were selected on dev data in {', '.join(options['select_on'])}")
    if options["split"] != "test":
        reasons.append(f"scored on the {options['split']} split")
    states = {entry.status.state for entry in planned if entry.status is not None}
    if "sample" in states:
        return [*reasons, "the data are the harness's sample corpus, not the benchmark's"]
    excerpts = [
        f"{entry.unit.key} ({entry.status.rows:,} of {entry.status.expected:,})"
        for entry in planned
        if entry.status is not None and entry.status.state == "excerpt" and entry.status.expected is not None
    ]
    if excerpts:
        reasons.append("other row counts than the official release: " + ", ".join(excerpts))
    short = [
        f"{part['task']} {name} ({data['rows']:,} of {data['expected']:,})"
        for stage in record["stages"]
        for part in stage["tasks"]
        for name, data in part["data"].items()
        if data["expected"] is not None and data["rows"] != data["expected"]
    ]
    if short:
        reasons.append("trained on other row counts than the official release: " + ", ".join(short))
    return reasons
