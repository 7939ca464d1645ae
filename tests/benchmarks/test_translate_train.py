"""The benchmark of translate-train: its data are parallel, and its table says which training is which."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.translate_train import CLASSES, MNLI, XNLI, main, prepared

ROWS = 24


def test_the_translation_has_the_labels_of_the_english_rows_and_no_tested_row(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = prepared(shared_data, tmp_path, "de", ROWS, tested=30)
    english = pq.read_table(folder / MNLI).to_pylist()
    translated = [json.loads(line) for line in (folder / "translated/xnli/de/train.jsonl").open(encoding="utf-8")]
    assert len(english) == len(translated) == ROWS
    for one, other in zip(english, translated, strict=True):
        assert other["source"] == str(one["idx"]) and other["label"] == CLASSES[one["label"]]
        assert other["premise"] != one["premise"]
    trained = {row["premise"] for row in [*english, *translated]}
    for name, count in (("validation", 2 * (2490 - ROWS)), ("test", 60)):
        others = pq.read_table(folder / XNLI / f"{name}-00000-of-00001.parquet").to_pylist()
        assert len(others) == count
        assert name == "validation" or not trained & {row["sentence1"] for row in others}


def test_both_trainings_are_compared_in_the_language(
    small_model: Path, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["--rows", str(ROWS), "--tested", "12", "--seeds", "1", "--train-rows", "16"]
    main(["--model", str(small_model), "--data-dir", str(shared_data), "--out", str(tmp_path), *sizes])
    lines = (tmp_path / "translate-train.md").read_text().splitlines()
    assert lines[2].startswith("| English | ") and lines[3].startswith("| its translation | ") and "[" in lines[3]
    assert lines[-1] in ("worse by more than 1 points: no", "worse by more than 1 points: yes")
    assert lines[-1] in capsys.readouterr().out
    record = json.loads((tmp_path / "translation/seed-1/record.json").read_text())
    assert record["stages"][-1]["name"] == "xnli[de]"
