"""Runs and comparisons as the user holds them: values that show themselves."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analysis.comparison import result
from harness.results import systems
from harness.results.run_view import RunView, view
from harness.runs.recorded_scores import aggregated, recorded_score, selection
from harness.scoring.scores import BenchmarkScore, UnitScore
from harness.types.units import Unit

if TYPE_CHECKING:
    from pandas import DataFrame

    from harness.registry.registry import Registry
    from harness.types.record import RunRecord


class Run:
    """A run folder with its record and scores; ``registry`` is the one that it was made or loaded with."""

    def __init__(self, path: Path, record: RunRecord, scores: BenchmarkScore, registry: Registry | None = None) -> None:
        self.registry = registry
        self.path = path
        self.record = record
        self.scores = scores

    @cached_property
    def view(self) -> RunView:
        """The run as reports, comparisons and rows read it."""
        return view(self.record, self.path.name, self.path)

    @property
    def missing(self) -> dict[str, str]:
        """Units that could not be predicted because data are missing, and why."""
        return dict(self.record["missing"])

    @property
    def failed(self) -> dict[str, str]:
        """Units that failed, and why."""
        return dict(self.record["failed"])

    @property
    def partial(self) -> list[str]:
        """Reasons why these are not benchmark scores (limits, excerpts, sample data); empty for a full run."""
        return list(self.record["partial"])

    @property
    def rounding(self) -> tuple[int, int] | None:
        """Counts of the decisions of a run in half precision that were compared with fp32 and that differ; None in fp32."""
        facts = [unit.get("facts", {}).get("against_fp32") for unit in self.record["units"].values()]
        compared = [found for found in facts if found is not None]
        if not compared:
            return None
        return sum(found["examples"] for found in compared), sum(found["changed"] for found in compared)

    def to_dict(self) -> dict[str, Any]:
        """The structure that ``harness score --json`` prints; also "robustness" where test sets were perturbed."""
        robustness = self.view.robustness
        return {**self.scores.to_dict(), **({"robustness": robustness} if robustness else {})}

    def table(self) -> str:
        """The scores by task and by language as aligned text."""
        from harness.report.report import score_tables
        from harness.report.text import text_table

        return "\n\n".join(map(text_table, score_tables(self.view)))

    def to_pandas(self) -> DataFrame:
        """A row a number: task, language and its facts, metric, n, value (0-100), standard error, 95% interval."""
        from pandas import DataFrame

        from harness.report.csv import score_rows

        return DataFrame(list(score_rows([self.view])))

    def _repr_html_(self) -> str:
        """The scores by task, for notebooks."""
        from harness.report.pages.run_page import table_html

        return table_html(self.view)


class Comparison(result.Comparison):
    """Systems against the first of them, the baseline: what :func:`harness.compare` returns."""

    def to_markdown(self) -> str:
        """Tables for a paper's appendix, an issue or a notebook."""
        from harness.report.comparison import markdown

        return markdown(self)

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def load_run(folder: str | Path, registry: Registry | None = None) -> Run:
    """A run folder as a value, for looking at: nothing is computed, downloaded or written.

    Raises :class:`~harness.core.errors.DataError` for a folder that is no run, or whose files are not those that were scored.
    """
    from harness.registry.default import get_registry

    path, registry = Path(folder), registry or get_registry()
    run = systems.load_run(path)
    tasks = _covered(run.record)
    benchmark = run.record["benchmark"]
    chosen = registry.benchmark(benchmark) if benchmark else selection(tasks)
    scored: dict[str, dict[str, UnitScore]] = {}
    for task, codes in tasks.items():
        for code in codes:
            unit = Unit(task, code, run.split)
            if unit.key in run.units:
                scored.setdefault(task, {})[code] = recorded_score(path, registry, unit, run.units[unit.key])
    return Run(path, run.record, aggregated(chosen, scored, registry), registry)


def _covered(record: RunRecord) -> dict[str, tuple[str, ...]]:
    """The languages of each task that the scores of a record are about; before it is finished, those of its units."""
    scores = record["scores"]
    if scores is None:
        units = [Unit.of(key) for key in record["units"]]
        return {unit.task: tuple(each.language for each in units if each.task == unit.task) for unit in units}
    found: dict[str, tuple[str, ...]] = {}
    for task, score in scores["tasks"].items():
        codes = dict.fromkeys(code for metric in score["metrics"].values() for code in metric["languages"])
        found[task] = tuple(codes)
    for task, lacking in scores.get("missing", {}).items():
        found[task] = (*found.get(task, ()), *lacking)
    return found
