"""The state of a study, from its folder alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.core.claims import Claims
from harness.core.errors import DataError
from harness.core.owner import Owner
from harness.studies.job import Job, JobFiles, JobResult, write_result
from harness.studies.launch import write_list
from harness.studies.status import study_status
from harness.studies.time_left import time_left
from harness.types.progress import JobCount

JOBS = [Job(name, "evaluation", "tiny", f"runs/{name}") for name in ("done", "odd", "failed", "runs", "lost", "waits")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study with a job in each state."""
    write_list(JOBS, tmp_path / "jobs")
    files = {job.name: JobFiles.of(job, tmp_path / "jobs") for job in JOBS}
    keys = {job.name: job.key for job in JOBS}
    write_result(files["done"].result, JobResult(keys["done"], seconds=100.0))
    write_result(files["odd"].result, JobResult(keys["odd"], 6, "1 units failed", seconds=200.0))
    write_result(files["failed"].result, JobResult(keys["failed"], 4, "no data", "fetch it"))
    killed = (
        "import os, sys; from pathlib import Path; from harness.core.claims import Claims\n"
        "Claims(Path(sys.argv[1])).take(sys.argv[2]); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path / "jobs" / ".claims"), files["lost"].job.stem])
    return tmp_path


def test_each_state_is_told_by_files_and_claims(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claims, name = Claims(folder / "jobs" / ".claims"), JobFiles.of(JOBS[3], folder / "jobs").job.stem
    assert claims.take(name)
    found = study_status(folder)
    assert {each.job.name: each.state for each in found.jobs} == {
        "done": "done", "odd": "done", "failed": "failed", "runs": "running", "lost": "lost", "waits": "waiting"
    }  # fmt: skip
    running = next(each for each in found.jobs if each.state == "running")
    assert running.who.startswith("process ") and running.since.startswith(str(datetime.now(UTC).year))
    now = datetime.fromisoformat(running.since)
    assert found.count(now) == JobCount(6, 2, 1, 1, 450.0)  # three jobs of 150 s, one at a time
    assert main(["study", "status", str(folder)]) == 0
    printed = capsys.readouterr()
    assert "2 of 6 jobs done, 1 waiting, 1 lost, 1 running, 1 failed, " in printed.out
    assert "failed: failed: no data" in printed.err
    assert main(["study", "status", str(folder), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["counts"]["running"] == 1 and plain["jobs"][2]["message"] == "no data"
    claims.release(name)
    assert study_status(folder).counts["waiting"] == 2 and study_status(folder).count().left is None


def test_an_owner_on_another_machine_that_is_long_silent_is_lost_at_the_first_question(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CLAIM_BEAT", "0.1")
    monkeypatch.setenv("HARNESS_CLAIM_PATIENCE", "0.6")
    files = JobFiles.of(JOBS[3], folder / "jobs")
    with monkeypatch.context() as there:
        there.setattr("harness.core.owner.this_machine", lambda: "another kernel")
        owner = Owner.here()
    files.claim.write_text(owner.to_json(), encoding="utf-8")
    assert {each.job.name: each.state for each in study_status(folder).jobs}["runs"] == "running"
    os.utime(files.claim, (0, 0))  # as if its last beat was long ago
    found = {each.job.name: each for each in study_status(folder).jobs}
    assert found["runs"].state == "lost" and found["runs"].who == f"process {os.getpid()} on {owner.host}"


def test_jobs_of_an_earlier_plan_do_not_count(folder: Path) -> None:
    write_list(JOBS[:2], folder / "jobs")
    assert [each.job.name for each in study_status(folder).jobs] == ["done", "odd"]


def test_a_folder_without_jobs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no jobs of a study are planned here"):
        study_status(tmp_path)
    assert main(["study", "status", str(tmp_path)]) == 4
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "list.json").write_text("{")
    with pytest.raises(DataError, match="a list of file names expected"):
        study_status(tmp_path)


def test_the_time_left_is_that_of_jobs_of_the_model_shared_among_those_at_a_time() -> None:
    a, b = Job("a", "evaluation", "small", "a"), Job("b", "evaluation", "large", "b")
    stage = Job("s", "stage", "small", "s", stage="s")
    done = [(a, 10.0), (a, 30.0), (b, 100.0)]
    left = [replace(a, out=str(number)) for number in range(4)]
    assert time_left(left, {}, done, 1) == 80.0 and time_left(left, {}, done, 4) == 20.0
    assert time_left(left, {left[0].key: 15.0}, done, 1) == 65.0
    assert time_left([replace(b, model="other")], {}, done, 1) == pytest.approx(140 / 3)
    assert time_left([*left, stage], {}, done, 1) is None and time_left([], {}, done, 1) == 0.0
    assert time_left([*left, replace(b, out="x")], {}, done, 9) == 100.0  # not faster than its longest job
