"""Belebele: which of four answers fits the question about a passage? 122 language variants."""

from collections.abc import Iterator

from harness import IntermediateTask, TargetTask, hookimpl, splits
from harness_belebele.data import OPTIONS, read, split
from harness_belebele.languages import FLORES_CODES
from harness_belebele.training import BELEBELE_TRAIN

BELEBELE = TargetTask(
    name="belebele",
    title="Belebele",
    version=1,
    family="multiple_choice",
    train="belebele_train",
    languages=splits(" ".join(FLORES_CODES), test=split),
    example=read,
    metric="accuracy",
    options=OPTIONS,
    summary="which of four answers fits the question about a passage?",
    licence="CC BY-SA 4.0",
    citation="Bandarkar et al. 2024, The Belebele Benchmark: a Parallel Reading Comprehension Dataset in 122 Language "
    "Variants",
)


@hookimpl
def harness_target_tasks() -> Iterator[TargetTask]:
    """The task."""
    yield BELEBELE


@hookimpl
def harness_intermediate_tasks() -> Iterator[IntermediateTask]:
    """What it is trained on."""
    yield BELEBELE_TRAIN
