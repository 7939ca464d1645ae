"""A small task of our own, as a plugin file with data: for tests that need a whole run without the benchmark's data."""

from __future__ import annotations

import json
from pathlib import Path

PLUGIN = """
import json
from harness import Family, FileData, Pair, Split, Tagged, TargetTask, hookimpl, splits

def lines(path):
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())

def split(name, code, rows=8):
    return Split(FileData((f"mine/{name}-{code}.jsonl",), lines, "it is made by the test"), rows=rows)

def read(row):
    return Pair(row["id"], row["text"], "", row["label"])

FIELDS = dict(
    name="mine", version=1, family="classification", metric="accuracy", labels=("bad", "good"), train=split("train", "en"),
    languages=splits("en sw", dev=lambda code: split("dev", code), test=lambda code: split("test", code)),
    example=read, summary="is it good or bad?", licence="CC0 1.0", citation="nobody 2026",
)

@hookimpl
def harness_target_tasks():
    yield TargetTask(**FIELDS)
"""


def write_data(folder: Path) -> Path:
    """The data of the task, eight rows a split, under ``folder``."""
    (folder / "mine").mkdir(parents=True)
    for name in ("train", "dev", "test"):
        for code in ("en", "sw"):
            rows = [
                {"id": f"{name}-{i}", "text": f"text number {i}", "label": ("bad", "good")[i % 2]} for i in range(8)
            ]
            (folder / "mine" / f"{name}-{code}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder
