"""The benchmark of transliteration: both sides on the same languages and seeds, and differences seed by seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.transliteration import compared, main


def test_differences_are_taken_seed_by_seed() -> None:
    plain = [{"en": 90.0, "ru": 40.0, "hi": 30.0}, {"en": 92.0, "ru": 50.0, "hi": 31.0}]
    latin = [{"en": 91.0, "ru": 60.0}, {"en": 91.0, "ru": 70.0}]
    english, russian = compared(plain, latin)
    assert english.row == "| en | 91.0 ± 1.4 | 91.0 ± 0.0 | +0.0 ± 1.4 |"
    assert russian.row == "| ru | 45.0 ± 7.1 | 65.0 ± 7.1 | +20.0 ± 0.0 |"


def test_a_table_has_all_languages_and_a_second_call_makes_no_run_again(
    small_model: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", str(small_model), "--data-dir", str(corpus), "--out", str(tmp_path), "--task", "udpos[en,ru]"]
    words += ["--split", "test", "--seeds", "1", "--steps", "2", "--train-limit", "8", "--limit", "4"]
    main(words)
    table = (tmp_path / "transliteration.md").read_text(encoding="utf-8")
    assert [line.split()[1] for line in table.splitlines()[2:]] == ["en", "ru"]
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/predictions/**/*") if path.is_file()}
    main(words)
    assert made and {path: path.stat().st_mtime_ns for path in made} == made
