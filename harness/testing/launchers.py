"""Checks of launchers: each runs a small study with a failure and a kill in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

from harness.core.hashing import file_sha256
from harness.registry.registry import Registry
from harness.studies.job import Job, JobResult
from harness.studies.launcher import JobLauncher, open_launcher
from harness.studies.run_job import run_job
from harness.studies.schedule import POLL, run_jobs
from harness.studies.stage_plan import plan_stages, stage_job
from harness.testing.contract import Status
from harness.testing.model import small_model
from harness.testing.subject import Subject
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener

Result = tuple[str, Status, str]

PATIENCE = 120.0
"""Seconds for a cancelled job to end."""

_PLUGIN = """
import json, os, signal
from pathlib import Path
from harness import FileData, IntermediateTask, Pair, Split, TargetTask, hookimpl, splits

def lines(path):
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())

def split(name):
    return Split(FileData((f"{name}.jsonl",), lines, "the check writes it"))

def read(row):
    return Pair(row["id"], row["text"], "", row["label"])

SAME = dict(version=1, family="classification", example=read, metric="accuracy", labels=("bad", "good"), train=split("train"))

@hookimpl
def harness_target_tasks():
    languages = splits("en sw", dev=lambda code: split("dev"), test=lambda code: split("test"))
    yield TargetTask("launch-check", languages=languages, **SAME)

@hookimpl
def harness_intermediate_tasks():
    yield IntermediateTask("launch-check-before", dev=split("dev"), **SAME)

@hookimpl
def harness_unit_scored(folder, cached):
    mark = Path(folder) / "killed"
    if Path(folder).name == "killed-once" and not cached and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def launching(subject: Subject) -> Iterator[Result]:
    """A stage, a run that needs it and is killed once, a stage that fails, and a run that needs that.

    A batch script is not submitted, as that takes its scheduler.
    """
    for name, found in subject.registry.launchers().items():
        if found.provider == subject.provider and found.implementation:
            scratch = subject.scratch / f"launcher-{name}"
            launcher = open_launcher(name, scratch / "jobs", 2, subject.registry, ProgressListener())
            if launcher.in_process:
                yield f"launcher {name}", "failed", "in_process: two jobs at a time need processes of their own"
            else:
                yield from _study(f"launcher {name}", launcher, scratch)
                again = open_launcher(name, scratch / "cancelled", 2, subject.registry, ProgressListener())
                yield f"launcher {name}", *_cancelled(again, _job(scratch, "cancelled"))


def _study(what: str, launcher: JobLauncher, scratch: Path) -> Iterator[Result]:
    registry = _write(scratch)
    run = _job(scratch, "killed-once")
    plan = plan_stages(run, registry, ProgressListener())
    stage = stage_job(run, plan, next(plan.required()))
    broken = replace(stage, name="broken stage", stage="0" * 64)
    beside = _job(scratch, "beside")
    jobs = [stage, broken, replace(run, needs=(stage.key,)), replace(beside, needs=(broken.key,))]
    ended: list[str] = []
    results = run_jobs(jobs, launcher, ended=lambda job, result: ended.append(job.key))
    first, second = results[stage.key], results[run.key]
    if not first.done:
        yield what, "failed", f"a stage: {_said(first)}"
        return
    yield what, "passed", "a stage was trained"
    in_turn = ended.index(stage.key) < ended.index(run.key)
    yield what, _status(in_turn), "a run started when its stage was there" if in_turn else "a run did not wait"
    known = "no stage of this plan" in results[broken.key].message and results[broken.key].exit_code == 4
    kept_back = not results[beside.key].done and not Path(beside.out).exists()
    yield (
        what,
        _status(known and kept_back),
        "a failure said why, and stopped what needed it alone" if known else f"a failure: {_said(results[broken.key])}",
    )
    if not second.done:
        yield what, "failed", f"a run whose process was killed once: {_said(second)}"
        return
    yield what, "passed", "a run whose process was killed once went on"
    alone = _job(scratch, "alone/run")
    reference = run_job(alone, registry, ProgressListener())
    same = reference.done and _outcome(Path(alone.out)) == _outcome(Path(run.out))
    yield what, _status(same), "the same bits as in one process" if same else "other results than in one process"


def _cancelled(launcher: JobLauncher, job: Job) -> tuple[Status, str]:
    """A job that is asked to end does so."""
    files = launcher.files(job)
    files.job.parent.mkdir(parents=True, exist_ok=True)
    files.job.write_text(job.to_json(), encoding="utf-8")
    try:
        handle = launcher.submit(job)
        launcher.cancel(handle)
        given_up = monotonic() + PATIENCE
        while not launcher.poll(handle):
            if monotonic() > given_up:
                return "failed", f"cancel: the job was still running {PATIENCE:.0f} s later"
            sleep(POLL)
    finally:
        launcher.close()
    return "passed", "a cancelled job ended"


def _write(scratch: Path) -> Registry:
    """The data, and the registry with the plugin that reads them."""
    data = scratch / "data"
    data.mkdir(parents=True)
    for name in ("train", "dev", "test"):
        rows = [{"id": str(i), "text": f"{name} number {i}", "label": ("bad", "good")[i % 2]} for i in range(8)]
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    plugin = scratch / "launch_check.py"
    plugin.write_text(_PLUGIN, encoding="utf-8")
    return Registry([plugin])


def _job(scratch: Path, out: str) -> Job:
    return Job(
        name=out,
        kind="evaluation",
        model=str(small_model(scratch.parent / "model")),
        out=str(scratch / out),
        tasks=("launch-check",),
        options=EvalOptions(
            via=("launch-check-before",),
            recipe="tiny",
            overrides={"max_steps": 3, "batch": 4},
            data_dir=str(scratch / "data"),
            offline=True,
            device="cpu",
        ),
        seed=1,
        folder=str(scratch),
        plugins=(str(scratch / "launch_check.py"),),
    )


def _outcome(run: Path) -> dict[str, str]:
    """sha256 of the predictions of a run, and of the weights of the stages next to it."""
    files = [*run.glob("predictions/*/*"), *run.parent.glob("stages/*/*.safetensors")]
    return {str(path.relative_to(run if run in path.parents else run.parent)): file_sha256(path) for path in files}


def _status(holds: bool) -> Status:
    return "passed" if holds else "failed"


def _said(result: JobResult) -> str:
    return f"{result.message or 'done'} (exit code {result.exit_code})" + (f"; {result.hint}" if result.hint else "")
