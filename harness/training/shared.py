"""Ensures that a stage shared by several runs is trained by one process only."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from harness.core.claims import AlreadyClaimed, Claims, is_free
from harness.core.errors import DataError
from harness.core.turns import Waiting
from harness.training.chain import Stages
from harness.training.stage import Stage, TrainedStage, finished, working_folder

POLL = 0.5
"""Seconds between looks at a stage that another process trains."""


def train_claimed(stages: Stages, stage: Stage, folder: Path | None = None) -> TrainedStage:
    """The trained stage, and before it its parents; raises :class:`AlreadyClaimed` where another process is at one of them.

    A stage that is finished is only read, without a claim: its folder may be read-only.
    """
    if stage.key in stages.trained:
        return stages.trained[stage.key]
    if isinstance(stage.parent, Stage):
        train_claimed(stages, stage.parent)
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
            while not is_free(taken.path):
                time.sleep(POLL)
