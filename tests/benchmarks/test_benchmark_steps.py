"""Steps of a training are timed one by one, stage by stage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.steps import main
from harness.training._trainer import Trainer


def test_each_step_of_each_stage_has_its_time(
    small_model: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "_step", Trainer._step)  # as it is now, after the test
    words = ["eval", "--model", str(small_model), "--task", "xnli[en]", "--via", "mnli", "--data-dir", str(corpus)]
    words += ["--set", "max_steps=3", "--train-limit", "8", "--limit", "2", "--offline", "--out", str(tmp_path / "run")]
    assert main(str(tmp_path / "steps.json"), *words) == 0
    found = json.loads((tmp_path / "steps.json").read_text())
    assert [len(stage) for stage in found["stages"]] == [3, 3] and all(map(all, found["stages"]))
    assert found["memory"] > 50
