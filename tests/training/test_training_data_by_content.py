"""Training data are found by what they are, not by the name of the task that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_stages import cpu_context

import harness
from harness.data.sample import write_sample_corpus
from harness.registry.default import get_registry
from harness.training.context import RunContext
from harness.types.examples import Pair
from harness.types.options import EvalOptions
from harness.types.sources import FileData, Split
from harness.types.tasks import IntermediateTask, TargetTask


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_sample_corpus(folder, size="tiny")
    (folder / "rows.txt").touch()
    return folder


def rows(word: str, count: int) -> Split:
    def read(path: Path) -> list[dict[str, Any]]:
        return [{"text": f"{word} {number}", "label": ("no", "yes")[number % 2]} for number in range(count)]

    return Split(FileData(("rows.txt",), read, "made by the test"))


def task(train: Split, dev: Split, word: str = "") -> IntermediateTask:
    return IntermediateTask(
        name="same",
        version=1,
        family="classification",
        train=train,
        dev=dev,
        example=lambda row: Pair(str(row["_row"]), word + row["text"], "", row["label"]),
        metric="accuracy",
        labels=("no", "yes"),
    )


def texts(found: RunContext, of: IntermediateTask, name: str) -> list[str]:
    return [example.a for example in found.training_split(of, name).examples if isinstance(example, Pair)]


def test_two_tasks_of_one_name_get_their_own_examples(corpus: Path) -> None:
    found = cpu_context(get_registry(), "tiny", corpus)
    one, two = task(rows("red", 2), rows("dev", 2)), task(rows("blue", 3), rows("other", 1))
    assert texts(found, one, "train") == ["red 0", "red 1"]
    assert texts(found, two, "train") == ["blue 0", "blue 1", "blue 2"]
    assert texts(found, two, "dev") == ["other 0"]
    assert texts(found, one, "dev") == ["dev 0", "dev 1"]


def test_one_split_read_in_two_ways_gives_two_sets_of_examples(corpus: Path) -> None:
    found, train = cpu_context(get_registry(), "tiny", corpus), rows("red", 1)
    assert texts(found, task(train, train), "train") == ["red 0"]
    assert texts(found, task(train, train, "dark "), "train") == ["dark red 0"]


def test_data_that_two_tasks_share_are_read_once(corpus: Path) -> None:
    found = cpu_context(get_registry(), "tiny", corpus)
    registry = get_registry()
    squad = registry.intermediate("squad")
    assert found.training_split(squad, "train") is found.training_split(registry.intermediate("squad"), "train")


def test_selection_on_a_language_reads_that_language_although_the_stage_before_bears_the_same_name(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    options = EvalOptions(
        data_dir=str(corpus),
        offline=True,
        via=("pawsx",),
        select_on=("de",),
        train_limit=8,
        limit=8,
        overrides={"max_steps": 1},
    )
    run = harness.evaluate(str(small_model), ["pawsx[de]"], out=tmp_path / "run", options=options)
    via, target = run.record["stages"]
    dev = [stage["tasks"][0]["data"]["dev"] for stage in (via, target)]
    assert dev[0]["fingerprint"] != dev[1]["fingerprint"]
    german = cpu_context(get_registry(), "tiny", corpus).data.load(
        get_registry().task("pawsx"), get_registry().task("pawsx").languages["de"]["dev"], 8
    )
    assert dev[1]["fingerprint"] == german.fingerprint


def test_targets_that_train_on_other_data_of_one_name_have_a_checkpoint_each(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    """A target that trains on its own rows, and one that trains on the intermediate task of the same name."""
    registry = get_registry()
    pawsx = registry.task("pawsx")
    own = task(rows("red", 6), rows("dev", 2))
    made = Split(FileData(("rows.txt",), own.train.sources[0].read, "made", example=_zero_one))  # type: ignore[union-attr]
    other, mine = _like(pawsx, "other", "pawsx"), _like(pawsx, "pawsx", made)
    tasks = {**registry.tasks(), "pawsx": mine, "other": other}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "tasks", lambda: tasks)
        patch.setattr(registry, "task", tasks.__getitem__)
        run = harness.evaluate(
            str(small_model),
            ["pawsx[de]", "other[de]"],
            out=tmp_path / "run",
            options=EvalOptions(data_dir=str(corpus), offline=True, train_limit=8, limit=8, overrides={"max_steps": 1}),
        )
    assert not run.failed
    checkpoints = {unit["checkpoint"] for unit in run.record["units"].values()}
    assert len(checkpoints) == 2


def _like(task: TargetTask, name: str, train: Split | str) -> TargetTask:
    return TargetTask(
        name=name,
        version=1,
        family=task.family,
        labels=task.labels,
        languages=task.languages,
        example=task.example,
        metric=task.metric,
        train=train,
    )


def _zero_one(row: Any) -> Pair:
    return Pair(str(row["_row"]), row["text"], row["text"], {"no": "0", "yes": "1"}[row["label"]])
