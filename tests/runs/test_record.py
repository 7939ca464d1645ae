"""The record of a run: what it says of the environment, what is refused, and by which words."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from run_folders import labels_text, rewrite, write_run

from harness.core.clock import now
from harness.core.errors import DataError
from harness.runs import record as module
from harness.runs.record import SCHEMA, UnsoundRecord, environment, git_state, load_record, new_record, save_record


@pytest.fixture
def run(tmp_path: Path) -> Path:
    text = labels_text(["neutral", "entailment"])
    return write_run(tmp_path / "run", {"xnli": {"de": (text, text)}})


def test_a_new_record_can_be_read_again_and_says_who_wrote_it(tmp_path: Path) -> None:
    record = new_record()
    save_record(tmp_path, record)
    assert load_record(tmp_path, whole=False) == record
    assert record["schema"] == SCHEMA and record["command"] == [Path(sys.argv[0]).name, *sys.argv[1:]]
    assert record["units"] == record["missing"] == record["failed"] == {} and record["identity"] is None
    assert load_record(tmp_path / "nowhere") is None


def test_the_time_is_that_of_greenwich_to_the_second() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", now())
    assert abs(datetime.fromisoformat(now()) - datetime.now(UTC)) < timedelta(minutes=5)


def test_packages_that_are_not_installed_have_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACKAGES", ("numpy", "no-package-of-this-name"))
    found = environment()
    assert found["packages"] == {"numpy": version("numpy"), "no-package-of-this-name": None}
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_checkout_is_told_with_its_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "harness" / "runs" / "record.py"
    here.parent.mkdir(parents=True)
    here.write_text("x")
    monkeypatch.setattr(module, "__file__", str(here))
    assert git_state() is None
    git(tmp_path, "init", "-q")
    assert git_state() is None  # no commit yet
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("y")
    assert git_state() == {"commit": commit, "dirty": False}
    here.write_text("changed")
    assert git_state() == {"commit": commit, "dirty": True}


@pytest.mark.parametrize(
    ("text", "words"),
    [("[]", "schema None"), ('{"schema": "harness-record/9"}', "schema 'harness-record/9'"), ("{}", "schema None")],
)
def test_another_schema_is_refused_by_name(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        load_record(tmp_path)
    assert not isinstance(caught.value, UnsoundRecord)  # which would be put aside and scored anew


@pytest.mark.parametrize("text", ["NaN", '"\\ud800"', "1e999", "{"])
def test_what_no_record_can_hold_is_refused(text: str, run: Path) -> None:
    path = run / "record.json"
    path.write_text(path.read_text().replace('"schema"', f'"odd": {text}, "schema"', 1))
    with pytest.raises(UnsoundRecord, match="not a readable record"):
        load_record(run)


def test_a_changed_value_is_refused_and_a_lost_field_named(run: Path) -> None:
    whole = json.loads((run / "record.json").read_text())
    assert load_record(run) == {name: value for name, value in whole.items() if name != "sha256"}
    (run / "record.json").write_text(json.dumps({**whole, "finished": None}))
    with pytest.raises(UnsoundRecord, match="its sha256 differs"):
        load_record(run)
    rewrite(run, lambda record: record.pop("stages"))
    with pytest.raises(UnsoundRecord, match=r"not a complete record: .*stages"):
        load_record(run)
    assert load_record(run, whole=False) is not None


def test_a_unit_of_another_run_is_named(run: Path) -> None:
    def borne(by_unit: str) -> None:
        identity = {"model": "m", "measures": {}, "seed": {}, "sha256": "1"}
        rewrite(run, lambda record: record.update(identity=identity))
        rewrite(run, lambda record: record["units"]["xnli/de/test"].update(run=by_unit))

    borne("1")
    assert load_record(run) is not None
    borne("2")
    with pytest.raises(UnsoundRecord, match="xnli/de/test is a result of another run"):
        load_record(run)


def test_a_record_keeps_letters_of_every_script_and_ends_its_line(tmp_path: Path) -> None:
    save_record(tmp_path, {**new_record(), "model": {"reference": "Mañana/猫"}})
    text = (tmp_path / "record.json").read_text(encoding="utf-8")
    assert "Mañana/猫" in text and text.endswith("}\n")
    with pytest.raises(DataError, match=r"record\.json: cannot be written"):
        save_record(tmp_path, {"odd": float("inf")})
    assert (tmp_path / "record.json").read_text(encoding="utf-8") == text
