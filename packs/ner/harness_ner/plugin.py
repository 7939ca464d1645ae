"""Named entities: MasakhaNER 2, Universal NER, the languages of WikiANN beyond XTREME, and English to train on."""

from collections.abc import Iterator

from harness import Benchmark, IntermediateTask, TargetTask, hookimpl
from harness_ner.masakhaner import LANGUAGES, MASAKHANER2
from harness_ner.universal import TREEBANKS, UNER, UNIVERSAL_NER, UNIVERSAL_NER_PUD
from harness_ner.wikiann import WIKIANN, WIKIANN_WORLD

NER_WORLD = Benchmark(
    name="ner-world",
    version=1,
    title="NER world",
    tasks={"masakhaner2": tuple(LANGUAGES), "universal_ner": tuple(TREEBANKS)},
    groups={},
    rule="both tasks are trained on the English EWT of Universal NER, once; overall: the mean of the two task scores",
    train={"masakhaner2": ("uner",)},
    citation=f"{MASAKHANER2.citation}; {UNIVERSAL_NER.citation}",
)


@hookimpl
def harness_target_tasks() -> Iterator[TargetTask]:
    """The tasks to score."""
    yield from (MASAKHANER2, UNIVERSAL_NER, UNIVERSAL_NER_PUD, WIKIANN_WORLD)


@hookimpl
def harness_intermediate_tasks() -> Iterator[IntermediateTask]:
    """The English data that they are trained on."""
    yield from (UNER, WIKIANN)


@hookimpl
def harness_benchmarks() -> Iterator[Benchmark]:
    """Both sets of one guideline on one English stage."""
    yield NER_WORLD
