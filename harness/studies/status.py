"""The state of a study's jobs, read from its folder alone: while they run somewhere, and afterwards."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from harness.core.claims import abandoned
from harness.core.errors import DataError
from harness.results.inventory import JOBS
from harness.studies.job import Job, JobFiles, read_result
from harness.studies.launch import LIST, read_list
from harness.studies.time_left import time_left
from harness.types.progress import JobCount

State = Literal["waiting", "running", "done", "failed", "lost"]


@dataclass(frozen=True)
class JobStatus:
    """The state of one job.

    A job that is "waiting" has not begun, or was stopped and goes on; one that is "lost" was begun by a process that is gone.
    ``who`` has it in hand ("process 7 on node-3"), ``since`` a time in UTC. ``seconds`` are those of a job that is done, of all
    the work on it. ``log`` is what the job's own process printed, if it had one.
    """

    job: Job
    state: State
    who: str = ""
    since: str = ""
    seconds: float = 0.0
    message: str = ""
    hint: str = ""
    log: Path | None = None


@dataclass(frozen=True)
class StudyStatus:
    """The states of the jobs of a study in their order."""

    folder: Path
    jobs: Sequence[JobStatus]

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of jobs in each state."""
        return Counter(status.state for status in self.jobs)

    def count(self, now: datetime | None = None) -> JobCount:
        """The numbers of jobs, and the time left if as many go on as are running now."""
        now = now or datetime.now(UTC)
        counts = self.counts
        done = [(status.job, status.seconds) for status in self.jobs if status.state == "done"]
        left = [status.job for status in self.jobs if status.state in ("waiting", "running", "lost")]
        running = {status.job.key: _age(status.since, now) for status in self.jobs if status.state == "running"}
        seconds = time_left(left, running, done, len(running)) if running else None
        return JobCount(len(self.jobs), counts["done"], counts["failed"], counts["running"], seconds)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        jobs = [
            {
                "name": status.job.name,
                "kind": status.job.kind,
                "key": status.job.key,
                "state": status.state,
                "who": status.who,
                "since": status.since,
                "seconds": status.seconds,
                "message": status.message,
                "hint": status.hint,
                "out": status.job.out,
                "log": str(status.log) if status.log else None,
            }
            for status in self.jobs
        ]
        return {
            "folder": str(self.folder),
            "counts": dict(self.counts),
            "seconds_left": self.count().left,
            "jobs": jobs,
        }


def study_status(folder: Path) -> StudyStatus:
    """The status of a study in the folder of its runs; DataError where no jobs were planned there."""
    if not (folder / JOBS / LIST).is_file():
        raise DataError(
            f"{folder}: no jobs of a study are planned here",
            hint="harness study run or harness study submit plans them",
        )
    jobs = [(job, JobFiles.of(job, folder / JOBS)) for job in read_list(folder / JOBS)]
    # The claims first: a job that ends in between has its result before it lets its claim go. An owner on another machine
    # that has long been silent is looked at until it is sure that it is gone.
    claimed = {files.claim for _, files in jobs if files.claim.is_file()}
    held = claimed - {*abandoned(claimed)}
    return StudyStatus(
        folder, [_status(job, files, files.claim in claimed, files.claim in held) for job, files in jobs]
    )


def _status(job: Job, files: JobFiles, claimed: bool, held: bool) -> JobStatus:
    log = files.log if files.log.is_file() else None
    who, since = _owner(files.claim) if claimed else ("", "")
    result = read_result(files.result)
    if held:
        return JobStatus(job, "running", who, since, log=log)
    if result is not None:
        state: State = "done" if result.done else "lost" if result.lost else "failed"
        return JobStatus(job, state, "", "", result.seconds, result.message, result.hint, log)
    return JobStatus(job, "lost" if claimed else "waiting", who, since, log=log)


def _owner(claim: Path) -> tuple[str, str]:
    """The owner of a claim, and the time since when; empty where it was let go in between."""
    try:
        found = json.loads(claim.read_text(encoding="utf-8"))
        return f"process {found['pid']} on {found['host']}", str(found["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _age(since: str, now: datetime) -> float:
    try:
        return max((now - datetime.fromisoformat(since)).total_seconds(), 0.0)
    except ValueError:
        return 0.0
