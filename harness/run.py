"""Runs and comparisons as the user holds them: values that show themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analysis.comparison import result
from harness.core.errors import DataError
from harness.core.moved import old_names
from harness.results import systems
from harness.results.run_view import RunView, TaskView, view
from harness.results.seeds import SUMMARY, run_folders, seed_of, summarise
from harness.runs.naming import PAGE
from harness.runs.recorded_scores import aggregated, recorded_score, selection
from harness.scoring.coverage import of_all
from harness.scoring.scale import shown
from harness.scoring.scores import BenchmarkScore, UnitScore
from harness.types.units import Unit

if TYPE_CHECKING:
    from pandas import DataFrame

    from harness.registry.registry import Registry
    from harness.types.record import RunRecord

__getattr__ = old_names(__name__)


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
        """Reasons why these are not benchmark scores: limits, sample data, languages left out; empty for a full run."""
        return self.view.why_partial

    @property
    def rounding(self) -> tuple[int, int] | None:
        """Counts of the decisions of a run in half precision that were compared with fp32 and that differ; None in fp32."""
        facts = [unit.get("facts", {}).get("against_fp32") for unit in self.record["units"].values()]
        compared = [found for found in facts if found is not None]
        if not compared:
            return None
        return sum(found["examples"] for found in compared), sum(found["changed"] for found in compared)

    def to_dict(self) -> dict[str, Any]:
        """The structure that ``harness score --json`` prints.

        Also "robustness" where test sets were perturbed, and "mixed_pairs" where pairs of mixed languages were scored.
        """
        more = {"robustness": self.view.robustness, "mixed_pairs": self.view.mixed_pairs}
        return {**self.scores.to_dict(), **{name: found for name, found in more.items() if found}}

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

    def write_page(self, data_dir: str | Path | None = None) -> Path:
        """Writes the HTML report into the run folder, and returns its path; ``data_dir`` has the examples that it shows."""
        from harness.registry.default import get_registry
        from harness.report.formats import write_page

        page = self.path / PAGE
        write_page([self.path], page, self.registry or get_registry(), data_dir)
        return page

    def __repr__(self) -> str:
        found = {name: (task.mean(), task) for name, task in self.view.tasks.items()}
        scores = ", ".join(
            f"{name} {shown(mean, task.scale)}{_some(task)}" for name, (mean, task) in found.items() if mean is not None
        )
        overall = "" if self.view.overall is None else f", overall {shown(self.view.overall, self.view.scale)}"
        said = " (not benchmark scores)" if self.partial else ""
        return f"<Run of {self.view.model}: {scores or 'no scores'}{overall}{said}, in {self.path}>"

    def _repr_html_(self) -> str:
        """A heat map with intervals, caveats, and a link to the report, for notebooks."""
        from harness.report.notebook import run_html

        return run_html(self.view)


def _some(task: TaskView) -> str:
    """The mark of a mean over some of the languages, with how many; "" for all of them."""
    return "" if task.complete else f"† ({of_all(len(task.units), len(task.units) + len(task.missing))} languages)"


class SeedRuns(list[Run]):
    """The runs of several seeds of one system, in ``path``: a list with their mean and standard deviation."""

    def __init__(self, runs: Iterable[Run], seeds: Sequence[int], path: Path) -> None:
        super().__init__(runs)
        self.seeds = tuple(seeds)
        self.path = path

    @property
    def summary(self) -> dict[str, Any]:
        """Mean and sample standard deviation of every score, as in ``seeds.json``."""
        return summarise([run.scores.to_dict() for run in self], self.seeds)

    def table(self) -> str:
        """The same as lines of text."""
        from harness.report.seeds import summary_lines

        return "\n".join(summary_lines(self.summary))

    def __repr__(self) -> str:
        if not self:
            return f"<SeedRuns: none, in {self.path}>"
        from harness.report.seeds import task_mean

        summary = self.summary
        scores = ", ".join(f"{name} {task_mean(task, 'score')}" for name, task in summary["tasks"].items())
        seeds = ", ".join(map(str, self.seeds))
        return f"<SeedRuns of {self[0].view.model}, seeds {seeds}: {scores or 'no scores'}, in {self.path}>"

    def _repr_html_(self) -> str:
        """Means and standard deviations, caveats, and links to the reports, for notebooks."""
        from harness.report.notebook import seeds_html

        return seeds_html([run.view for run in self])


class Comparison(result.Comparison):
    """Systems against the first of them, the baseline: what :func:`harness.compare` returns."""

    def to_markdown(self) -> str:
        """Tables for a paper's appendix, an issue or a notebook."""
        from harness.report.comparison import markdown

        return markdown(self)

    def __repr__(self) -> str:
        names = " against ".join(system.name for system in reversed(self.systems[:2]))
        more = f" and {len(self.systems) - 2} more" if len(self.systems) > 2 else ""
        found = {name: (task.average, task.average.differences[0]) for name, task in self.tasks.items()}
        differences = ", ".join(
            f"{name} {shown(first.value, line.scale, signed=True, like=line.scores[0])}{'*' * first.significant}"
            for name, (line, first) in found.items()
        )
        return f"<Comparison of {names}{more}: {differences}>"

    def _repr_html_(self) -> str:
        """Tables of differences with intervals and p-values, and the notes to read them by, for notebooks."""
        from harness.report.notebook import comparison_html

        return comparison_html(self)


def load(folder: str | Path, registry: Registry | None = None) -> Run:
    """A run folder as a value, for looking at: nothing is trained, computed, downloaded or written.

    Raises :class:`~harness.core.errors.DataError` for a folder that is no run, or whose files are not those that were
    scored; for one that holds the runs of several seeds, see :func:`load_seeds`.
    """
    from harness.registry.default import get_registry

    path, registry = Path(folder), registry or get_registry()
    if run_folders(path) != [path]:
        raise DataError(f"{path}: holds the runs of several seeds", hint=f"harness.load_seeds({str(folder)!r})")
    run = systems.load_run(path)
    tasks = _covered(run.record)
    benchmark = run.record["benchmark"]
    chosen = registry.benchmark(benchmark) if benchmark else selection(tasks, registry, run.split)
    scored: dict[str, dict[str, UnitScore]] = {}
    for task, codes in tasks.items():
        for code in codes:
            unit = Unit(task, code, run.split)
            if unit.key in run.units:
                scored.setdefault(task, {})[code] = recorded_score(path, registry, unit, run.units[unit.key])
    return Run(path, run.record, aggregated(chosen, scored, registry), registry)


def load_seeds(folder: str | Path, registry: Registry | None = None) -> SeedRuns:
    """The runs of several seeds, from the folder in which ``harness eval --seeds`` or :func:`harness.evaluate` put them.

    Raises :class:`~harness.core.errors.DataError` as :func:`load` does, and where not all seeds are done.
    """
    path = Path(folder)
    found = run_folders(path)
    if found == [path]:
        raise DataError(f"{path / SUMMARY}: no such file", hint="it is written when the runs of all seeds are done")
    return SeedRuns([load(each, registry) for each in found], [seed_of(each) for each in found], path)


def _covered(record: RunRecord) -> dict[str, tuple[str, ...]]:
    """The languages of each task that the scores of a record are about; before it is finished, those of its units."""
    scores = record["scores"]
    if scores is None:
        units = [unit for unit in map(Unit.of, record["units"]) if not unit.mixed]
        return {unit.task: tuple(each.language for each in units if each.task == unit.task) for unit in units}
    found: dict[str, tuple[str, ...]] = {}
    for task, score in scores["tasks"].items():
        codes = dict.fromkeys(code for metric in score["metrics"].values() for code in metric["languages"])
        found[task] = tuple(codes)
    for task, lacking in scores.get("missing", {}).items():
        found[task] = (*found.get(task, ()), *lacking)
    return found
