"""Memory of a run: of the test sets of a task with many languages, few are in memory at any moment."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness.evaluation._schedule as schedule
from harness.evaluation._preparation import Preparation


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
