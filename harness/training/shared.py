"""Ensures that a stage shared by several runs is trained by one process only."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from pathlib import Path

from harness.core.claims import AlreadyClaimed, Claims, is_free, owner_in_words
from harness.core.errors import DataError, UsageError
from harness.core.turns import Waiting
from harness.training.chain import Stages
from harness.training.processes import process_index
from harness.training.stage import Stage, TrainedStage, finished, working_folder

POLL = 0.5
"""Seconds between looks at a stage that another process trains."""


def train_claimed(stages: Stages, stage: Stage, folder: Path | None = None) -> TrainedStage:
    """The trained stage, and before it those that it needs.

    Raises :class:`AlreadyClaimed` where another process is at one of them. A finished one is only read, without a claim: its
    folder may be read-only.
    """
    if stage.key in stages.trained:
        return stages.trained[stage.key]
    for each in stage.prerequisites:
        train_claimed(stages, each)
    where = folder or stage.folder(stages.root)
    claims = Claims(where.parent / ".claims")
    done = finished(stage, where)
    if done is None:
        with claims.held(where.name):
            return stages.train(stage, folder)
    if (
        working_folder(where).exists() or claims.path(where.name).exists()
    ):  # left by a kill: it goes where it can go, and stays in a read-only store
        with suppress(AlreadyClaimed, DataError), claims.held(where.name):
            stages.train(stage, folder)
    return stages.trained.setdefault(stage.key, done)


def train_when_free(stages: Stages, stage: Stage, folder: Path | None = None) -> TrainedStage:
    """The same, but waits for the other process."""
    waiting = Waiting()
    while True:
        try:
            return train_claimed(stages, stage, folder)
        except AlreadyClaimed as taken:
            waiting.tell(f"stage {taken.path.stem}", taken.path)
            time.sleep(POLL)
            while not is_free(taken.path):
                time.sleep(POLL)


def train_together(stages: Stages, stage: Stage, folder: Path | None = None) -> TrainedStage:
    """The same for the processes of one launch, which train together: the first holds the claims for all of them.

    It cannot wait, as the others would wait for it: UsageError where another launch is at one of the stages.
    """
    with ExitStack() as claimed:
        waiting = [stage, *reversed(stage.needed)] if process_index() == 0 else []
        for each in (each for each in waiting if each.key not in stages.trained):
            where = (folder if each is stage else None) or each.folder(stages.root)
            if finished(each, where) is None:
                try:
                    claimed.enter_context(Claims(where.parent / ".claims").held(where.name))
                except AlreadyClaimed as taken:
                    raise UsageError(
                        f"stage {where.name}: {owner_in_words(taken.path)} is training it", hint="wait for it"
                    ) from None
        return stages.train(stage, folder)
