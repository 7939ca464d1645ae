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
from harness.studies.job import Job, JobResult, read_result, write_result
from harness.studies.time_left import time_left
from harness.training.processes import process_index
from harness.types.progress import JobCount

if TYPE_CHECKING:
    from harness.studies.launcher import Handle, JobLauncher

POLL = 0.2
"""Seconds between looks at what is running."""
SHOWN_EVERY = 5.0
"""Seconds between two times that the time left is told."""
_HELD_BACK = "not started, as a job that it needs failed: "
ATTEMPTS = 2
"""Number of times a job is started whose process ends without a result. It resumes where the last one was."""


def in_order(jobs: Sequence[Job], others: Sequence[Job] = ()) -> list[Job]:
    """The jobs as they are given, but each right after what it needs; UsageError for a need that is no job, and for a circle.

    A need may be one of the ``others``, which are left out.
    """
    known = {job.key: job for job in (*others, *jobs)}
    if len(known) < len(jobs) + len(others):
        twice = next(job for job in (*others, *jobs) if known[job.key] is not job)
        raise UsageError(f"job {twice.name!r} occurs twice")
    for job in jobs:
        if lacking := [key for key in job.needs if key not in known]:
            raise UsageError(f"job {job.name!r} needs {lacking[0][:12]}, which no job produces")
    own = {job.key for job in jobs}
    needs = {job.key: [need for need in job.needs if need in own] for job in jobs}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        names = " needs ".join(repr(known[key].name) for key in error.args[1])
        raise UsageError(f"jobs wait for each other: {names}") from None
    order: dict[str, Job] = {}

    def place(key: str) -> None:
        if key not in order:
            for need in needs[key]:
                place(need)
            order[key] = known[key]

    for job in jobs:
        place(job.key)
    return list(order.values())


def run_jobs(
    jobs: Sequence[Job],
    launcher: JobLauncher,
    *,
    ended: Callable[[Job, JobResult], None] = lambda job, result: None,
    others: Sequence[Job] = (),
    over: bool = False,
) -> dict[str, JobResult]:
    """Carries out all jobs and returns the result of each by its key; ``ended`` is called as each of them has one.

    A job that needs a failed one is not started, and its result says so. On Ctrl-C, and on any error here, running jobs
    are stopped and waited for; a second Ctrl-C does not wait.

    The ``others`` are what other processes carry out. A job that needs one of them waits for its result as long as there is
    anything else to do; then the needed one is carried out here as well, which shares the work with whoever is at it.
    With ``over``, the others have had their turn: what failed there is not tried again.
    """
    schedule = _Schedule(in_order(jobs, others), launcher, ended, others, over=over)
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
    """Jobs that wait, run and have ended, by their keys; tells how many, and logs a line for each."""

    def __init__(
        self,
        jobs: Sequence[Job],
        launcher: JobLauncher,
        ended: Callable[[Job, JobResult], None],
        others: Sequence[Job],
        *,
        over: bool,
    ) -> None:
        self.launcher = launcher
        self.ended = ended
        self.waiting = {job.key: job for job in jobs}
        self.running: dict[str, tuple[Job, Handle]] = {}
        self.results: dict[str, JobResult] = {}
        self._jobs = {job.key: job for job in jobs}
        self._others = {job.key: job for job in others}
        self._over = over
        self._starts = dict.fromkeys((*self._jobs, *self._others), 0)
        self._since: dict[str, float] = {}
        self._told = 0.0
        self._say = launcher.reporter.note
        # All of them at once: the file of an evaluation to come says that the stages next to it are needed.
        for job in jobs:
            self._prepare(job)
        self._tell()

    def start(self) -> None:
        """Starts what is ready, as far as the launcher takes it, and ends what can no longer be."""
        for key, job in list(self.waiting.items()):
            needed = [self._result(need) for need in job.needs]
            failed = next((result for result in needed if result and not result.done), None)
            if failed:
                del self.waiting[key]
                message = failed.message if failed.message.startswith(_HELD_BACK) else f"{_HELD_BACK}{failed.message}"
                self._end(job, JobResult(key, failed.exit_code, message, failed.hint))
            elif all(needed) and len(self.running) < self.launcher.jobs:
                del self.waiting[key]
                self._submit(job)
        if self.waiting and not self.running:
            self._take_over()

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
        if time.monotonic() - self._told >= SHOWN_EVERY:
            self._tell()
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

    def _prepare(self, job: Job) -> None:
        """Writes the file of a job, and removes its last result."""
        if process_index() == 0:
            files = self.launcher.files(job)
            write_atomic(files.job, job.to_json())
            files.result.unlink(missing_ok=True)

    def _result(self, key: str) -> JobResult | None:
        """The result of a job, of this process or of another; None where there is none that counts."""
        if key in self.results or key in self._jobs:
            return self.results.get(key)
        found = read_result(self.launcher.files(self._others[key]).result)
        if found is not None and (found.done or self._over):
            self.results[key] = found
            return found
        return None

    def _take_over(self) -> None:
        """Adds what the waiting jobs need of the others' jobs, and what those need."""
        open_needs = [need for job in self.waiting.values() for need in job.needs]
        taken: dict[str, Job] = {}
        while open_needs:
            key = open_needs.pop()
            if key in self._others and key not in self._jobs and self._result(key) is None and key not in taken:
                taken[key] = self._others[key]
                open_needs += taken[key].needs
        for key, job in taken.items():
            self._say(f"not done yet by another process, and needed: {job.name}")
            self._prepare(job)
            self._jobs[key] = job
        self.waiting = {**taken, **self.waiting}

    def _submit(self, job: Job) -> None:
        self._say(f"started: {job.name}")
        self._starts[job.key] += 1
        self._since[job.key] = time.monotonic()
        with _border(self.launcher):
            self.running[job.key] = job, self.launcher.submit(job)

    def _end(self, job: Job, result: JobResult) -> None:
        self.results[job.key] = result
        path = self.launcher.files(job).result
        if process_index() == 0 and read_result(path) != result:  # held back, lost, or carried out in this process
            write_result(path, result)
        how = f"failed: {result.message}" if result.exit_code else "done"
        count = self._tell()
        more = f" ({count.words})" if count.words else ""
        self._say(f"{count.ended} of {count.total} jobs: {job.name}: {how}{more}")
        self.ended(job, result)

    def _tell(self) -> JobCount:
        """Tells how many jobs are done, run and have failed, and the time that is left."""
        self._told = time.monotonic()
        ended = [result for key, result in self.results.items() if key in self._jobs]
        done = sum(result.done for result in ended)
        seconds = [(self._jobs[result.key], result.seconds) for result in ended if result.done]
        running = {key: self._told - self._since[key] for key in self.running}
        left = [job for key, job in self._jobs.items() if key not in self.results]
        count = JobCount(
            len(self._jobs),
            done,
            len(ended) - done,
            len(running),
            time_left(left, running, seconds, self.launcher.jobs),
        )
        self.launcher.reporter.jobs(count)
        return count


def _border(launcher: JobLauncher) -> AbstractContextManager[None]:
    """Around a launcher of a plugin; what a job raises in this process passes."""
    return nullcontext() if launcher.in_process else border(f"launcher {type(launcher).__name__}", PluginError)


def _lost(job: Job, launcher: JobLauncher) -> JobResult:
    hint = f"it was killed, or ran out of memory; {launcher.files(job).log} has what it printed"
    return JobResult(job.key, 1, f"ended {ATTEMPTS} times without a result", hint, lost=True)
