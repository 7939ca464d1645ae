"""The time that jobs still take, judged by those of their kind that are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from harness.studies.job import Job


def time_left(
    left: Sequence[Job], running: Mapping[str, float], done: Sequence[tuple[Job, float]], at_a_time: int
) -> float | None:
    """Seconds until the jobs that are ``left`` are done, ``at_a_time`` of them together; None where nothing tells.

    ``running`` are the seconds that some of them have taken, by their keys; ``done`` are other jobs with the seconds that
    they took. A job is expected to take as long as the mean of its model's jobs of its kind, else of any model's.
    """
    expected = []
    for job in left:
        kind = [(other.model, seconds) for other, seconds in done if other.kind == job.kind]
        alike = [seconds for model, seconds in kind if model == job.model] or [seconds for _, seconds in kind]
        if not alike:
            return None
        expected.append(max(fmean(alike) - running.get(job.key, 0.0), 0.0))
    if not expected:
        return 0.0
    return max(sum(expected) / min(at_a_time, len(expected)), max(expected))
