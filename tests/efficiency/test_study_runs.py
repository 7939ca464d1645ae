"""The models of a study's arms are measured side by side, and its analysis takes their times along."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import harness.efficiency.measure
from harness.efficiency.memory import Memory
from harness.efficiency.result import read_efficiency

Cli = Callable[..., tuple[int, str, str]]
STUDY = """
import os
from harness import Arm, Contrast, Study, hookimpl

@hookimpl
def harness_studies():
    yield Study(
        "two-arms", 1, models=(os.environ["MODEL"],), tasks=("pawsx[de,en]",), seeds=(1,), recipe="tiny",
        options={"max_steps": 1},
        arms=(Arm("mnli", via=("mnli",)), Arm("none")), contrasts=(Contrast("mnli - none", "mnli"),), limit=20,
        train_limit=40,
    )
"""


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory("process", 9, 8, 2_000_000, None, None)
    monkeypatch.setattr(harness.efficiency.measure, "measure_memory", lambda task: memory)


def test_arms_of_a_model_and_seed_take_turns_and_the_analysis_has_their_times(
    cli: Cli, corpus: Path, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODEL", str(small_model))
    Path("arms.py").write_text(STUDY, encoding="utf-8")
    command = ("--plugin", "arms.py", "study")
    short = ("--data-dir", str(corpus), "--calls", "4", "--seconds", "0", "--batch-sizes", "2,4")
    code, _, said = cli(*command, "measure", "two-arms", *short)
    assert code == 4 and "no model with one seed has checkpoints of pawsx in two arms" in said
    assert cli(*command, "run", "two-arms", "--data-dir", str(corpus))[0] == 0
    code, _, said = cli(*command, "measure", "two-arms", *short)
    assert code == 0 and "seed-1: none, mnli" in said
    [place] = Path("runs/two-arms/efficiency").glob("*/seed-1/efficiency.json")
    written = place.read_bytes()
    plain, captioned = read_efficiency(place)["models"]
    assert captioned["ratio"] is not None and plain["ratio"] is None  # the model without stages is the first

    _, _, said = cli(*command, "measure", "two-arms", *short)
    assert "seed-1: none, mnli" not in said and place.read_bytes() == written

    code, _, said = cli(*command, "analyse", "two-arms")
    assert code == 0, said
    rows = [json.loads(line) for line in Path("runs/two-arms/analysis/results.jsonl").read_text().splitlines()]
    factors = {(row["arm"], row["seed"]): row["factors"] for row in rows}
    assert factors["none", 1]["latency_ms"] == plain["latency"]["total"][0]["value"]
    assert factors["mnli", 1]["latency_ms"] == captioned["latency"]["total"][0]["value"]
    assert factors["mnli", 1]["memory_mb"] == 2.0
    for cell in captioned["throughput"]:
        assert factors["mnli", 1][f"throughput_{cell['batch_size']}"] == cell["total"] > 0
    assert [cell["batch_size"] for cell in captioned["throughput"]] == [2, 4]

    content = json.loads(place.read_text())
    place.write_text(json.dumps(content | {"task": "xnli"}))
    code, _, said = cli(*command, "analyse", "two-arms")
    assert code == 4 and "seed-1/efficiency.json" in said
