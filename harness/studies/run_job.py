"""Carries out one job in this process, and writes its result where the launcher looks for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.border import PASSING, in_words
from harness.core.claims import Claims
from harness.core.errors import ClaimLost, DataError, HarnessError, UnitsFailed
from harness.core.offline import without_network
from harness.evaluation.evaluate_run import evaluate_run
from harness.evaluation.observers import Observed
from harness.registry.default import get_registry
from harness.studies.job import Job, JobFiles, JobResult, read_job, write_result
from harness.studies.search import chosen_overrides, searched_tasks
from harness.studies.stage_plan import plan_stages
from harness.training.processes import process_index
from harness.training.shared import train_when_free

if TYPE_CHECKING:
    from harness.models.loaded import LoadedModel
    from harness.registry.registry import Registry
    from harness.types.progress import ProgressListener


def run_job(job: Job, registry: Registry, reporter: ProgressListener, loaded: LoadedModel | None = None) -> JobResult:
    """Carries out a job; of a model in memory, if ``loaded`` is one.

    A documented error becomes its result; anything else that is raised is a bug, or Ctrl-C.
    """
    started = time.monotonic()
    try:
        if job.kind == "stage":
            result = _train(job, registry, reporter)
        else:
            result = _evaluate(job, registry, reporter, loaded)
    except ClaimLost:  # the result is that of the process which has the claim now
        raise
    except HarnessError as error:
        result = JobResult.of(job, error)
    return replace(result, seconds=round(max(result.seconds, time.monotonic() - started), 3))


@contextmanager
def working_on(files: JobFiles) -> Iterator[None]:
    """Claims a job for this process, so that its folder says who is at it.

    Others may be at the same job: they share its units and stages, and the first one is named.
    """
    claims = Claims(files.claim.parent)
    taken = process_index() == 0 and claims.take(files.job.stem)
    with claims.releasing(*([files.job.stem] if taken else [])):
        yield


def run_job_file(path: Path, reporter: ProgressListener) -> JobResult:
    """Carries out the job in a file, in the folder and with the plugins that it names, and writes its result next to it.

    Every failure leaves a result with its line, except Ctrl-C, a killed process and one whose claims another process has
    taken over, which leave none.
    """
    path = path.absolute()
    job = read_job(path)
    files = JobFiles.beside(path)
    files.result.unlink(missing_ok=True)
    try:
        try:
            os.chdir(job.folder)
        except OSError as error:
            raise DataError(f"{job.folder}: the folder of the job cannot be entered: {error.strerror}") from None
        registry = get_registry([Path(file) for file in job.plugins], job.disabled)
        with working_on(files):
            result = run_job(job, registry, reporter)
    except ClaimLost:
        raise
    except HarnessError as error:
        result = JobResult.of(job, error)
    except PASSING:
        raise
    except BaseException as error:
        hint = f"this is a bug in harness or in a plugin; {files.log.name} has the rest"
        write_result(files.result, JobResult(job.key, 1, in_words(error), hint))
        raise
    write_result(files.result, result)
    return result


def _evaluate(job: Job, registry: Registry, reporter: ProgressListener, loaded: LoadedModel | None) -> JobResult:
    options = job.seeded
    if job.choice is not None:
        chosen = chosen_overrides(job.choice, searched_tasks(registry, job.benchmark, job.tasks))
        options = replace(options, overrides={**options.overrides, **chosen})
    run = evaluate_run(
        loaded or job.model,
        job.tasks,
        benchmark=job.benchmark,
        languages=job.languages,
        out=job.out,
        options=options,
        registry=registry,
        reporter=reporter,
    )
    paths, seconds = {"run": job.out}, run.record["timings"].get("seconds", 0.0)
    if failed := run.record["failed"]:
        message = f"{len(failed)} units failed, {next(iter(failed))} for one"
        return JobResult(job.key, UnitsFailed.exit_code, message, paths=paths, seconds=seconds)
    return JobResult(job.key, paths=paths, seconds=seconds)


def _train(job: Job, registry: Registry, reporter: ProgressListener) -> JobResult:
    with without_network(job.options.offline):
        plan = plan_stages(job, registry, Observed(reporter, registry.hook, Path(job.out)))
        stage = next((stage for stage in plan.required() if stage.key == job.stage), None)
        if stage is None:
            raise DataError(
                f"{job.name}: no stage of this plan has the key {job.stage[:12]}",
                hint="model or data have changed since it was planned, or this machine computes in another precision: "
                "give --dtype, and plan again",
            )
        trained = train_when_free(plan.stages, stage)
    seconds = trained.summary.get("seconds", 0.0)
    return JobResult(job.key, paths={"checkpoint": str(trained.folder)}, seconds=seconds)
