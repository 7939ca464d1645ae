"""Steps of a training are timed one by one, stage by stage."""

from __future__ import annotations

from pathlib import Path

from benchmarks.steps import timed


def test_each_step_of_each_stage_has_its_time(small_model: Path, corpus: Path) -> None:
    words = ["eval", "--model", str(small_model), "--task", "xnli[en]", "--via", "mnli", "--data-dir", str(corpus)]
    stages, memory = timed([*words, "--set", "max_steps=3", "--train-limit", "8", "--limit", "2"], threads=1)
    assert [len(stage) for stage in stages] == [3, 3] and all(map(all, stages))
    assert memory > 50
