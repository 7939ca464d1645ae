"""The topics by their names, some of which are in no training example: generalised zero-shot classification."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness import IntermediateTask, Pair, TargetTask
from harness_sib200.data import LABELS, read, split


def zero_shot_tasks(task: TargetTask, name: str, unseen: tuple[str, ...]) -> tuple[IntermediateTask, TargetTask]:
    """The English sentences on all topics but the ``unseen`` ones, and the task of this name that is trained on them.

    The checkpoint is chosen on English dev sentences on seen topics, too. A score is of all topics, and says which half of
    it is whose.
    """
    seen = tuple(label for label in LABELS if label not in unseen)

    def read_seen(row: Mapping[str, Any]) -> Pair | None:
        example = read(row)
        return example if example.label in seen else None

    training = IntermediateTask(
        name=f"{name}_training",
        version=1,
        family="cloze",
        labels=seen,
        train=split("train", "en"),
        dev=split("dev", "en"),
        example=read_seen,
        metric="accuracy",
        summary=f"English sentences of SIB-200 on {len(seen)} of its topics, by their names",
        licence=task.licence,
        citation=task.citation,
    )
    target = replace(
        task,
        name=name,
        title=f"SIB-200 ({len(unseen)} topics unseen)",
        family="cloze",
        train=training.name,
        metric=f"zero_shot:{','.join(seen)}",
        summary=f"which of seven topics is a sentence about, {len(unseen)} of them never trained on?",
    )
    return training, target
