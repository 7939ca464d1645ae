"""Parts of a study: divided without overlap, carried out by several processes that share a folder, stopped and gone on with."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_study import grid, outcome

from harness.cli.main import main
from harness.core.errors import UsageError
from harness.registry.registry import Registry
from harness.studies.job import Job, JobResult, write_result
from harness.studies.shard import WAVES, Shard, in_wave, waves
from harness.studies.status import study_status

pytestmark = pytest.mark.usefixtures("warm_python")


@given(st.lists(st.integers()), st.integers(1, 12))
def test_shards_share_everything_out_and_overlap_nowhere(items: list[int], count: int) -> None:
    numbered = list(enumerate(items))
    parts = [Shard(number, count).part(numbered) for number in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == numbered
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_shard_is_read_and_anything_else_refused() -> None:
    assert Shard.of("2/8") == Shard(2, 8)
    for text in ("0/8", "9/8", "2", "2/0", "a/b", "2/8/9", "-1/8"):
        with pytest.raises(UsageError, match="--shard"):
            Shard.of(text)


def test_waves_are_stages_then_runs_that_decide_then_the_others() -> None:
    stage = Job("stage", "stage", "tiny", "s", stage="s")
    tried = Job("tried", "evaluation", "tiny", "t", needs=("s",))
    run = Job("run", "evaluation", "tiny", "r", needs=("s", tried.key))
    assert waves([run, tried, stage]) == {"stages": [stage], "search": [tried], "evaluations": [run]}
    assert list(waves([replace(run, needs=())])) == ["evaluations"] and in_wave([stage], "search") == []
    with pytest.raises(UsageError, match="'stage'"):
        in_wave([stage], "stage")
    assert list(waves([run, tried, stage])) == list(WAVES)


def command(here: Path, out: Path, *words: str) -> list[str]:
    study = ["--plugin", str(here / "plugin.py"), "study", "run", "grid", "--data-dir", str(here / "data"), "--offline"]
    return [*study, "--device", "cpu", "--out", str(out), *words]


def test_two_processes_with_a_shard_each_end_with_the_outcome_of_one(
    registry: Registry, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, out = tmp_path / "plain", tmp_path / "out"
    words = ["--train-limit", "4"]
    assert main(command(here, plain, *words)) == 0
    parts = [
        subprocess.Popen(
            [sys.executable, "-m", "harness.cli", *command(here, out, *words, "--shard", f"{number}/2")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in (1, 2)
    ]
    said = [part.communicate()[0] for part in parts]
    assert [part.returncode for part in parts] == [0, 0], said
    assert outcome(out) == outcome(plain)
    assert sum(text.count("training on before\n") for text in said) == 1
    assert study_status(out).counts == {"done": 4}
    assert [text.partition("shard ")[2][:14] for text in said] == ["1 of 2: 2 jobs", "2 of 2: 2 jobs"]


def test_waves_and_shards_one_after_the_other_end_with_the_outcome_of_one(
    registry: Registry, here: Path, alone: dict[str, Any], tmp_path: Path
) -> None:
    done, lines = grid(registry, here, tmp_path, wave="stages")
    assert not done.failed and not done.summaries and study_status(tmp_path).counts == {"done": 1, "waiting": 3}
    for number in (2, 1):
        done, lines = grid(registry, here, tmp_path, wave="evaluations", shard=Shard(number, 2))
        assert not done.failed and not any("planning" in line for line in lines)
    assert outcome(tmp_path) == alone


def test_a_part_does_what_it_needs_and_nobody_has_done(
    registry: Registry, here: Path, alone: dict[str, Any], tmp_path: Path
) -> None:
    """The shared stage is in the second shard, whose process does not come."""
    done, lines = grid(registry, here, tmp_path, shard=Shard(1, 2))
    assert (
        not done.failed
        and sum("not done yet by another process, and needed: stage before" in each for each in lines) == 1
    )
    assert study_status(tmp_path).counts == {"done": 3, "waiting": 1}
    done, _ = grid(registry, here, tmp_path, shard=Shard(2, 2))
    assert not done.failed and outcome(tmp_path) == alone


def test_what_failed_in_an_earlier_wave_holds_its_runs_back(registry: Registry, here: Path, tmp_path: Path) -> None:
    grid(registry, here, tmp_path, wave="stages")
    [stage] = [each.job for each in study_status(tmp_path).jobs if each.job.kind == "stage"]
    [path] = tmp_path.glob("jobs/stage-*.result.json")
    write_result(path, JobResult(stage.key, 4, "no data"))
    done, _ = grid(registry, here, tmp_path, wave="evaluations")
    assert [result.message for _, result in done.failed] == ["not started, as a job that it needs failed: no data"] * 2
    assert study_status(tmp_path).counts == {"done": 1, "failed": 3}


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGUSR1])
def test_a_part_that_is_stopped_ends_with_75_and_the_next_turn_goes_on(
    sent: signal.Signals, registry: Registry, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANG", str(tmp_path / "hang"))
    words = command(here, tmp_path / "out", "--limit", "4", "--train-limit", "4", "--shard", "1/3")
    part = subprocess.Popen([sys.executable, "-m", "harness.cli", *words], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "hang").exists():
        assert part.poll() is None
    assert study_status(tmp_path / "out").counts["running"] == 1
    part.send_signal(sent)
    _, said = part.communicate()
    assert part.returncode == 75 and "stopped, 1 of 2 units are scored and kept; the same command goes on" in said
    assert "running" not in study_status(tmp_path / "out").counts
    assert main(words) == 0


def test_a_run_stops_itself_after_its_time(
    registry: Registry, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANG", str(tmp_path / "hang"))  # it would not end otherwise
    words = command(here, tmp_path / "out", "--limit", "4", "--train-limit", "4", "--stop-after", "5s")
    done = subprocess.run([sys.executable, "-m", "harness.cli", *words], capture_output=True, text=True)
    assert done.returncode == 75, done.stderr


@pytest.mark.parametrize("words", [["--stop-after", "soon"], ["--shard", "3/2"], ["--wave", "stage"]])
def test_mistakes_are_told(registry: Registry, here: Path, tmp_path: Path, words: list[str]) -> None:
    assert main(command(here, tmp_path / "out", *words)) == 2 and not (tmp_path / "out").exists()
