"""A task in two languages that the harness does not know, their benchmark, and what others published on it."""

from pathlib import Path

from harness import (
    Benchmark,
    FileData,
    Language,
    Pair,
    PublishedRows,
    Split,
    TargetTask,
    hookimpl,
    readers,
    splits,
)


def split(name, code):
    return Split(FileData((f"weather/{name}-{code}.jsonl",), readers.json_lines, "the tests write it"))


@hookimpl
def harness_languages():
    yield Language("gd", "gla", "Scottish Gaelic", "Latn", "Indo-European", "Celtic", resource_class=0)
    yield Language("cy", "cym", "Welsh", "Latn", "Indo-European", "Celtic", resource_class=1)


@hookimpl
def harness_target_tasks():
    yield TargetTask(
        name="weather",
        version=1,
        family="classification",
        labels=("dry", "wet"),
        train=split("train", "en"),
        languages=splits(
            "en gd cy",
            dev=lambda code: split("dev", code) if code == "en" else None,
            test=lambda code: split("test", code),
        ),
        example=lambda row: Pair(row["id"], row["text"], "", row["label"]),
        metric="accuracy",
        summary="is it raining?",
        licence="CC0 1.0",
        citation="written for the tests",
    )


@hookimpl
def harness_benchmarks():
    yield Benchmark("celtic", 1, "Celtic", tasks={"weather": ("gd", "cy")}, groups={}, rule="mean of the tasks")


@hookimpl
def harness_published_rows():
    yield PublishedRows("celtic", Path(__file__).parent / "rows.json", "what others say")
