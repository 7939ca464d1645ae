"""Universal NER: names in the sentences of Universal Dependencies, one guideline for all languages."""

from harness import FileData, HubData, IntermediateTask, Split, TargetTask, splits
from harness_ner.iob2 import iob2
from harness_ner.tags import TAGS, read

COLUMNS = ("tokens: strings", f"ner_tags: labels({', '.join(TAGS)})")
OBTAIN = "clone the repositories UNER_* of github.com/UniversalNER to DATA_DIR/universalner"
TREEBANKS = {
    "ceb": "ceb_gja", "da": "da_ddt", "de": "de_pud", "en": "en_ewt", "hr": "hr_set", "pt": "pt_bosque",
    "ru": "ru_pud", "sk": "sk_snk", "sr-Latn": "sr_set", "sv": "sv_talbanken", "tl": "tl_trg", "zh": "zh_gsdsimp",
    "zh-Hant": "zh_gsd",
}  # fmt: skip
"""The treebank of each language; German and Russian have only the parallel one."""
TEST_ONLY = ("ceb", "de", "ru", "tl")
PARALLEL = {"de": "de_pud", "en": "en_pud", "pt": "pt_pud", "ru": "ru_pud", "sv": "sv_pud", "zh-Hant": "zh_pud"}
ENGLISH = {"train": 12_543, "dev": 2_001, "test": 2_077}
LICENCE = "CC BY-SA 4.0"
CITATION = "Mayhew et al. 2024, Universal NER: A Gold-Standard Multilingual Named Entity Recognition Benchmark"


def split(name: str, treebank: str) -> Split:
    """A split of a treebank: the files as published, or the Hub's copy."""
    rows = ENGLISH[name] if treebank == "en_ewt" else 1_000 if treebank.endswith("_pud") else None
    return Split(
        FileData((f"universalner/UNER_*/{treebank}-ud-{name}.iob2",), iob2, OBTAIN),
        HubData("universalner/universal_ner", treebank, "validation" if name == "dev" else name, columns=COLUMNS),
        rows=rows,
    )


UNER = IntermediateTask(
    name="uner",
    title="English EWT of Universal NER",
    version=1,
    family="tagging",
    labels=TAGS,
    train=split("train", "en_ewt"),
    dev=split("dev", "en_ewt"),
    example=read,
    metric="ner_f1",
    summary="the names of persons, organisations and places in English web texts",
    licence=LICENCE,
    citation=CITATION,
)

UNIVERSAL_NER = TargetTask(
    name="universal_ner",
    title="Universal NER",
    version=1,
    family="tagging",
    labels=TAGS,
    train="uner",
    languages=splits(
        " ".join(TREEBANKS),
        dev=lambda code: None if code in TEST_ONLY else split("dev", TREEBANKS[code]),
        test=lambda code: split("test", TREEBANKS[code]),
    ),
    example=read,
    metric="ner_f1",
    summary="the names of persons, organisations and places, by one guideline in all languages",
    licence=LICENCE,
    citation=CITATION,
)

UNIVERSAL_NER_PUD = TargetTask(
    name="universal_ner_pud",
    title="Universal NER, parallel",
    version=1,
    family="tagging",
    labels=TAGS,
    train="uner",
    languages=splits(" ".join(PARALLEL), test=lambda code: split("test", PARALLEL[code])),
    example=read,
    metric="ner_f1",
    summary="the names in 1,000 sentences that are translations of each other",
    licence=LICENCE,
    citation=CITATION,
)
