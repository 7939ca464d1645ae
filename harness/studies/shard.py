"""Shards: the part of a study's jobs that one process of several carries out, and the waves of a batch."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from harness.core.errors import UsageError, check_choice
from harness.studies.job import Job

T = TypeVar("T")
Wave = Literal["stages", "search", "evaluations"]
"""A part of a study: the stages that several runs share, the runs that decide about options of others, and the others."""
WAVES: tuple[str, ...] = get_args(Wave)


@dataclass(frozen=True)
class Shard:
    """The share of one of ``count`` processes, which all divide the same jobs; ``number`` counts from 1."""

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        """Refuses a number that is none of them."""
        if not 1 <= self.number <= self.count:
            raise UsageError(
                f"--shard {self.number}/{self.count}: the number must be between 1 and {max(self.count, 1)}"
            )

    @classmethod
    def of(cls, text: str) -> Shard:
        """Reads "2/8"; UsageError for anything else."""
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if found is None:
            raise UsageError(f"--shard {text!r}: I/N expected", hint="--shard 2/8 is the second of eight parts")
        return cls(int(found[1]), int(found[2]))

    def part(self, items: Sequence[T]) -> list[T]:
        """Every ``count``-th of the items: no item is in two shards, and each is in one."""
        return list(items[self.number - 1 :: self.count])


def with_needs(jobs: Sequence[Job], keys: Collection[str]) -> list[Job]:
    """The jobs with these keys and all that they need, in their order."""
    of = {job.key: job for job in jobs}
    found: set[str] = set()
    waiting = [key for key in keys if key in of]
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting += [need for need in of[key].needs if need in of]
    return [job for job in jobs if job.key in found]


def waves(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    """The jobs by their waves, each in its order; a wave needs the ones before it, and has jobs."""
    needed = {key for job in jobs if job.kind == "evaluation" for key in job.needs}
    found: dict[str, list[Job]] = {wave: [] for wave in WAVES}
    for job in jobs:
        found["stages" if job.kind == "stage" else "search" if job.key in needed else "evaluations"].append(job)
    return {wave: members for wave, members in found.items() if members}


def in_wave(jobs: Sequence[Job], wave: str | None) -> list[Job]:
    """The jobs of a wave, in their order; all of them for None. UsageError for a wave that there is not."""
    if wave is None:
        return list(jobs)
    check_choice("--wave", wave, WAVES)
    return waves(jobs).get(wave, [])
