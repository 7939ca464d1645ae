"""The benchmark of large vocabularies at a tiny size: its contestants train, and its table says what they took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import vocabulary
from benchmarks.work import training_pairs
from harness.training import train_stage
from harness.training._trainer import Trainer

REPLACED = ((Trainer, "_step"), (Trainer, "_select"), (train_stage, "touched_rows"))


@pytest.fixture(scope="module")
def contestants(corpus: Path, small_model: Path) -> dict[str, list[dict[str, Any]]]:
    pairs, labels = training_pairs(corpus, 24)
    work = {"train": pairs, "labels": labels, "steps": 3, "batch": 8, "lr": 1e-3, "data": str(corpus)}
    found = {}
    for name, whole in zip(vocabulary.CONTESTANTS, (False, True), strict=False):
        with pytest.MonkeyPatch.context() as process:
            for owner, attribute in REPLACED:  # which a process of its own would leave as the contestant has it
                process.setattr(owner, attribute, getattr(owner, attribute))
            found[name] = [vocabulary.harness(work, str(small_model), whole=whole)]
    return found | {"Trainer": [vocabulary.trainer(work, str(small_model))]}


def test_rows_and_whole_tables_are_trained_to_the_same_bits(contestants: dict[str, list[dict[str, Any]]]) -> None:
    [rows], [whole], [trainer] = (contestants[name] for name in vocabulary.CONTESTANTS)
    assert rows["weights"] == whole["weights"] and rows["loss"] == whole["loss"]
    assert rows["rows"] < whole["rows"]
    assert [len(found["steps"]) for found in (rows, whole, trainer)] == [3, 3, 3]
    assert trainer["loss"] == pytest.approx(rows["loss"], rel=0.1)


def test_the_table_has_a_row_for_each_contestant(contestants: dict[str, list[dict[str, Any]]]) -> None:
    lines = vocabulary.markdown({"small": contestants}, 451).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[:2] for row in cells[2:]] == [["small", name] for name in vocabulary.CONTESTANTS]
    assert len({len(row) for row in cells}) == 1
    assert cells[2][4] == cells[2][6] == "1.00" and cells[4][2] == "451"
