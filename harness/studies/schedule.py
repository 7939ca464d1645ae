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
_HELD_BACK = "not started, as a job that it needs failed: "
ATTEMPTS = 2
"""Number of times a job is started whose process ends without a result. It resumes where the last one was."""


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """The jobs so that each comes after all that it needs; UsageError for a need that is no job, and for a circle."""
    known = {job.key: job for job in jobs}
    if len(known) < len(jobs):
        twice = next(job for job in jobs if known[job.key] is not job)
        raise UsageError(f"job {twice.name!r} occurs twice")
    for job in jobs:
        if lacking := [key for key in job.needs if key not in known]:
            raise UsageError(f"job {job.name!r} needs {lacking[0][:12]}, which no job produces")
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

    A job that needs a failed one is not started, and its result says so. On Ctrl-C, and on any error here, running jobs
    are stopped and waited for; a second Ctrl-C does not wait.
    """
    schedule = _Schedule(in_order(jobs), launcher, ended)
    try:
        while schedule.waiting or schedule.running:
            schedule.start()
            if not schedule.collect() and schedule.running:
                time.sleep(POLL)
    except BaseException:
        schedule.stop()
        raise
    finally:
        launcher.close()
    return schedule.results


class _Schedule:
    """Jobs that wait, run and have ended, by their keys; logs a line for each."""

    def __init__(self, jobs: Sequence[Job], launcher: JobLauncher, ended: Callable[[Job, JobResult], None]) -> None:
        self.launcher = launcher
        self.ended = ended
        self.waiting = {job.key: job for job in jobs}
        self.running: dict[str, tuple[Job, Handle]] = {}
        self.results: dict[str, JobResult] = {}
        self._total = len(jobs)
        self._starts = dict.fromkeys(self.waiting, 0)
        self._say = launcher.reporter.note
        # All of them at once: the file of an evaluation to come says that the stages next to it are needed.
        for job in jobs:
            files = launcher.files(job)
            write_atomic(files.job, job.to_json())
            files.result.unlink(missing_ok=True)

    def start(self) -> None:
        """Starts what is ready, as far as the launcher takes it, and ends what can no longer be."""
        for key, job in list(self.waiting.items()):
            needed = [self.results.get(need) for need in job.needs]
            failed = next((result for result in needed if result and not result.done), None)
            if failed:
                del self.waiting[key]
                message = failed.message if failed.message.startswith(_HELD_BACK) else f"{_HELD_BACK}{failed.message}"
                self._end(job, JobResult(key, failed.exit_code, message, failed.hint))
            elif all(needed) and len(self.running) < self.launcher.jobs:
                del self.waiting[key]
                self._submit(job)

    def collect(self) -> bool:
        """Takes the results of what has ended; whether anything has."""
        with _border(self.launcher):
            over = [key for key, (_, handle) in self.running.items() if self.launcher.poll(handle)]
        for key in over:
            job, handle = self.running.pop(key)
            result = self.launcher.result(job, handle)
            if result is None and self._starts[key] < ATTEMPTS:
                self._say(f"ended without a result, started again: {job.name}")
                self.waiting = {key: job, **self.waiting}
            else:
                self._end(job, result or _lost(job, self.launcher))
        return bool(over)

    def stop(self) -> None:
        """Cancels what runs, and waits until it has ended."""
        handles = [handle for _, handle in self.running.values()]
        if handles:
            self._say(f"stopping {len(handles)} jobs, whose state is kept; once more to leave them at once")
        for handle in handles:
            with suppress(Exception):
                self.launcher.cancel(handle)
        with suppress(Exception, KeyboardInterrupt):
            while not all(self.launcher.poll(handle) for handle in handles):
                time.sleep(POLL)

    def _submit(self, job: Job) -> None:
        self._say(f"started: {job.name}")
        self._starts[job.key] += 1
        with _border(self.launcher):
            self.running[job.key] = job, self.launcher.submit(job)

    def _end(self, job: Job, result: JobResult) -> None:
        self.results[job.key] = result
        how = f"failed: {result.message}" if result.exit_code else "done"
        self._say(f"{len(self.results)} of {self._total} jobs: {job.name}: {how}")
        self.ended(job, result)


def _border(launcher: JobLauncher) -> AbstractContextManager[None]:
    """Around a launcher of a plugin; what a job raises in this process passes."""
    return nullcontext() if launcher.in_process else border(f"launcher {type(launcher).__name__}", PluginError)


def _lost(job: Job, launcher: JobLauncher) -> JobResult:
    hint = f"it was killed, or ran out of memory; {launcher.files(job).log} has what it printed"
    return JobResult(job.key, 1, f"ended {ATTEMPTS} times without a result", hint, lost=True)
