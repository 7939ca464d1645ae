"""SIB-200 as its authors publish it: codes, quotes, and one id for all translations of a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Registry
from harness.data.sources import load_examples, split_status
from harness.types.sources import Split
from harness.types.tasks import TargetTask

WHOLE = 137
"""Languages whose test files are in the excerpts."""


@pytest.fixture
def task(pack: Callable[..., Registry]) -> TargetTask:
    return pack("sib200").task("sib200")


def rows(
    task: TargetTask, split: Split | str | tuple[str, ...] | None, data: Path
) -> dict[str, tuple[str, str | None]]:
    assert isinstance(split, Split)
    return {e.id: (e.a, e.label) for e in load_examples(task, split, data_dir=data, offline=True).examples}


def test_codes_tell_the_scripts_of_the_files(pack: Callable[..., Registry], task: TargetTask) -> None:
    known = pack("sib200").languages()
    for code, table in task.languages.items():
        flores = table["test"].sources[1].config
        assert known[code].script == flores.partition("_")[2], f"{code} is not written as {flores}"
    shown = {code: known[code].name for code in ("zh", "zh-Hant", "ar", "ar-Latn", "arz", "sr", "tzm-Tfng")}
    assert shown == {
        "zh": "Chinese",
        "zh-Hant": "Chinese (Hant)",
        "ar": "Arabic",
        "ar-Latn": "Arabic (Latn)",
        "arz": "Egyptian Arabic",
        "sr": "Serbian",
        "tzm-Tfng": "Central Atlas Tamazight (Tfng)",
    }


def test_the_english_files_are_whole(task: TargetTask, shared_data: Path) -> None:
    train, test = rows(task, task.train, shared_data), rows(task, task.languages["en"]["test"], shared_data)
    assert len(train) == 701 and len(rows(task, task.languages["en"]["dev"], shared_data)) == 99 and len(test) == 204
    assert Counter(label for _, label in test.values()) == {
        "science/technology": 51,
        "travel": 40,
        "politics": 30,
        "sports": 25,
        "health": 22,
        "entertainment": 19,
        "geography": 17,
    }
    assert test["578"] == (
        "Cells are so basic and critical to the study of life, in fact, that they are often referred to as "
        '"the building blocks of life".',
        "science/technology",
    )
    assert not train.keys() & test.keys()


def test_translations_have_one_id_and_one_topic(task: TargetTask, shared_data: Path) -> None:
    present = [code for code, table in task.languages.items() if split_status(table["test"], shared_data).rows]
    assert len(present) == WHOLE
    english = rows(task, task.languages["en"]["test"], shared_data)
    for code in ("ace", "de", "fa", "ku", "prs", "sat", "zh-Hant"):
        if code in present:
            foreign = rows(task, task.languages[code]["test"], shared_data)
            assert {id: label for id, (_, label) in foreign.items()} == {
                id: label for id, (_, label) in english.items()
            }
            assert foreign["578"][0] != english["578"][0]
    sources = [source for table in task.languages.values() for split in table.values() for source in split.sources]
    assert {source.origin for source in sources} == {"native", "human_translation"}
