"""Averages of a run: the items of what was scored just now are at hand, those of earlier results come from their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import harness
from harness.evaluation import completion
from harness.types.options import EvalOptions

TASKS = ["xnli[en,de]", "xquad[en,de]", "tatoeba[de]"]


def test_files_that_were_just_scored_are_not_read_again_and_averages_are_the_same(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    recorded = completion.recorded_score

    def noted(path: Path, registry: Any, unit: Any, entry: Any) -> Any:
        read.append(unit.key)
        return recorded(path, registry, unit, entry)

    monkeypatch.setattr(completion, "recorded_score", noted)
    options = EvalOptions(data_dir=str(corpus), offline=True, limit=20)

    def run(tasks: list[str]) -> dict[str, Any]:
        return harness.evaluate("baseline:random", tasks, out=tmp_path / "run", options=options).to_dict()

    fresh = run(TASKS)
    assert not read
    assert fresh["intervals"]["xquad"]["f1"]["average"]
    assert run(TASKS) == fresh
    assert set(read) == {"xnli/en/test", "xnli/de/test", "xquad/en/test", "xquad/de/test", "tatoeba/de/test"}
    read.clear()
    assert run([*TASKS, "tatoeba[fr]"])["tasks"]["xnli"] == fresh["tasks"]["xnli"]
    assert "tatoeba/fr/test" not in read and "xnli/en/test" in read
