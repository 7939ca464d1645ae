"""Grids of runs: systems and seeds, from a study or from ``--seeds``, as jobs that a launcher carries out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.counted import counted
from harness.core.errors import DataError, HarnessError, check_choice
from harness.models.reference import parse_model
from harness.results.seeds import SEEDLESS, SUMMARY, check_seeds, seed_folder, summarise, write_summary
from harness.results.systems import load_run
from harness.runs.naming import system_name
from harness.studies.job import Choice, Job, JobResult
from harness.studies.launch import Launch, launch_jobs
from harness.studies.search import RECIPE, SEARCH, Tried, searched_tasks, with_value
from harness.studies.search_report import SearchResult, search_results, write_search
from harness.studies.stage_plan import check_job
from harness.training.processes import process_index
from harness.types.options import EvalOptions
from harness.types.studies import Arm, Search, Study, named_stages

if TYPE_CHECKING:
    from harness.models.loaded import LoadedModel
    from harness.registry.registry import Registry
    from harness.types.progress import ProgressListener


@dataclass(frozen=True)
class Cell:
    """One model with one set of options, and all its seeds; its runs are in ``folder``, one a seed.

    ``arm`` is the study's arm that it belongs to. A cell with ``choice`` takes an option from a search, a cell with
    ``tried`` is part of the search: a run on English dev data, right in ``folder``. ``beside`` is set for the recipe's own
    value where the arm has a search.
    """

    model: str
    options: EvalOptions
    seeds: tuple[int, ...]
    folder: Path
    benchmark: str | None = None
    tasks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    arm: str = ""
    choice: Choice | None = None
    tried: Tried | None = None
    beside: bool = False

    def __post_init__(self) -> None:
        """Refuses seeds that cannot be told apart."""
        check_seeds(self.seeds, self.model)

    @property
    def via(self) -> tuple[str, ...]:
        """The intermediate stages, in order."""
        return self.options.via

    @property
    def treatment(self) -> str:
        """The name of its arm or, in a study without arms, its stages: "mnli > squad", or "none"."""
        return self.arm or named_stages(self.via)

    @property
    def name(self) -> str:
        """The model and its arm, or its stages: "xlm-roberta-base via mnli > squad"."""
        if self.arm:
            what = f" tried with {self.tried}" if self.tried else " with the recipe's own value" if self.beside else ""
            return f"{self.model}, {self.arm}{what}"
        return f"{self.model} via {' > '.join(self.via)}" if self.via else self.model

    @property
    def runs(self) -> list[Path]:
        """The run folders of its seeds."""
        return [self.folder] if self.tried else [seed_folder(self.folder, seed) for seed in self.seeds]

    def jobs(self, registry: Registry) -> list[Job]:
        """An evaluation for each seed."""
        plugins = registry.plugins()
        tasks, options = self.tasks, self.options
        if self.tried:
            tasks = tuple(searched_tasks(registry, self.benchmark, self.tasks))
            options = with_value(options, self.tried, tasks)
        return [
            Job(
                name=f"{self.name}, seed {seed}",
                kind="evaluation",
                model=self.model,
                out=str(run),
                benchmark=self.benchmark,
                tasks=tasks,
                languages=self.languages,
                options=options,
                seed=seed,
                choice=self.choice,
                folder=str(Path.cwd()),
                plugins=tuple(plugin.path for plugin in plugins if plugin.path),
                disabled=tuple(plugin.provider for plugin in plugins if plugin.status == "disabled"),
            )
            for seed, run in zip(self.seeds, self.runs, strict=True)
        ]


@dataclass(frozen=True)
class Grid:
    """Result of a grid: the summaries of the cells that are complete, the jobs that failed, and what searches have chosen."""

    summaries: list[tuple[Cell, dict[str, Any]]]
    failed: list[tuple[Job, JobResult]]
    searches: Sequence[SearchResult] = ()

    @property
    def failed_units(self) -> list[tuple[Path, str]]:
        """Run folder and key of every unit of a whole cell that has no score."""
        return [(run, unit) for cell, _ in self.summaries for run in cell.runs for unit in load_run(run).failed]

    def error(self) -> HarnessError | None:
        """The failure of jobs as one error, of the kind of the first; None where all are done."""
        if not self.failed:
            return None
        job, result = self.failed[0]
        if len({each.message for _, each in self.failed}) == 1:
            return result.error()
        return result.error(f"{counted(len(self.failed), 'job')} failed; {job.name}: ")


@dataclass(frozen=True)
class StudyFolders:
    """Folders of a study: ``runs`` holds runs, stages and jobs, ``own`` its frozen plan and its analysis."""

    own: Path
    runs: Path

    @classmethod
    def of(cls, study: Study, size: str | None = None, out: str | Path | None = None) -> StudyFolders:
        """Those of a study at a size: ``out``, else ``runs/<study>[/<size>]``; the runs are in the same folder.

        A study of another one's runs uses that one's folder for the runs, and a folder of its name within for itself.
        """
        runs = Path(out) if out else Path("runs", study.runs_of or study.name, *([size] if size else []))
        return cls(runs / study.name if study.runs_of else runs, runs)


def cells(study: Study, out: Path, options: EvalOptions | None = None) -> Iterator[Cell]:
    """The grid of a study in its order, models first, in ``out/<model>/<arm>/seed-<n>``; those of a search come before.

    Without arms there is a cell for each ``via``, in ``out/<model>[-via-<stages>]/seed-<n>``. All runs share their stages, in
    ``out/stages``. ``options`` has data folder and device, and what is to be used instead of the study's own limits and
    options; stages, recipe and seeds are the study's.
    """
    base = replace(options or EvalOptions(), recipe=study.recipe, stages_dir=str(out / "stages"))
    base = replace(
        base,
        limit=base.limit or study.limit,
        train_limit=base.train_limit or study.train_limit,
        perturb=base.perturb or study.perturb,
        mixed_pairs=base.mixed_pairs or study.mixed_pairs,
    )
    for model in study.models:
        seeds = study.seeds_for(model)[:1] if model == SEEDLESS else study.seeds_for(model)
        own = {**study.options, **study.options_of.get(model, {})}
        cell = Cell(model, base, seeds, out, study.benchmark or None, study.tasks, study.languages)
        if not study.arms:
            for via in study.via:
                chosen = replace(base, via=via, overrides={**own, **base.overrides})
                yield replace(cell, options=chosen, folder=out / system_name(parse_model(model), via))
        for arm in study.arms_of(model):
            overrides = {**_for_tasks(own, study, arm), **arm.options, **base.overrides}
            chosen = replace(base, via=arm.via, overrides=overrides)
            if arm.on_other_data:
                chosen = replace(chosen, train_on=arm.train_on, test_on=arm.test_on, perturb=(), mixed_pairs=False)
            place = Path(parse_model(model).slug)
            of_arm = replace(
                cell, options=chosen, folder=out / place / arm.name, arm=arm.name, tasks=arm.tasks or study.tasks
            )
            if study.search is not None and study.search.covers(model):
                yield from _searched(study.search, of_arm, out / SEARCH / place / arm.name)
            else:
                yield of_arm


def _for_tasks(options: Mapping[str, Any], study: Study, arm: Arm) -> dict[str, Any]:
    """A study's options without those of tasks that it scores and a restricted arm does not, which its runs would refuse."""
    scored, kept = ({text.partition("[")[0] for text in tasks} for tasks in (study.tasks, arm.tasks or study.tasks))
    return {name: value for name, value in options.items() if name.partition(".")[0] not in scored - kept}


def _searched(search: Search, cell: Cell, folder: Path) -> Iterator[Cell]:
    """The runs of a search, the cell with what it has chosen, and the cell with the recipe's own value."""
    runs: dict[str, str] = {}
    english = replace(cell.options, split="dev", perturb=(), mixed_pairs=False)
    for value in (None, *search.values):
        tried = Tried(search.option, value)
        runs[tried.text] = str(folder / str(tried))
        yield replace(
            cell, options=english, seeds=(search.seed,), folder=folder / str(tried), languages=("en",), tried=tried
        )
    yield replace(cell, choice=Choice(search.option, runs))
    yield replace(cell, folder=cell.folder.with_name(f"{cell.arm}@{RECIPE}"), beside=True)


def selected(cells: Sequence[Cell], models: Sequence[str] = (), arms: Sequence[str] = ()) -> list[Cell]:
    """The cells of these models and arms, searches included; no names are all of them.

    UsageError for a name that the grid does not have.
    """
    for option, names, known in (
        ("--model", models, [cell.model for cell in cells]),
        ("--arm", arms, [cell.treatment for cell in cells]),
    ):
        for name in names:
            check_choice(option, name, list(dict.fromkeys(known)))
    return [cell for cell in cells if (not models or cell.model in models) and (not arms or cell.treatment in arms)]


def check_cells(cells: Sequence[Cell], registry: Registry) -> None:
    """Refuses what no run of one of the cells could do (:func:`~harness.studies.stage_plan.check_job`)."""
    for cell in cells:
        check_job(cell.jobs(registry)[0], registry)


def keys_of(cells: Sequence[Cell], of: Mapping[str, tuple[Cell, Job]]) -> set[str]:
    """The keys of these cells' jobs among :func:`evaluations`."""
    folders = {cell.folder for cell in cells}
    return {key for key, (cell, _) in of.items() if cell.folder in folders}


def evaluations(cells: Sequence[Cell], registry: Registry) -> dict[str, tuple[Cell, Job]]:
    """The jobs of the cells by their keys, each with its cell; those that take an option from a search need its runs.

    The first seed of every cell comes before the second of any, so that a study that is stopped compares all of its arms.
    """
    seeds = zip_longest(*([(cell, job) for job in cell.jobs(registry)] for cell in cells))
    found = [each for row in seeds for each in row if each is not None]
    tried = {job.out: job.key for cell, job in found if cell.tried}
    return {
        job.key: (
            cell,
            replace(job, needs=tuple(tried[run] for run in job.choice.runs.values())) if job.choice else job,
        )
        for cell, job in found
    }


def run_cells(
    cells: Sequence[Cell],
    out: Path,
    *,
    registry: Registry,
    reporter: ProgressListener,
    launch: Launch | None = None,
    loaded: LoadedModel | None = None,
    chosen: Sequence[Cell] | None = None,
) -> Grid:
    """Every run of the cells; what is done already is kept. ``seeds.json`` sums a cell up as soon as it is whole.

    ``chosen`` are those of the cells that are run (None: all); the others are planned only, for the list of jobs.
    ``launch`` says by what, how many at a time, and which part of them (:func:`~harness.studies.launch.launch_jobs`). A job
    that fails costs only what needs it. Where other processes do a part, whoever finishes the last run of a cell sums it
    up. ``loaded`` is the model of all cells, where it is in memory; then all is done in this process.

    Raises :class:`~harness.core.errors.HarnessError` for what no run of a cell could do, before anything is started.
    """
    launch = launch or Launch()
    chosen = cells if chosen is None else chosen
    of = evaluations(cells, registry)
    check_cells(chosen, registry)
    left = {cell.folder: len(cell.seeds) for cell in cells if not cell.tried}
    summaries: list[tuple[Cell, dict[str, Any]]] = []
    failed: list[tuple[Job, JobResult]] = []

    def ended(job: Job, result: JobResult) -> None:
        if not result.done:
            failed.append((job, result))
        elif job.kind == "evaluation" and process_index() == 0 and not of[job.key][0].tried:
            cell, _ = of[job.key]
            (cell.folder / SUMMARY).unlink(missing_ok=True)  # an earlier command's, until all seeds are done
            left[cell.folder] -= 1
            whole = all(_finished(run) for run in cell.runs) if launch.partial else not left[cell.folder]
            if whole:
                summaries.append((cell, summary_of(cell)))
                write_summary(summaries[-1][1], cell.folder)

    jobs = [job for _, job in of.values()]
    only = keys_of(chosen, of)
    launch_jobs(jobs, out, launch, only=only, registry=registry, reporter=reporter, loaded=loaded, ended=ended)
    searches = search_results(cells, registry)
    if process_index() == 0:
        write_search(searches, out)
    order = [cell.folder for cell in cells]
    return Grid(sorted(summaries, key=lambda found: order.index(found[0].folder)), failed, searches)


def summary_of(cell: Cell) -> dict[str, Any]:
    """Mean and deviation over the seeds of a cell whose runs are all finished; DataError where one is not."""
    tables = []
    for folder in cell.runs:
        scores = load_run(folder).scores
        if scores is None:
            raise DataError(f"{folder}: no finished run", hint="the same command goes on with it")
        tables.append(scores)
    return summarise(tables, cell.seeds)


def _finished(run: Path) -> bool:
    """Tells whether a run folder holds a finished run."""
    try:
        return load_run(run).scores is not None
    except HarnessError:
        return False
