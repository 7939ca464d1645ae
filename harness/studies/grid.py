"""Grids of runs: systems and seeds, from a study or from ``--seeds``, as jobs that a launcher carries out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.counted import counted
from harness.core.errors import DataError, HarnessError
from harness.models.reference import parse_model
from harness.results.seeds import SEEDLESS, SUMMARY, check_seeds, seed_folder, summarise, write_summary
from harness.results.systems import load_run
from harness.runs.naming import system_name
from harness.studies.job import Job, JobResult
from harness.studies.launch import Launch, launch_jobs
from harness.studies.stage_plan import check_job
from harness.training.processes import process_index
from harness.types.options import EvalOptions
from harness.types.studies import Study

if TYPE_CHECKING:
    from harness.models.loaded import LoadedModel
    from harness.registry.registry import Registry
    from harness.types.progress import ProgressListener


@dataclass(frozen=True)
class Cell:
    """One model with one set of options, and all its seeds; its runs are in ``folder``, one a seed."""

    model: str
    options: EvalOptions
    seeds: tuple[int, ...]
    folder: Path
    benchmark: str | None = None
    tasks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses seeds that cannot be told apart."""
        check_seeds(self.seeds, self.model)

    @property
    def via(self) -> tuple[str, ...]:
        """The intermediate stages, in order."""
        return self.options.via

    @property
    def name(self) -> str:
        """The model and its stages: "xlm-roberta-base via mnli > squad"."""
        return f"{self.model} via {' > '.join(self.via)}" if self.via else self.model

    @property
    def runs(self) -> list[Path]:
        """The run folders of its seeds."""
        return [seed_folder(self.folder, seed) for seed in self.seeds]

    def jobs(self, registry: Registry) -> list[Job]:
        """An evaluation for each seed."""
        plugins = registry.plugins()
        return [
            Job(
                name=f"{self.name}, seed {seed}",
                kind="evaluation",
                model=self.model,
                out=str(run),
                benchmark=self.benchmark,
                tasks=self.tasks,
                languages=self.languages,
                options=self.options,
                seed=seed,
                folder=str(Path.cwd()),
                plugins=tuple(plugin.path for plugin in plugins if plugin.path),
                disabled=tuple(plugin.provider for plugin in plugins if plugin.status == "disabled"),
            )
            for seed, run in zip(self.seeds, self.runs, strict=True)
        ]


@dataclass(frozen=True)
class Grid:
    """Result of a grid: the summaries of the cells that are complete, and the jobs that failed."""

    summaries: list[tuple[Cell, dict[str, Any]]]
    failed: list[tuple[Job, JobResult]]

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


def cells(study: Study, out: Path, options: EvalOptions | None = None) -> Iterator[Cell]:
    """The grid of a study in its order, models first, in ``out/<model>[-via-<stages>]/seed-<n>``.

    All runs share their stages, in ``out/stages``. ``options`` has data folder, device and limits; stages, recipe and
    seeds are the study's.
    """
    base = replace(options or EvalOptions(), recipe=study.recipe, stages_dir=str(out / "stages"))
    for model in study.models:
        for via in study.via:
            folder = out / system_name(parse_model(model), via)
            selection = (study.benchmark or None, study.tasks, study.languages)
            seeds = study.seeds[:1] if model == SEEDLESS else study.seeds
            yield Cell(model, replace(base, via=via), seeds, folder, *selection)


def run_cells(
    cells: Sequence[Cell],
    out: Path,
    *,
    registry: Registry,
    reporter: ProgressListener,
    launch: Launch | None = None,
    loaded: LoadedModel | None = None,
) -> Grid:
    """Every run of the cells; what is done already is kept. ``seeds.json`` sums a cell up as soon as it is whole.

    ``launch`` says by what, how many at a time, and which part of them (:func:`~harness.studies.launch.launch_jobs`). A job
    that fails costs only what needs it. Where other processes do a part, whoever finishes the last run of a cell sums it
    up. ``loaded`` is the model of all cells, where it is in memory; then all is done in this process.

    Raises :class:`~harness.core.errors.HarnessError` for what no run of a cell could do, before anything is started.
    """
    launch = launch or Launch()
    of = {job.key: (cell, job) for cell in cells for job in cell.jobs(registry)}
    for cell in cells:
        check_job(cell.jobs(registry)[0], registry)
    left = {cell.folder: len(cell.seeds) for cell in cells}
    summaries: list[tuple[Cell, dict[str, Any]]] = []
    failed: list[tuple[Job, JobResult]] = []

    def ended(job: Job, result: JobResult) -> None:
        if not result.done:
            failed.append((job, result))
        elif job.kind == "evaluation" and process_index() == 0:
            cell, _ = of[job.key]
            (cell.folder / SUMMARY).unlink(missing_ok=True)  # an earlier command's, until all seeds are done
            left[cell.folder] -= 1
            whole = all(_finished(run) for run in cell.runs) if launch.partial else not left[cell.folder]
            if whole:
                summaries.append((cell, summary_of(cell)))
                write_summary(summaries[-1][1], cell.folder)

    evaluations = [job for _, job in of.values()]
    launch_jobs(evaluations, out, launch, registry=registry, reporter=reporter, loaded=loaded, ended=ended)
    order = [cell.folder for cell in cells]
    return Grid(sorted(summaries, key=lambda found: order.index(found[0].folder)), failed)


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
