"""Carries out jobs in the order of their needs, as many at a time as the launcher takes; a failure stops what needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from harness.core.border import border
from harness.core.errors import PluginError, UsageError
from harness.core.files import write_atomic
from harness.studies.job import Job, JobResult

if TYPE_CHECKING:
    from harness.studies.launcher import Handle, JobLauncher

POLL = 0.2
"""Seconds between looks at what is running."""
ATTEMPTS = 2
"""How often a job is started whose process ends without a result: it goes on where the last one was."""


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """The jobs so that each comes after all that it needs; UsageError for a need that is no job, and for a circle."""
    known = {job.key: job for job in jobs}
    if len(known) < len(jobs):
        twice = next(job for job in jobs if known[job.key] is not job)
        raise UsageError(f"job {twice.name!r} is there twice")
    for job in jobs:
        if lacking := [key for key in job.needs if key not in known]:
            raise UsageError(f"job {job.name!r} needs {lacking[0][:12]}, which no job makes")
    try:
        order = list(TopologicalSorter({job.key: job.needs for job in jobs}).static_order())
    except CycleError as error:
        names = " needs ".join(repr(known[key].name) for key in error.args[1])
        raise UsageError(f"jobs wait for each other: {names}") from None
    return [known[key] for key in order]


def run_jobs(
    jobs: Sequence[Job], launcher: JobLauncher, *, ended: Callable[[Job, JobResult], None] = lambda job, result: None
) -> dict[str, JobResult]:
    """Carries out all jobs and returns the result of each by its key; ``ended`` is called as each of them has one.

    What needs a failed job is not started, and its result says so. On Ctrl-C, and on any error here, what runs is told to
    stop and waited for; a second Ctrl-C does not wait.
    """
    waiting = {job.key: job for job in in_order(jobs)}
    attempts = dict.fromkeys(waiting, 0)
    running: dict[str, tuple[Job, Handle]] = {}
    results: dict[str, JobResult] = {}
    told = _Lines(launcher, len(jobs))

    def end(job: Job, result: JobResult) -> None:
        results[job.key] = result
        told.ended(job, result)
        ended(job, result)

    try:
        while waiting or running:
            for key, job in list(waiting.items()):
                if cause := next(
                    (results[need] for need in job.needs if need in results and not results[need].done), None
                ):
                    del waiting[key]
                    end(
                        job,
                        JobResult(key, cause.exit_code, f"not started, as a stage before it failed: {cause.message}"),
                    )
                elif len(running) < launcher.jobs and all(need in results for need in job.needs):
                    del waiting[key]
                    told.started(job)
                    running[key] = job, _submit(job, launcher)
            with _border(launcher):
                over = [key for key, (_, handle) in running.items() if launcher.poll(handle)]
            for key in over:
                job, handle = running.pop(key)
                attempts[key] += 1
                result = launcher.result(job, handle)
                if result is None and attempts[key] < ATTEMPTS:
                    told.lost(job)
                    waiting = {key: job, **waiting}
                else:
                    end(job, result or _lost(job, launcher))
            if running and not over:
                time.sleep(POLL)
    except BaseException:
        told.stopping(len(running))
        _stop([handle for _, handle in running.values()], launcher)
        raise
    finally:
        launcher.close()
    return results


def _submit(job: Job, launcher: JobLauncher) -> Handle:
    files = launcher.files(job)
    write_atomic(files.job, job.to_json())
    files.result.unlink(missing_ok=True)
    with _border(launcher):
        return launcher.submit(job)


def _border(launcher: JobLauncher) -> AbstractContextManager[None]:
    """Around a launcher of a plugin; what a job raises in this process passes."""
    return nullcontext() if launcher.in_process else border(f"launcher {type(launcher).__name__}", PluginError)


def _lost(job: Job, launcher: JobLauncher) -> JobResult:
    hint = f"it was killed, or ran out of memory; {launcher.files(job).log} has what it printed"
    return JobResult(job.key, 1, f"ended {ATTEMPTS} times without a result", hint, lost=True)


def _stop(handles: Sequence[Handle], launcher: JobLauncher) -> None:
    for handle in handles:
        launcher.cancel(handle)
    with suppress(KeyboardInterrupt):
        while not all(launcher.poll(handle) for handle in handles):
            time.sleep(POLL)


class _Lines:
    """Says what is running, done and failed, a line each."""

    def __init__(self, launcher: JobLauncher, total: int) -> None:
        self._note = launcher.reporter.note
        self._total = total
        self._ended = 0

    def started(self, job: Job) -> None:
        self._note(f"started: {job.name}")

    def lost(self, job: Job) -> None:
        self._note(f"ended without a result, started again: {job.name}")

    def ended(self, job: Job, result: JobResult) -> None:
        self._ended += 1
        how = "done" if result.exit_code == 0 else f"failed: {result.message}"
        self._note(f"{self._ended} of {self._total} jobs: {job.name}: {how}")

    def stopping(self, count: int) -> None:
        if count:
            self._note(f"stopping {count} jobs, whose state is kept; once more to leave them at once")
