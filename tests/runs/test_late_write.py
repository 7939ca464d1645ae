"""A record that a former owner of its claim puts in place too late: what it lost is seen, and is done again."""

from __future__ import annotations

import json
from pathlib import Path

from harness import evaluate
from harness.results.systems import load_run

UNITS = ("xnli[de,en,sw]",)


def test_an_older_record_written_last_costs_units_and_changes_no_score(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    values = {"out": out, "data_dir": corpus, "limit": 10, "offline": True}
    evaluate("baseline:random", ("xnli[de]",), **values)
    older = (out / "record.json").read_bytes()
    whole = evaluate("baseline:random", UNITS, **values).record["units"]
    assert len(whole) == 3
    (out / "record.json").write_bytes(older)
    seen = load_run(out).record
    assert set(seen["units"]) < set(whole)  # the units that were lost are not there, with no other score in their place
    again = evaluate("baseline:random", UNITS, **values)
    assert {key: unit["score"] for key, unit in again.record["units"].items()} == {
        key: unit["score"] for key, unit in whole.items()
    }
    kept = json.loads((out / "record.json").read_text())["units"]
    assert kept["xnli/de/test"]["seconds"] == whole["xnli/de/test"]["seconds"] and again.record["finished"]
