"""Memory of a run: of the test sets of a task with many languages, few are in memory at any moment."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import harness.evaluation._schedule as schedule
from harness.evaluation._preparation import Preparation
from harness.evaluation._recorder import Recorder
from harness.training.chain import Stages

failed, train = Recorder._failed, Stages.train


@pytest.mark.parametrize("twice", [False, True], ids=["at first", "when it is all done"])
def test_test_sets_in_memory_do_not_grow_with_the_languages(
    small_model: Path,
    corpus: Path,
    tmp_path: Path,
    cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    twice: bool,
) -> None:
    loaded: list[weakref.ref[Any]] = []
    most: list[int] = []
    prepare = Preparation.prepare

    def noted(self: Preparation, *args: Any) -> Any:
        ready = prepare(self, *args)
        loaded.append(weakref.ref(ready.data.examples))
        gc.collect()
        most.append(sum(examples() is not None for examples in loaded))
        return ready

    monkeypatch.setattr(schedule, "CLAIMED_ROWS", 8)
    monkeypatch.setattr(Preparation, "prepare", noted)
    where = ["--data-dir", corpus, "--out", tmp_path / "run", "--offline", "--device", "cpu", "--dtype", "fp32"]
    small = ["--set", "max_steps=1", "--set", "batch=4", "--limit", "4", "--train-limit", "4"]
    for _ in range(1 + twice):
        most.clear()
        assert cli("eval", "--model", small_model, "--task", "xnli", *small, *where)[0] == 0
    assert len(most) >= 9, "languages of the sample corpus"
    assert max(most) <= 4, "the two units of the stream before, and those of the next"


def test_damaged_data_of_a_later_language_are_told_before_the_training(
    small_model: Path,
    corpus: Path,
    tmp_path: Path,
    cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = tmp_path / "data"
    shutil.copytree(corpus, data)
    last = sorted(data.glob("google/xtreme/PAN-X.*/test-*.parquet"))[-1]
    table = pq.read_table(last)
    bad = pa.array([[99] * len(tags) for tags in table["ner_tags"].to_pylist()], pa.list_(pa.int64()))
    pq.write_table(table.set_column(table.column_names.index("ner_tags"), table.schema.field("ner_tags"), bad), last)
    told: list[str] = []
    monkeypatch.setattr(
        Recorder, "_failed", lambda self, unit, error: told.append(unit.key) or failed(self, unit, error)
    )
    monkeypatch.setattr(Stages, "train", lambda self, *args: told.append("training") or train(self, *args))
    monkeypatch.setattr(schedule, "CLAIMED_ROWS", 8)
    where = ["--data-dir", data, "--out", tmp_path / "run", "--offline", "--device", "cpu", "--dtype", "fp32"]
    small = ["--set", "max_steps=1", "--set", "batch=4", "--limit", "4", "--train-limit", "4"]
    code, _, _ = cli("eval", "--model", small_model, "--task", "panx", *small, *where)
    assert code == 6
    assert told == [f"panx/{last.parent.name.removeprefix('PAN-X.')}/test", "training"]
