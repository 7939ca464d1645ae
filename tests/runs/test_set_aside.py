"""Results of another run are moved out of the way as a whole: nothing is lost, nothing is kept twice."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from run_folders import labels_text, rewrite, write_run

from harness.runs._set_aside import discard, earlier_runs, link, set_aside
from harness.runs.record import load_record

DE, SW = "xnli/de/test", "xnli/sw/test"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    gold, guess = labels_text(["neutral", "entailment"]), labels_text(["neutral", "neutral"])
    scores: Any = {"finished": "2026-01-01T00:00:00+00:00", "missing": {"xnli/fr/test": "no data"}}
    folder = write_run(tmp_path / "run", {"xnli": {"de": (gold, guess), "sw": (guess, gold)}}, **scores)
    (folder / "report.html").write_text("a page")
    return folder


def record_of(run: Path) -> dict[str, Any]:
    record = load_record(run)
    assert record is not None
    return record


def files(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith("earlier/")}


def test_all_units_go_with_the_record_as_it_stands(run: Path) -> None:
    before, there = record_of(run), files(run)
    moved = set_aside(run, before, [DE, SW])
    assert moved == run / "earlier" / "1" and record_of(moved) == before
    assert files(moved) == there == files(run)
    assert (moved / "report.html").samefile(run / "report.html")  # no second copy
    assert [path.name for path in (run / "earlier").iterdir()] == ["1"]


def test_some_units_go_without_what_was_said_of_all(run: Path) -> None:
    before = record_of(run)
    moved = set_aside(run, before, [SW])
    kept = record_of(moved)
    assert kept["units"] == {SW: before["units"][SW]}
    assert (kept["scores"], kept["finished"], kept["missing"], kept["failed"]) == (None, None, {}, {})
    assert files(moved) == {"record.json", "labels/xnli/test-sw.tsv", "predictions/xnli/test-sw.tsv"}
    assert record_of(run) == before  # which the caller changes


def test_what_lies_there_already_is_not_set_aside_again(run: Path) -> None:
    first = set_aside(run, record_of(run), [DE, SW])
    assert set_aside(run, record_of(run), [SW]) == first
    record = record_of(run)
    record["options"]["limit"] = 7
    assert set_aside(run, record, [DE, SW]) == run / "earlier" / "2"
    record["units"][SW]["key"] = "another"
    assert set_aside(run, record, [SW]) == run / "earlier" / "3"
    record["identity"] = {"model": "m", "measures": {}, "seed": {}, "sha256": "1"}
    for unit in record["units"].values():
        unit["run"] = "1"
    assert set_aside(run, record, [SW]) == run / "earlier" / "4"


def test_the_newest_comes_first_and_what_is_none_is_passed_over(run: Path) -> None:
    record = record_of(run)
    for limit in range(11):
        record["options"]["limit"] = limit
        set_aside(run, record, [DE, SW])
    (run / "earlier" / "7" / "record.json").write_text("{")
    (run / "earlier" / "8" / "record.json").unlink()
    (run / "earlier" / "12").symlink_to(run / "earlier" / "2")
    (run / "earlier" / "13").write_text("a file")
    (run / "earlier" / "notes").mkdir()
    found = [(int(path.name), other["options"]["limit"]) for path, other in earlier_runs(run)]
    assert found == [(number, number - 1) for number in (11, 10, 9, 6, 5, 4, 3, 2, 1)]
    record["options"]["limit"] = 100
    assert set_aside(run, record, [DE]).name == "14"  # 12 and 13 are taken


def test_discarding_removes_the_files_of_the_units_and_the_report_alone(run: Path) -> None:
    (run / "predictions" / "notes.txt").write_text("mine")
    discard(run, record_of(run), [SW])
    assert files(run) == {
        "record.json",
        "predictions/notes.txt",
        "labels/xnli/test-de.tsv",
        "predictions/xnli/test-de.tsv",
    }
    discard(run, record_of(run), [SW, DE])  # what is gone already is no error
    assert files(run) == {"record.json", "predictions/notes.txt"}


def test_a_unit_without_labels_is_set_aside(run: Path) -> None:
    rewrite(run, lambda record: record["units"][SW].update(labels=None, score=None))
    moved = set_aside(run, record_of(run), [SW])
    assert files(moved) == {"record.json", "predictions/xnli/test-sw.tsv"}


def test_a_file_is_linked_or_copied_and_replaces_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "a", tmp_path / "deep" / "er" / "b"
    link(source, target)
    assert not target.parent.exists()
    source.write_text("new")
    link(source, target)
    assert source.samefile(target)
    target.unlink()
    target.write_text("old")

    def refused(*args: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    link(source, target)
    assert target.read_text() == "new" and not source.samefile(target)


def test_a_run_of_this_process_that_was_killed_leaves_nothing_in_the_way(run: Path) -> None:
    scratch = run / "earlier" / f".new-{os.getpid()}"
    scratch.mkdir(parents=True)
    (scratch / "half.json").write_text(json.dumps({}))
    assert not (set_aside(run, record_of(run), [SW]) / "half.json").exists() and not scratch.exists()
