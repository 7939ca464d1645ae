"""A process that stands still in the middle of its work, loses its claims to another machine, and wakes up."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("warm_python")

PROGRAM = """
import os, signal, sys
from harness.core import owner
machine, stopped_at = sys.argv[1:3]
owner.this_machine = lambda: machine

def stop(event, arguments):
    global stopped_at
    if stopped_at and event in ("open", "os.rename") and stopped_at in str(arguments[0]):
        stopped_at = ""
        print("standing still", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)

sys.addaudithook(stop)
from harness.cli.main import main
sys.exit(main(sys.argv[3:]))
"""
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HARNESS_CLAIM_BEAT": "0.3",
    "HARNESS_CLAIM_PATIENCE": "6",
}


def words(corpus: Path, model: Path, out: Path) -> list[str]:
    steps = ["--via", "mnli", "--set", "max_steps=6", "--set", "batch=4", "--set", "save_every=2"]
    steps += ["--set", "evaluate_every=5"]
    small = ["--limit", "10", "--train-limit", "20", "--offline", "--device", "cpu", "--dtype", "fp32"]
    chosen = ["--task", "xnli[de]", "--task", "tatoeba[de]"]
    return ["eval", "--model", str(model), "--data-dir", str(corpus), "--out", str(out), *chosen, *steps, *small]


def start(machine: str, stopped_at: str, given: list[str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, machine, stopped_at, *given]
    with log.open("wb") as file:
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=file)


def contents(folder: Path) -> dict[str, str]:
    """Every file that lasts, by its name, with its hash."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith((".tmp", ".claim"))]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def outcome(folder: Path) -> dict[str, object]:
    record = json.loads((folder / "run" / "record.json").read_text(encoding="utf-8"))
    weights = [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("stages/*/model.safetensors"))
    ]
    kept = {key: (unit["score"], unit["predictions"]) for key, unit in record["units"].items()}
    return {"weights": weights, "units": kept, "scores": record["scores"], "failed": record["failed"]}


@pytest.fixture(scope="module")
def alone(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("alone")
    process = start("one", "", words(corpus, small_model, folder / "run"), folder / "log")
    process.communicate()
    assert process.returncode == 0, (folder / "log").read_text()
    return outcome(folder)


@pytest.mark.parametrize("moment", ["state.new/progress.json", "best.", "predictions/xnli"])
def test_it_writes_nothing_and_ends_with_75(
    moment: str, corpus: Path, small_model: Path, alone: dict[str, object], tmp_path: Path
) -> None:
    folder, log = tmp_path / "work", tmp_path / "log"
    folder.mkdir()
    given = words(corpus, small_model, folder / "run")
    frozen = start("one", moment, given, log)
    try:
        assert frozen.stdout is not None and frozen.stdout.readline() == b"standing still\n", log.read_text()
        second = start("two", "", given, tmp_path / "second")
        second.communicate()
        said = (tmp_path / "second").read_text()
        assert second.returncode == 0, said
        assert "(given up after 6 s without a sign of life), which is at it" in said
        assert outcome(folder) == alone
        before = contents(folder)
        os.kill(frozen.pid, signal.SIGCONT)
        frozen.communicate()
    finally:
        frozen.kill()
        frozen.wait()
    told = log.read_text()
    assert frozen.returncode == 75 and "nothing more is written" in told and "Traceback" not in told, told
    assert contents(folder) == before
    assert not list(folder.rglob("*.claim"))
