"""A study on a real Slurm of one node: submitted in waves, one part of it requeued in the middle, equal to the local run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_study import outcome, wait
from slurm_cluster import lacking, slurm_cluster

from harness.cli.main import main
from harness.registry.registry import Registry
from harness.studies.status import study_status


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    if reason := lacking():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    try:
        cluster = slurm_cluster(folder)
        variables = cluster.__enter__()
    except (RuntimeError, OSError) as error:
        pytest.skip(f"Slurm does not start here: {error}")
    yield variables
    cluster.__exit__(None, None, None)


def test_a_requeued_part_goes_on_and_the_bits_are_those_of_one_process(
    slurm: dict[str, str],
    registry: Registry,
    here: Path,
    alone: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, plain = tmp_path / "out", tmp_path / "plain"
    study = ["grid", "--data-dir", str(here / "data"), "--offline", "--device", "cpu", "--train-limit", "4"]
    before = ["--plugin", str(here / "plugin.py"), "study"]
    monkeypatch.chdir(here)
    assert main([*before, "run", *study, "--out", str(plain)]) == 0
    capsys.readouterr()
    words = ["submit", *study, "--out", str(out), "--launcher", "slurm", "--launcher-option", "time=30"]
    assert main([*before, *words]) == 0
    commands = capsys.readouterr().out
    assert [line.split("=")[0] for line in commands.splitlines()] == ["stages", "sbatch --array"]
    assert study_status(out).counts == {"waiting": 4}
    variables = {**os.environ, **slurm, "HANG": str(tmp_path / "hang")}
    submitted = subprocess.run(["bash", "-ec", commands], env=variables, capture_output=True, text=True)
    assert submitted.returncode == 0, submitted.stderr
    wait(lambda: (tmp_path / "hang").exists() or not queued(slurm))
    task = task_of(int((tmp_path / "hang").read_text()))
    subprocess.run(["scancel", "--signal=USR1", task], env={**os.environ, **slurm}, check=True)
    wait(lambda: not queued(slurm))
    assert study_status(out).counts == {"done": 4}
    stopped = "stopped, 1 of 2 units are scored and kept; the same command goes on"
    [log] = [text for path in (out / "jobs").glob("slurm-*.log") if stopped in (text := path.read_text())]
    assert log.partition(stopped)[2].count("(kept)") == 1  # Slurm has started the task again, and it has gone on
    assert outcome(out) == outcome(plain)


def queued(slurm: dict[str, str]) -> list[str]:
    """The tasks that wait or run."""
    found = subprocess.run(
        ["squeue", "--noheader", "--format=%i"], env={**os.environ, **slurm}, capture_output=True, text=True, check=True
    )
    return found.stdout.split()


def task_of(pid: int) -> str:
    """The task of an array that a process belongs to."""
    variables = dict(each.partition("=")[::2] for each in Path(f"/proc/{pid}/environ").read_text().split("\0"))
    return f"{variables['SLURM_ARRAY_JOB_ID']}_{variables['SLURM_ARRAY_TASK_ID']}"
