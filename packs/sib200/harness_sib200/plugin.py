"""SIB-200: the topic of a sentence, in 205 languages."""

from collections.abc import Iterator

from harness import TargetTask, hookimpl, splits
from harness_sib200.data import LABELS, read, split
from harness_sib200.languages import FLORES_CODES

SIB200 = TargetTask(
    name="sib200",
    title="SIB-200",
    version=1,
    family="classification",
    labels=LABELS,
    train=split("train", "en"),
    languages=splits(
        " ".join(FLORES_CODES),
        train=lambda code: split("train", code) if code != "en" else None,
        dev=lambda code: split("dev", code),
        test=lambda code: split("test", code),
    ),
    example=read,
    metric="accuracy",
    summary="which of seven topics is a sentence about?",
    licence="CC BY-SA 4.0",
    citation="Adelani et al. 2024, SIB-200: A Simple, Inclusive, and Big Evaluation Dataset for Topic Classification in "
    "200+ Languages and Dialects",
)


@hookimpl
def harness_target_tasks() -> Iterator[TargetTask]:
    """The task."""
    yield SIB200
