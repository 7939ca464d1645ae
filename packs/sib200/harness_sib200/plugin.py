"""SIB-200: the topic of a sentence, in 205 languages."""

from collections.abc import Iterator
from dataclasses import replace

from harness import Benchmark, IntermediateTask, TargetTask, hookimpl, splits
from harness_sib200.cloze import zero_shot_tasks
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
    seeds=(1, 2, 3, 4, 5),  # 701 rows to train on: scores differ much from seed to seed
    summary="which of seven topics is a sentence about?",
    licence="CC BY-SA 4.0",
    citation="Adelani et al. 2024, SIB-200: A Simple, Inclusive, and Big Evaluation Dataset for Topic Classification in "
    "200+ Languages and Dialects",
)

BENCHMARK = Benchmark(
    name="sib-200",
    version=1,
    title="SIB-200",
    tasks={"sib200": tuple(FLORES_CODES)},
    groups={},
    rule="overall: the mean accuracy over the 205 languages, English included; none where a language is missing",
    citation=SIB200.citation,
)

SIB200_CLOZE = replace(
    SIB200,
    name="sib200_cloze",
    title="SIB-200 (cloze)",
    family="cloze",
    metric="macro_f1",
    summary="which of seven topics is a sentence about, by the names of the topics?",
)
SEEN, UNSEEN = zero_shot_tasks(SIB200, "sib200_unseen", ("entertainment", "health", "travel"))


@hookimpl
def harness_intermediate_tasks() -> Iterator[IntermediateTask]:
    """The English sentences on topics that are seen."""
    yield SEEN


@hookimpl
def harness_target_tasks() -> Iterator[TargetTask]:
    """The task, and the same by the names of the topics: all of them trained on, and three of them not."""
    yield SIB200
    yield SIB200_CLOZE
    yield UNSEEN


@hookimpl
def harness_benchmarks() -> Iterator[Benchmark]:
    """The benchmark of all its languages, for leaderboards."""
    yield BENCHMARK
