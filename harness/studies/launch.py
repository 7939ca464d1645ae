"""Carries out the evaluations of a grid by a launcher: all of them or a shard, with the stages that they share before them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.counted import counted
from harness.core.errors import DataError, UsageError
from harness.core.files import read_text, write_atomic
from harness.results.inventory import JOBS
from harness.studies.job import Job, JobFiles, JobResult, read_job
from harness.studies.launcher import open_launcher
from harness.studies.schedule import in_order, run_jobs
from harness.studies.shard import Shard, in_wave, waves, with_needs
from harness.studies.stage_plan import with_shared_stages
from harness.training.processes import process_count, process_index

if TYPE_CHECKING:
    from harness.models.loaded import LoadedModel
    from harness.registry.registry import Registry
    from harness.types.progress import ProgressListener

LOCAL = "local"
LIST = "list.json"
"""Name of the file that lists the jobs of a folder in their order: those of the last plan, and none of an earlier one."""


@dataclass(frozen=True)
class Launch:
    """A way to carry out jobs: ``launcher`` (None: "local") does up to ``jobs`` at a time (None: its own default).

    ``options`` are settings of the launcher by name. ``shard`` and ``wave`` select a part of the jobs; other processes are
    expected to do the rest.
    """

    launcher: str | None = None
    jobs: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    shard: Shard | None = None
    wave: str | None = None

    @property
    def partial(self) -> bool:
        """Tells whether others do a part of the jobs."""
        return self.shard is not None or self.wave is not None


def launch_jobs(
    evaluations: Sequence[Job],
    out: Path,
    launch: Launch,
    *,
    only: Collection[str],
    registry: Registry,
    reporter: ProgressListener,
    loaded: LoadedModel | None = None,
    ended: Callable[[Job, JobResult], None],
) -> None:
    """Carries out evaluations, or the part of them that is asked for; their files are in ``out/jobs``.

    With several at a time, or in parts, stages that several evaluations need are jobs of their own; else the first that needs
    a stage trains it. ``only`` are the keys of those evaluations that are carried out, with what they need.
    ``loaded`` is the model of all of them, where it is in memory; then all is done in this process.
    """
    started = open_launcher(launch.launcher or LOCAL, out / JOBS, launch.jobs, registry, reporter, launch.options)
    if loaded is not None and not started.in_process:
        raise UsageError(
            "a model in memory can be evaluated in this process only",
            hint="leave launcher and jobs out, or save the model and give its folder",
        )
    started.loaded = loaded
    if not started.in_process or launch.partial:
        _check_others(registry)
    if launch.wave not in (None, "stages") and (planned := _planned_earlier(evaluations, started.folder)):
        jobs = planned
    else:
        jobs = list(evaluations)
        if started.jobs > 1 or launch.partial:
            jobs = plan_jobs(jobs, registry, reporter)
        write_list(jobs, started.folder)
    chosen = in_wave(with_needs(jobs, only), launch.wave)
    if launch.shard:
        chosen = launch.shard.part(chosen)
        reporter.note(f"shard {launch.shard.number} of {launch.shard.count}: {counted(len(chosen), 'job')}")
    own = {job.key for job in chosen}
    others = [job for job in jobs if job.key not in own]
    run_jobs(chosen, started, ended=ended, others=others, over=launch.wave is not None)


def plan_batch(
    evaluations: Sequence[Job],
    out: Path,
    *,
    only: Collection[str],
    registry: Registry,
    reporter: ProgressListener,
) -> dict[str, list[Job]]:
    """The jobs of a batch by their waves: the evaluations with the keys ``only``, and what they need.

    The files of all of them are written, so that the waves agree and their state can be asked for.
    """
    _check_others(registry)
    jobs = plan_jobs(evaluations, registry, reporter)
    write_list(jobs, out / JOBS)
    return waves(with_needs(jobs, only))


def plan_jobs(evaluations: Sequence[Job], registry: Registry, reporter: ProgressListener) -> list[Job]:
    """The evaluations and the stages that they share, each after what it needs."""
    reporter.note(f"planning {counted(len(evaluations), 'run')}")
    return in_order(with_shared_stages(evaluations, registry))


def write_list(jobs: Sequence[Job], folder: Path) -> None:
    """Writes the files of the jobs, and their list, into the folder of jobs."""
    if process_index() == 0:
        for job in jobs:
            write_atomic(JobFiles.of(job, folder).job, job.to_json())
        names = [JobFiles.of(job, folder).job.name for job in jobs]
        write_atomic(folder / LIST, json.dumps(names, indent=1) + "\n")


def read_list(folder: Path) -> list[Job]:
    """The jobs that :func:`write_list` wrote, in their order; DataError where there are none."""
    path = folder / LIST
    try:
        names = json.loads(read_text(path))
        files = [folder / name for name in names]
    except (ValueError, TypeError):
        raise DataError(f"{path}: a list of file names expected", hint="the same command writes it again") from None
    return [read_job(file) for file in files]


def _planned_earlier(evaluations: Sequence[Job], folder: Path) -> list[Job]:
    """The jobs as an earlier wave planned them; none where it planned for other evaluations, or there was none."""
    if not (folder / LIST).is_file():
        return []
    jobs = read_list(folder)
    same = {job.key for job in jobs if job.kind == "evaluation"} == {job.key for job in evaluations}
    return jobs if same else []


def _check_others(registry: Registry) -> None:
    """Refuses what other processes cannot share."""
    if process_count() > 1:
        raise UsageError("a run of several processes cannot be combined with --jobs, --launcher or --shard")
    for plugin in registry.plugins():
        if plugin.kind == "file" and not plugin.path:
            raise UsageError(f"plugin {plugin.name!r} is known in this process only, and other processes run the jobs")
