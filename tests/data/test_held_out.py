"""Training data without a dev split: what is held out, what is left, and that both are the same everywhere."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness import Answer, DatasetsData, FileData, IntermediateTask, Pair, Question, Split, TargetTask, readers, splits
from harness.core.errors import DataError
from harness.data.access import DataAccess
from harness.data.held_out import MOST, SHARE, held_out, kept_examples
from harness.types.options import EvalOptions
from harness.types.sources import with_held_out

texts = st.lists(st.integers(0, 40).map(str), min_size=2, max_size=120)


def pairs(shared: list[str]) -> list[Pair]:
    return [Pair(str(i), text, f"hypothesis {i}", "yes") for i, text in enumerate(shared)]


@given(shared=texts, seed=st.integers())
def test_nothing_is_in_both_parts_and_the_order_does_not_matter(shared: list[str], seed: int) -> None:
    examples = pairs(shared)
    if len(set(shared)) < 2:
        with pytest.raises(DataError, match="nothing can be held out"):
            held_out(examples, "here")
        return
    dev, train = (kept_examples(examples, kept, "here") for kept in ("held out", "training"))
    assert dev and train and len(dev) + len(train) == len(examples)
    assert not {example.a for example in dev} & {example.a for example in train}
    shuffled = random.Random(seed).sample(examples, len(examples))
    assert {each.id for each in kept_examples(shuffled, "held out", "here")} == {each.id for each in dev}


def test_a_tenth_is_held_out_and_of_large_data_no_more_than_dev_scores_need() -> None:
    assert sum(held_out(pairs([str(i) for i in range(1_000)]), "here")) == 1_000 // SHARE
    assert sum(held_out(pairs([str(i) for i in range(30 * MOST)]), "here")) == MOST


def test_questions_about_one_passage_stay_together() -> None:
    def question(number: int) -> Question:
        return Question(str(number), f"what is {number}?", f"passage {number // 7} says so", (Answer("so", 15),))

    examples = [question(number) for number in range(140)]
    dev = kept_examples(examples, "held out", "here")
    assert len(dev) == 14 and len({example.context for example in dev}) == 2


def write(folder: Path, count: int = 60) -> Path:
    folder.mkdir(exist_ok=True)
    for name, start in (("train", 0), ("test", 1000)):
        rows = [
            {"id": f"{i}", "text": f"the {'good' if i % 2 else 'bad'} room {i}", "label": ("bad", "good")[i % 2]}
            for i in range(start, start + count)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def read(row: Any) -> Pair:
    return Pair(row["id"], row["text"], "", row["label"])


def intermediate(source: Any) -> IntermediateTask:
    return IntermediateTask("mine", 1, "classification", Split(source), read, "accuracy", ("bad", "good"))


def test_a_list_and_a_store_on_disk_hold_out_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    write(tmp_path / "data")
    data = DataAccess(tmp_path / "data", offline=True)
    sources = (
        FileData(("train.jsonl",), readers.json_lines, "made here"),
        DatasetsData("json", ("train.jsonl",), "made here", stays_on_disk=True),
    )
    found = [[data.load(task, split) for split in (task.train, task.dev)] for task in map(intermediate, sources)]
    for ours, theirs in zip(*found, strict=True):
        assert list(ours.examples) == list(theirs.examples) == theirs.examples[:]
        assert ours.fingerprint == theirs.fingerprint
        assert ours.notes == theirs.notes and "no dev split" in ours.notes[0]
    train, dev = found[0]
    assert (len(train.examples), len(dev.examples), train.rows) == (54, 6, 60)
    assert train.fingerprint != dev.fingerprint
    limited = data.load(intermediate(sources[1]), intermediate(sources[1]).dev, limit=3)
    assert len(limited.examples) == 3 and {each.id for each in limited.examples} < {each.id for each in dev.examples}


def test_parts_of_a_split_are_held_out_one_by_one(tmp_path: Path) -> None:
    write(tmp_path)
    part = Split(FileData(("train.jsonl",), readers.json_lines, "made here"))
    task = intermediate(part.sources[0])
    train, dev = with_held_out(Split(parts=(part, Split(FileData(("test.jsonl",), readers.json_lines, "x")))))
    data = DataAccess(tmp_path, offline=True)
    assert [len(data.load(task, split).examples) for split in (train, dev)] == [108, 12]


def test_one_example_alone_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, 1)
    task = intermediate(FileData(("train.jsonl",), readers.json_lines, "made here"))
    with pytest.raises(DataError, match=r"train\.jsonl: one example only") as caught:
        DataAccess(tmp_path, offline=True).load(task, task.train)
    assert "dev split" in caught.value.hint


def test_a_task_without_dev_data_trains_and_the_record_says_what_it_was_selected_on(
    tmp_path: Path, small_model: Path
) -> None:
    def split(name: str) -> Split:
        return Split(FileData((f"{name}.jsonl",), readers.json_lines, "made here"))

    write(tmp_path / "data")
    task = TargetTask(
        "mine",
        1,
        "classification",
        splits("en", test=lambda code: split("test")),
        read,
        "accuracy",
        train=split("train"),
        labels=("bad", "good"),
    )
    registry = harness.Registry()

    class Plugin:
        @harness.hookimpl
        def harness_target_tasks(self) -> Any:
            yield task

    registry.add(Plugin(), "mine")
    options = EvalOptions(data_dir=str(tmp_path / "data"), offline=True, overrides={"max_steps": 2})
    run = harness.evaluate(str(small_model), ["mine"], out=tmp_path / "run", options=options, registry=registry)
    assert not run.failed and run.scores.tasks["mine"].score is not None
    [stage] = run.record["stages"]
    described = stage["tasks"][0]["data"]
    assert (described["train"]["examples"], described["dev"]["examples"]) == (54, 6)
    assert "no dev split" in described["dev"]["notes"][0]
    assert stage["dev_score"] is not None
