"""The launcher ``local``: processes of this machine that end with the bits of one process, and with nothing lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from own_study import Lines, grid, options, outcome, wait

from harness.cli.main import main
from harness.core.errors import DataError
from harness.registry.registry import Registry
from harness.studies.grid import Cell, cells, run_cells
from harness.studies.job import Job, JobFiles, read_result
from harness.studies.launch import Launch
from harness.studies.local import LocalLauncher, visible_devices
from harness.studies.run_job import run_job
from harness.studies.stage_plan import plan_stages, with_shared_stages
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.studies import Study

pytestmark = pytest.mark.usefixtures("warm_python")


def test_processes_end_with_the_bits_of_one_and_train_a_shared_stage_once(
    registry: Registry, here: Path, alone: dict[str, Any], tmp_path: Path
) -> None:
    done, lines = grid(registry, here, tmp_path, jobs=2)
    assert not done.failed and outcome(tmp_path) == alone
    logs = {path.stem: path.read_text() for path in (tmp_path / "jobs").glob("*.log")}
    trained = {name for name, text in logs.items() if "training on before" in text}
    assert len(trained) == 1 and trained.pop().startswith("stage-")
    assert len(logs) == 4 and sum(text.count("training on mine") for text in logs.values()) == 3
    assert [line.split(":")[0] for line in lines if " of " in line and " jobs" in line] == [
        f"{number} of 4 jobs" for number in (1, 2, 3, 4)
    ]
    # The same command again finds everything done, in this process as well.
    _, lines = grid(registry, here, tmp_path)
    assert outcome(tmp_path) == alone


def test_a_killed_process_costs_its_unit(
    registry: Registry, here: Path, alone: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = next(each for each in cells(registry.study("grid"), tmp_path) if each.via == ("before",))
    monkeypatch.setenv("KILL", str(cell.runs[0] / "killed"))
    done, lines = grid(registry, here, tmp_path, jobs=2)
    assert (cell.runs[0] / "killed").exists() and not done.failed and outcome(tmp_path) == alone
    assert sum("started again" in line for line in lines) == 1
    [log] = [path.read_text() for path in (tmp_path / "jobs").glob("*.log") if "(kept)" in path.read_text()]
    assert log.count("mine/en/test") == 2 and log.count("(kept)") == 1  # what was scored before the kill is kept


def test_a_failing_job_costs_what_needs_it(registry: Registry, here: Path, tmp_path: Path) -> None:
    found = list(cells(registry.study("grid"), tmp_path, options(here)))
    (tmp_path / "empty").mkdir()
    found[0] = replace(found[0], options=options(here, data_dir=str(tmp_path / "empty")))
    reporter = Lines()
    done = run_cells(found[:2], tmp_path, registry=registry, reporter=reporter, launch=Launch(jobs=2))
    assert [cell.via for cell, _ in done.summaries] == [("before",)]
    [(job, result)] = done.failed
    error = done.error()
    assert isinstance(error, DataError) and "no data for any selected unit (2 units)" in str(error)
    assert result.exit_code == 4 and job.name.endswith("seed 1")
    files = JobFiles.of(job, tmp_path / "jobs")
    assert read_result(files.result) == result and "no data for any selected unit (2 units)" in files.log.read_text()


def test_a_plan_yields_stages_and_trains_none(registry: Registry, here: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    grid_cells = cells(registry.study("grid"), out, options(here))
    jobs = [job for cell in grid_cells for job in replace(cell, seeds=(1, 2)).jobs(registry)]
    planned = with_shared_stages(jobs, registry)
    assert not out.exists()
    stages, evaluations = [job for job in planned if job.stage], [job for job in planned if not job.stage]
    assert [job.name.partition(" of ")[0] for job in stages] == ["stage before"] * 2
    assert len({job.key for job in stages}) == 2 and [job.needs for job in stages] == [(), ()]
    by_seed = {job.seed: job.key for job in stages}
    assert [job.needs for job in evaluations] == [
        (by_seed[job.seed],) if job.options.via else () for job in evaluations
    ]
    assert [replace(job, needs=()) for job in evaluations] == jobs
    required = plan_stages(jobs[-1], registry, ProgressListener()).required()
    assert [stage.name for stage in required] == ["before", "between", "mine"]
    assert run_job(stages[0], registry, ProgressListener()).done
    assert [path.name for path in (out / "stages").iterdir() if path.name[0] != "."] == [f"before-{stages[0].key[:12]}"]


def test_a_stage_that_is_no_longer_planned_is_refused(registry: Registry, here: Path, tmp_path: Path) -> None:
    cell = Cell(os.environ["MODEL"], options(here), (1,), tmp_path, tasks=("mine",))
    [job] = cell.jobs(registry)
    result = run_job(replace(job, kind="stage", stage="f" * 64), registry, ProgressListener())
    assert result.exit_code == 4 and "no stage of this plan has the key ffffffffffff" in result.message


def test_a_job_in_a_file_finds_its_folder_and_plugins(
    registry: Registry, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = Job("one", "evaluation", "baseline:majority", "run", tasks=("mine[sw]",), options=options(here))
    job = replace(job, folder=str(tmp_path), plugins=(str(here / "plugin.py"),))
    path = tmp_path / "elsewhere" / "job.json"
    path.parent.mkdir()
    path.write_text(job.to_json(), encoding="utf-8")
    monkeypatch.chdir(path.parent)
    assert main(["study", "job", "job.json"]) == 0
    result = read_result(path.with_name("job.result.json"))
    assert result is not None and result.paths == {"run": "run"} and (tmp_path / "run" / "record.json").is_file()
    path.write_text(replace(job, tasks=("mien",)).to_json(), encoding="utf-8")
    assert main(["study", "job", str(path)]) == 2
    result = read_result(path.with_name("job.result.json"))
    assert result is not None and "unknown" in result.message and "mine" in result.hint
    assert result.message in capsys.readouterr().err
    path.write_text(replace(job, folder=str(tmp_path / "gone")).to_json(), encoding="utf-8")
    assert main(["study", "job", str(path)]) == 4
    assert main(["study", "job", str(tmp_path / "no.json")]) == 4


def test_a_stopped_command_stops_its_processes_and_goes_on_from_their_state(
    here: Path, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, then SIGKILL, then the end: the bits of a command that nobody stopped."""
    monkeypatch.setenv("MODEL", str(small_model))
    words = [
        "--plugin",
        str(here / "plugin.py"),
        "eval",
        "--model",
        str(small_model),
        "--task",
        "mine",
        "--seeds",
        "1,2",
    ]
    words += ["--data-dir", str(here / "data"), "--offline", "--device", "cpu", "--recipe", "tiny"]
    words += ["--set", "max_steps=400", "--set", "batch=2", "--set", "save_every=20"]  # seconds after the first state
    out, plain = tmp_path / "out", tmp_path / "plain"
    command = [sys.executable, "-m", "harness.cli", *words, "--jobs", "2", "--out", str(out)]
    for sent in (signal.SIGINT, signal.SIGKILL):
        started = time.time()
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c)
        try:
            wait(lambda since=started, child=process: len(saved(out, since)) == 2 or child.poll() is not None)
            assert process.poll() is None
            process.send_signal(sent)
            _, said = process.communicate()
        finally:
            process.kill()
        assert process.returncode == (130 if sent == signal.SIGINT else -sent)
        assert ("stopping 2 jobs" in said) == (sent == signal.SIGINT)
        wait(lambda: not running(str(out / "jobs")))
        assert len(saved(out, 0)) == 2 and not list(out.glob("jobs/*.result.json"))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert main([*words, "--out", str(plain)]) == 0 and outcome(out) == outcome(plain)


def heeds_ctrl_c() -> None:
    """A test that a shell started in the background has it ignored, and so have its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def saved(out: Path, since: float) -> list[Path]:
    """The trainings whose state was written since."""
    found = []
    for path in out.glob("stages/*.partial/state/progress.json"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime > since:
                found.append(path)
    return found


def running(text: str) -> list[str]:
    """The processes whose command line names this."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(text in word for word in words):
            found.append(path.parent.name)
    return found


def test_visible_devices_are_shared_out_among_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    started: list[dict[str, str]] = []

    class Popen:
        def __init__(self, command: list[str], *, env: dict[str, str], **more: Any) -> None:
            started.append(env)

    monkeypatch.setattr("harness.studies.local.subprocess.Popen", Popen)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, 5,GPU-6")
    launcher = LocalLauncher(tmp_path, 4, registry, ProgressListener())
    job = Job("one", "evaluation", "tiny", "run", tasks=("mine",))
    for _ in range(4):
        launcher.submit(job)
    assert [env["CUDA_VISIBLE_DEVICES"] for env in started] == ["4", "5", "GPU-6", "4"]
    launcher.submit(replace(job, options=EvalOptions(device="cpu")))
    assert started[-1]["CUDA_VISIBLE_DEVICES"] == "4, 5,GPU-6"
    assert visible_devices({"CUDA_VISIBLE_DEVICES": ""}) == []


def test_what_only_this_process_knows_is_refused_for_others(registry: Registry, here: Path, tmp_path: Path) -> None:
    registry.add(object_with_hook(), "mine-only")
    found = list(cells(registry.study("grid"), tmp_path, options(here)))
    with pytest.raises(Exception, match="'mine-only' is known in this process only"):
        run_cells(found, tmp_path, registry=registry, reporter=ProgressListener(), launch=Launch(jobs=2))


def object_with_hook() -> Any:
    from harness import hookimpl

    class Observer:
        @hookimpl
        def harness_run_finished(self, folder: Path) -> None:
            pass

    return Observer()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--jobs", "2"], "--launcher and --jobs are for several runs"),
        (["--seeds", "1,2", "--launcher", "locla"], "did you mean 'local'"),
        (["--seeds", "1,2", "--jobs", "0"], "0 is not in the range x>=1"),
        (["--seeds", "1,1"], "each seed once"),
        (["--seeds", "1,2", "--set", "learning_rate=1"], "unknown option 'learning_rate'"),
    ],
)
def test_mistakes_are_told_before_anything_starts(
    registry: Registry, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    out = tmp_path / "out"
    command = ["--plugin", str(here / "plugin.py"), "eval", "--model", "baseline:random", "--task", "mine"]
    assert main([*command, "--data-dir", str(here / "data"), "--out", str(out), *words]) == 2
    assert said in capsys.readouterr().err and not out.exists()


def test_a_study_gives_the_same_output_with_several_jobs(
    registry: Registry, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = registry.study("grid")
    assert isinstance(study, Study)
    command = [
        "--plugin",
        str(here / "plugin.py"),
        "study",
        "run",
        "grid",
        "--data-dir",
        str(here / "data"),
        "--offline",
    ]
    printed = []
    for jobs in ("1", "2"):
        words = ["--device", "cpu", "--jobs", jobs, "--train-limit", "4", "--out", str(tmp_path / jobs), "--json"]
        assert main([*command, *words]) == 0, capsys.readouterr().err
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and len(json.loads(printed[0])) == 3


def test_seeds_of_a_baseline_differ_or_are_refused(
    registry: Registry, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--plugin", str(here / "plugin.py"), "eval", "--task", "mine", "--data-dir", str(here / "data")]
    command += ["--offline", "--seeds", "1,2", "--out", str(tmp_path / "out")]
    assert main([*command, "--model", "baseline:majority"]) == 2
    assert "the same answers with every seed" in capsys.readouterr().err
    assert main([*command, "--model", "baseline:random"]) == 0
    one, two = (sorted((tmp_path / "out" / f"seed-{seed}" / "predictions").rglob("*.*")) for seed in (1, 2))
    assert any(a.read_bytes() != b.read_bytes() for a, b in zip(one, two, strict=True))
