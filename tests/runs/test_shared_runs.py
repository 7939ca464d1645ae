"""Several processes on one run folder: no unit twice, no torn file, and the outcome of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.core.claims import Claims
from harness.core.errors import UsageError
from harness.core.turns import locked
from harness.runs.folder import RunFolder

pytestmark = pytest.mark.usefixtures("warm_python")

# Imports once and forks one process for each list of words; kills the first of them after so many seconds, if any.
WORKERS = """
import json, os, signal, sys, time
import torch, transformers, datasets, accelerate  # noqa
import harness.api, harness.evaluation.evaluator, harness.training.train_stage, harness.retrieval.embed  # noqa
from harness.cli.main import main

killed_after, jobs = json.loads(sys.argv[1]), json.loads(sys.argv[2])
children = []
for words, log in jobs:
    child = os.fork()
    if child == 0:
        sys.stdout = sys.stderr = open(log, "w")
        code = main(words)
        sys.stderr.flush()
        os._exit(code)
    children.append(child)
if killed_after is not None:
    time.sleep(killed_after)
    os.kill(children[0], signal.SIGKILL)
codes = [os.waitpid(child, 0)[1] for child in children]
print(json.dumps([os.waitstatus_to_exitcode(code) for code in codes]))
"""
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def words(corpus: Path, model: Path, out: Path, *more: str) -> list[str]:
    chosen = ["--task", "xnli[en,de,sw]", "--task", "tatoeba[de,fr]", "--task", "panx[en,de]", "--task", "xquad[en,es]"]
    steps = ["--via", "mnli", "--set", "max_steps=6", "--set", "batch=4", "--set", "evaluate_every=3"]
    small = ["--limit", "10", "--train-limit", "20", "--offline", "--device", "cpu", "--dtype", "fp32"]
    return ["eval", "--model", str(model), "--data-dir", str(corpus), "--out", str(out), *chosen, *steps, *small, *more]


def together(out: Path, jobs: list[list[str]], killed_after: float | None = None) -> tuple[list[int], list[str]]:
    """Exit codes and messages of processes that run at the same time."""
    out.parent.mkdir(exist_ok=True, parents=True)
    logs = [out.parent / f"log-{number}" for number in range(len(jobs))]
    described = json.dumps([[job, str(log)] for job, log in zip(jobs, logs, strict=True)])
    command = [sys.executable, "-c", WORKERS, json.dumps(killed_after), described]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), [log.read_text() for log in logs]


def outcome(out: Path) -> dict[str, Any]:
    """Everything that must not depend on who did what."""
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    for unit in record["units"].values():
        unit.pop("seconds")
    files = {
        str(p.relative_to(out)): p.read_bytes() for side in ("predictions", "labels") for p in out.glob(f"{side}/*/*")
    }
    weights = {path.parent.name: path.read_bytes() for path in (out.parent / "stages").glob("*/*.safetensors")}
    kept = ("key", "dev", "selected_step", "steps", "fingerprint")
    stages = [{name: stage[name] for name in kept} for stage in record["stages"]]
    return {"record": {k: record[k] for k in ("scores", "units", "failed", "missing")}, "stages": stages} | {
        "files": files,
        "weights": weights,
    }


@pytest.fixture(scope="module")
def alone(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("alone") / "run"
    codes, logs = together(out, [words(corpus, small_model, out)])
    assert codes == [0], logs
    return outcome(out)


def left(out: Path) -> list[str]:
    return [str(path) for path in out.parent.rglob("*") if path.suffix in (".claim", ".tmp", ".partial")]


def test_two_processes_share_the_work_and_end_as_one(
    corpus: Path, small_model: Path, alone: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    codes, logs = together(out, [words(corpus, small_model, out)] * 3)
    assert codes == [0, 0, 0], logs
    assert outcome(out) == alone
    units = alone["record"]["units"]
    lines = [line for log in logs for line in log.splitlines() if line.strip() and "(kept)" not in line]
    scored = [line.split()[0] for line in lines if line.split()[0] in units]
    assert sorted(scored) == sorted(units)  # each unit once, by one of them
    assert "Traceback" not in "".join(logs)
    assert not left(out)


@pytest.mark.parametrize("after", [0.3, 1.2])
def test_a_killed_process_leaves_its_share_to_the_other(
    after: float, corpus: Path, small_model: Path, alone: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    codes, logs = together(out, [words(corpus, small_model, out)] * 2, killed_after=after)
    assert codes[1] == 0, logs
    assert outcome(out) == alone


def test_what_another_process_holds_is_waited_for(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    """A claim is held here; the run does everything else meanwhile, and the rest once the claim is let go."""
    out = tmp_path / "run"
    job = ["eval", "--model", str(small_model), "--task", "tatoeba[de]", "--task", "bucc2018[de]", "--limit", "10"]
    job += ["--data-dir", str(corpus), "--out", str(out), "--offline"]
    claims = RunFolder(out).claims
    assert claims.take("tatoeba/de/test")
    process = subprocess.Popen([sys.executable, "-m", "harness.cli", *job], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        while "bucc2018/de/test" not in RunFolder(out).record["units"]:
            assert process.poll() is None
            time.sleep(0.1)
        assert process.poll() is None
        assert "tatoeba/de/test" not in RunFolder(out).record["units"]
        claims.release("tatoeba/de/test")
        assert process.wait() == 0
    finally:
        process.kill()
    assert set(RunFolder(out).record["units"]) == {"tatoeba/de/test", "bucc2018/de/test"}


def test_a_run_with_other_options_is_refused_while_one_is_at_work(
    corpus: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    with RunFolder(out).joined("something else"):
        assert main(words(corpus, small_model, out)) == 2
        assert "another process is working on this run" in capsys.readouterr().err
        with RunFolder(out).joined("something else"):
            pass
    with RunFolder(out).joined("the next"), pytest.raises(UsageError), RunFolder(out).joined("yet another"):
        pass


def test_claims_of_killed_processes_are_removed_when_a_run_ends_and_those_that_are_held_stay(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    other = Claims(tmp_path / ".claims")
    assert other.take("xnli/fr/test")
    for name in ("xnli-de-test", "xnli-fr-2"):  # as earlier versions wrote them
        (tmp_path / ".claims" / f"{name}.claim").write_text('{"pid": 1}')
    (tmp_path / ".claims" / "folder.claim").mkdir()
    with folder.joined("a"):
        pass
    assert {path.name for path in (tmp_path / ".claims").iterdir()} == {"xnli-fr-test.claim", "folder.claim"}
    other.release("xnli/fr/test")
    (tmp_path / ".claims" / "folder.claim").rmdir()


def test_changes_by_several_processes_are_all_kept(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom harness.runs.folder import RunFolder\n"
        "run = RunFolder(Path(sys.argv[1]))\n"
        "for i in range(40):\n    with run.changing() as record:\n"
        "        record['missing'][f'task{sys.argv[2]}/en/{i}'] = 'no data'\n"
    )
    run = tmp_path / "run"
    jobs = [subprocess.Popen([sys.executable, "-c", script, str(run), str(number)]) for number in range(3)]
    assert [job.wait() for job in jobs] == [0, 0, 0]
    assert len(RunFolder(run).record["missing"]) == 120


def test_what_changes_the_record_waits_for_its_turn(tmp_path: Path) -> None:
    import threading

    order: list[str] = []

    def second() -> None:
        with locked(Claims(tmp_path / "very" / "deep"), "l", "the second"):
            order.append("second")

    with locked(Claims(tmp_path / "very" / "deep"), "l", "the first"):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.2)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
