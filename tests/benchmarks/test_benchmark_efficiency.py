"""The benchmark of ``harness efficiency`` at a tiny size: it runs and says what it found. It judges no time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import efficiency


def test_both_questions_that_need_no_large_model_are_answered(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["--calls", "200", "--seconds", "0", "--runs", "1", "--layers", "1", "--width", "64"]
    arguments = ["--data-dir", str(corpus), *short, "--only", "itself", "--only", "layers", "--out", str(tmp_path)]
    assert efficiency.main(arguments) == 0
    found = json.loads((tmp_path / "efficiency.json").read_text())
    assert found["itself"]["runs"][0]["blocks"] >= 4 and found["itself"]["contain 1"] in (0, 1)
    one, two = found["layers"]["examples a second"]
    assert found["layers"]["ratio"] == pytest.approx(one / two) and found["layers"]["layers"] == [1, 2]
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == ["itself", "twice the layers"]
