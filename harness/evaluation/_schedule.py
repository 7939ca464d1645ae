"""Shares out the units of a run between the processes that work on it: what each claims, and what is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.core.claims import Claims, is_free
from harness.core.turns import Waiting
from harness.evaluation._preparation import PreparedUnit
from harness.evaluation.plan import PlannedUnit
from harness.families.base import HeadFamily, Predictor
from harness.inference.batching import STREAM_ROWS, filled

POLL = 0.2
"""Seconds between looks at what other processes are working on."""
CLAIMED_ROWS = 4 * STREAM_ROWS
"""Examples that a process claims at a time: some streams, so that the next can be tokenised during one."""


class Turn:
    """One turn at the units of a group: ``elsewhere`` are those left to other processes, ``blocked`` one of their claims."""

    def __init__(self, units: Sequence[PlannedUnit], *, again: bool) -> None:
        self.units = units
        self.again = again
        self.elsewhere: set[str] = set()
        self.blocked: Path | None = None

    @contextmanager
    def claimed(
        self, claims: Claims, stream: Sequence[PreparedUnit], family: Predictor
    ) -> Iterator[Sequence[PreparedUnit]]:
        """Those of the units that no other process is working on; none will while the block lasts."""
        names = [ready.planned.unit.key for ready in stream]
        mine = [name for name in names if claims.take(name)]
        with claims.releasing(*mine):
            others = [name for name in names if name not in mine]
            if others:
                self.elsewhere.update(names if family.joins else others)
                self.blocked = claims.path(others[0])
            together = family.joins and others
            yield [ready for ready in stream if ready.planned.unit.key in mine] if not together else ()


def work_off(groups: Iterable[Sequence[PlannedUnit]], evaluate: Callable[[Turn], Sequence[PlannedUnit]]) -> None:
    """Gives each group its turns until no units are left.

    ``evaluate`` answers with the units that other processes have claimed; these get another turn when a claim is free.
    """
    waiting: list[tuple[Sequence[PlannedUnit], Path | None]] = [(units, None) for units in groups]
    told = Waiting()
    while waiting:
        tried, waiting = waiting, []
        for units, claim in tried:
            if claim is not None and not is_free(claim):
                waiting.append((units, claim))
                continue
            turn = Turn(units, again=claim is not None)
            if left := evaluate(turn):
                waiting.append((left, turn.blocked))
        if waiting == tried:
            for units, claim in waiting:
                if claim is not None:
                    told.tell(f"{units[0].task.name} ({claim.stem})", claim)
            time.sleep(POLL)


def streams(prepared: Iterable[PreparedUnit], family: Predictor) -> Iterator[list[PreparedUnit]]:
    """Portions of units that are claimed and predicted at a time: enough to fill some streams; all of a family that shares.

    A unit is taken from ``prepared`` when its portion is due.
    """
    if not isinstance(family, HeadFamily) or family.joins:
        if together := list(prepared):
            yield together
        return
    yield from filled(prepared, lambda ready: len(ready.examples.examples), CLAIMED_ROWS)
