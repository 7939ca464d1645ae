"""A plugin for :mod:`benchmarks.fusion`: topics of sentences, with translations to train on and to test with."""

from harness import FileData, IntermediateTask, Pair, Split, TargetTask, hookimpl, splits
from harness.data.readers import json_lines

LABELS = ("entertainment", "geography", "health", "politics", "science/technology", "sports", "travel")
LANGUAGES = "en de sw th tr"


def read(row):
    return Pair(str(row["id"]), row["text"], "", row.get("topic"))


def split(name, code):
    origin = {} if code == "en" else {"origin": "human_translation", "system": "the translators of FLORES-200"}
    return Split(FileData((f"topics/{name}-{code}.jsonl",), json_lines, "benchmarks.fusion writes it", **origin))


FIELDS = {
    "version": 1,
    "family": "classification",
    "labels": LABELS,
    "example": read,
    "metric": "accuracy",
    "summary": "the topic of a sentence",
    "licence": "CC BY-SA 4.0",
    "citation": "Adelani et al. 2024",
}


@hookimpl
def harness_intermediate_tasks():
    others = splits(LANGUAGES.removeprefix("en "), train=lambda code: split("train", code))
    yield IntermediateTask("topics", train=split("train", "en"), dev=split("dev", "en"), languages=others, **FIELDS)


@hookimpl
def harness_target_tasks():
    tests = splits(LANGUAGES, test=lambda code: split("test", code))
    yield TargetTask("topics-test", train="topics", languages=tests, **FIELDS)
