"""The order of jobs: needs first, failures stop only what needs them, lost jobs start again, Ctrl-C stops all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import PluginError, UsageError
from harness.registry.default import get_registry
from harness.studies.job import Job, JobResult, read_result, write_result
from harness.studies.launcher import JobLauncher
from harness.studies.schedule import ATTEMPTS, in_order, run_jobs
from harness.types.progress import JobCount, ProgressListener


def job(key: str, *needs: str) -> Job:
    return Job(f"job {key}", "stage", "tiny", f"out/{key}", stage=key, needs=needs)


class Lines(ProgressListener):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.counts: list[JobCount] = []

    def jobs(self, count: JobCount) -> None:
        self.counts.append(count)

    def note(self, text: str) -> None:
        self.lines.append(text)


class Pretended(JobLauncher):
    """Ends every job when it is polled a second time, with the results that are handed in; None is a killed process."""

    def __init__(self, folder: Path, jobs: int = 1, **results: list[JobResult | None]) -> None:
        super().__init__(folder, jobs, get_registry(), Lines())
        self.results = results
        self.submitted: list[str] = []
        self.running: dict[str, int] = {}
        self.most = 0
        self.cancelled: list[str] = []
        self.closed = 0

    def submit(self, job: Job) -> str:
        assert Job.from_json(self.files(job).job.read_text()) == job
        self.submitted.append(job.key)
        self.running[job.key] = 0
        self.most = max(self.most, len(self.running))
        planned = self.results.get(job.key, [])
        result = planned.pop(0) if planned else JobResult(job.key)
        if result is not None:
            write_result(self.files(job).result, result)
        return job.key

    def poll(self, handle: str) -> bool:
        self.running[handle] += 1
        if self.running[handle] < 2 and handle not in self.cancelled:
            return False
        del self.running[handle]
        return True

    def cancel(self, handle: str) -> None:
        self.cancelled.append(handle)

    def close(self) -> None:
        self.closed += 1

    @property
    def lines(self) -> list[str]:
        assert isinstance(self.reporter, Lines)
        return self.reporter.lines


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.studies.schedule.POLL", 0)


@settings(max_examples=20)  # each writes files, and waits for the disk
@given(st.data(), st.integers(1, 4))
def test_any_graph_runs_in_the_order_of_its_needs(
    tmp_path_factory: pytest.TempPathFactory, data: Any, at_a_time: int
) -> None:
    keys = [f"{number:02}" for number in range(data.draw(st.integers(1, 8)))]
    jobs = [job(key, *data.draw(st.sets(st.sampled_from(keys[:at]))) if at else ()) for at, key in enumerate(keys)]
    launcher = Pretended(tmp_path_factory.getbasetemp() / "graph", at_a_time)
    results = run_jobs(data.draw(st.permutations(jobs)), launcher)
    assert set(results) == set(keys) and all(result.done for result in results.values())
    for each in jobs:
        assert all(launcher.submitted.index(need) < launcher.submitted.index(each.key) for need in each.needs)
    assert launcher.most <= at_a_time and launcher.closed == 1


def test_independent_jobs_keep_their_order() -> None:
    assert [each.key for each in in_order([job("c"), job("a"), job("b")])] == ["c", "a", "b"]


def test_what_a_job_needs_comes_right_before_it() -> None:
    jobs = [job("plain"), job("via", "stage"), job("again", "stage", "other"), job("other", "stage"), job("stage")]
    assert [each.key for each in in_order(jobs)] == ["plain", "stage", "via", "other", "again"]


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        ([job("a", "b"), job("b", "a")], "wait for each other: 'job"),
        ([job("a", "a")], "wait for each other"),
        ([job("a", "b")], "'job a' needs b, which no job produces"),
        ([job("a"), job("a")], "'job a' occurs twice"),
    ],
)
def test_what_is_no_order_is_refused(jobs: list[Job], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        in_order(jobs)


def test_a_failure_stops_what_needs_it_and_nothing_else(tmp_path: Path) -> None:
    launcher = Pretended(tmp_path, 2, a=[JobResult("a", 4, "no data")])
    seen: list[str] = []
    jobs = [job("a"), job("b"), job("c", "a", "b"), job("d", "c"), job("e", "b")]
    results = run_jobs(jobs, launcher, ended=lambda job, result: seen.append(job.key))
    assert sorted(launcher.submitted) == ["a", "b", "e"]
    assert {key: result.exit_code for key, result in results.items()} == {"a": 4, "b": 0, "c": 4, "d": 4, "e": 0}
    assert results["c"].message == results["d"].message == "not started, as a job that it needs failed: no data"
    assert sorted(seen) == ["a", "b", "c", "d", "e"]
    assert any("job a: failed: no data" in line for line in launcher.lines)


def test_a_run_with_failed_units_stops_nothing(tmp_path: Path) -> None:
    launcher = Pretended(tmp_path, 1, a=[JobResult("a", 6, "1 unit failed")])
    assert run_jobs([job("a"), job("b", "a")], launcher)["b"].done


def test_a_job_whose_process_was_killed_starts_again_and_not_for_ever(tmp_path: Path) -> None:
    launcher = Pretended(tmp_path, 1, a=[None], b=[None] * ATTEMPTS)
    results = run_jobs([job("a"), job("b"), job("c", "b")], launcher)
    assert results["a"].done and launcher.submitted == ["a", "a", *["b"] * ATTEMPTS]
    assert results["b"].lost and "without a result" in results["b"].message and ".log" in results["b"].hint
    assert not results["c"].done
    assert any("started again: job a" in line for line in launcher.lines)


def test_an_earlier_result_is_not_taken_for_this_one(tmp_path: Path) -> None:
    launcher = Pretended(tmp_path, 1, a=[None] * ATTEMPTS)
    write_result(launcher.files(job("a")).result, JobResult("a"))
    assert not run_jobs([job("a")], launcher)["a"].done


def test_ctrl_c_stops_what_runs_and_is_passed_on(tmp_path: Path) -> None:
    class Interrupted(Pretended):
        def submit(self, job: Job) -> str:
            if job.key == "b":
                raise KeyboardInterrupt
            return super().submit(job)

    launcher = Interrupted(tmp_path, 3)
    with pytest.raises(KeyboardInterrupt):
        run_jobs([job("a"), job("b"), job("c")], launcher)
    assert launcher.submitted == launcher.cancelled == ["a"] and launcher.closed == 1 and not launcher.running
    assert "stopping 1 jobs" in launcher.lines[-1]


def test_a_launcher_that_raises_is_named(tmp_path: Path) -> None:
    class Broken(Pretended):
        def submit(self, job: Job) -> str:
            raise OSError(2, "No such file or directory", "sbatch")

    launcher = Broken(tmp_path)
    with pytest.raises(PluginError, match="launcher Broken: sbatch: No such file"):
        run_jobs([job("a")], launcher)
    assert launcher.closed == 1


def test_the_files_of_a_job_are_plain(tmp_path: Path) -> None:
    launcher = Pretended(tmp_path)
    run_jobs([job("a")], launcher)
    assert json.loads((tmp_path / "stage-a.json").read_text())["schema"] == "harness-job/1"
    assert json.loads((tmp_path / "stage-a.result.json").read_text())["exit_code"] == 0


def test_the_jobs_are_counted_as_they_go_and_every_one_leaves_a_result(tmp_path: Path) -> None:
    planned = {"a": [JobResult("a", seconds=60.0)], "b": [JobResult("b", 4, "no data")]}
    launcher = Pretended(tmp_path, 1, **planned)
    jobs = [job("a"), job("b"), job("c", "b"), job("d")]
    run_jobs(jobs, launcher)
    assert isinstance(launcher.reporter, Lines)
    counts = [(count.done, count.failed, count.left) for count in launcher.reporter.counts]
    assert counts[0] == (0, 0, None) and counts[-1] == (2, 2, 0.0) and (1, 0, 180.0) in counts
    assert launcher.lines[1] == "1 of 4 jobs: job a: done (3 min left)"
    held = read_result(launcher.files(jobs[2]).result)
    assert held is not None and held.message == "not started, as a job that it needs failed: no data"


def test_a_job_of_others_is_waited_for_while_there_is_work_and_then_done_here(tmp_path: Path) -> None:
    launcher = Pretended(tmp_path, 1)
    run_jobs([job("run", "theirs"), job("own")], launcher, others=[job("theirs", "root"), job("root")])
    assert launcher.submitted == ["own", "root", "theirs", "run"]
    again = Pretended(tmp_path, 1)
    run_jobs([job("run", "theirs")], again, others=[job("theirs", "root"), job("root")])
    assert again.submitted == ["run"]  # what is done elsewhere is not done again
