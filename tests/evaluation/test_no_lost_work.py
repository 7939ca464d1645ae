"""Kills, a full disk and Ctrl-C: the run goes on where it was and ends as an undisturbed one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("warm_python")

KILLS = 24

# Imports once and forks, so that a kill costs no start-up: each child is a process of its own and dies by SIGKILL.
KILLER = """
import json, os, random, signal, sys, time
import torch, transformers, datasets, accelerate  # noqa
import harness.api, harness.evaluation.evaluator, harness.training.train_stage, harness.retrieval.embed  # noqa
from harness.cli.main import main

kills, limit, words = int(sys.argv[1]), float(sys.argv[2]), json.loads(sys.argv[3])
chance, killed, started = random.Random(0), 0, time.monotonic()
while True:
    child = os.fork()
    if child == 0:
        sys.stdout = sys.stderr = open(os.devnull, "w")
        os._exit(main(words))
    if killed < kills:
        time.sleep(chance.uniform(0, limit))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        killed += 1
    elif killed >= kills or os.WEXITSTATUS(status) != 0:
        print(json.dumps({"killed": killed, "code": os.WEXITSTATUS(status)}))
        break
    else:
        killed += 1  # it was through before the kill came
"""


def words(corpus: Path, model: Path, out: Path) -> list[str]:
    chosen = ["--task", "xnli[en,de,sw]", "--task", "tatoeba[de,fr]", "--task", "panx[en,de]", "--via", "mnli"]
    steps = ["--set", "max_steps=12", "--set", "batch=4", "--set", "save_every=2", "--set", "evaluate_every=5"]
    small = ["--limit", "10", "--train-limit", "20", "--offline", "--device", "cpu", "--dtype", "fp32"]
    return ["eval", "--model", str(model), "--data-dir", str(corpus), "--out", str(out), *chosen, *steps, *small]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def outcome(out: Path) -> dict[str, Any]:
    """Everything that must not depend on what happened on the way."""
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))
    for unit in record["units"].values():
        unit.pop("seconds")
        unit.pop("session")  # which of the commands made it
    weights = {path.parent.name: path.read_bytes() for path in (out.parent / "stages").glob("*/*.safetensors")}
    predictions = {path.name + path.parent.name: path.read_bytes() for path in out.glob("predictions/*/*")}
    kept = ("key", "dev", "selected_step", "steps", "fingerprint", "tokens", "loss")
    stages = [{name: stage[name] for name in kept} for stage in record["stages"]]
    return {
        "units": record["units"],
        "scores": record["scores"],
        "failed": record["failed"],
        "stages": stages,
        "weights": weights,
        "predictions": predictions,
    }


@pytest.fixture(scope="module")
def undisturbed(
    corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], float]:
    """The outcome of a run that nothing disturbs, and how long it takes without start-up."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    started = time.monotonic()
    command = [sys.executable, "-c", KILLER, "0", "0", json.dumps(words(corpus, small_model, out))]
    done = subprocess.run(command, check=True, env=environment(), capture_output=True, text=True)
    assert json.loads(done.stdout)["code"] == 0
    whole = time.monotonic() - started
    return outcome(out), whole


def test_dozens_of_kills_lose_nothing(
    corpus: Path, small_model: Path, undisturbed: tuple[dict[str, Any], float], tmp_path: Path
) -> None:
    expected, whole = undisturbed
    out = tmp_path / "run"
    limit = str(whole / 4)
    command = [sys.executable, "-c", KILLER, str(KILLS), limit, json.dumps(words(corpus, small_model, out))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    assert json.loads(done.stdout) == {"killed": KILLS, "code": 0}
    assert outcome(out) == expected
    left = [path.name for path in out.parent.rglob("*") if ".partial" in path.name or path.suffix == ".tmp"]
    assert not [name for name in left if name.endswith(".partial")]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_saves_the_state_of_the_training_and_says_so(
    name: str, code: int, corpus: Path, small_model: Path, undisturbed: tuple[dict[str, Any], float], tmp_path: Path
) -> None:
    expected, _ = undisturbed
    out = tmp_path / "run"
    # The process stops itself as it saves its first state, so that no load on the machine moves the moment. A shell that
    # starts the tests in the background hands down an ignored Ctrl-C.
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "left = [1] if 'STOPPED' in os.environ else []\n"
        "def stop(event, arguments):\n"
        "    if event == 'open' and 'progress.json' in str(arguments[0]) and left and left.pop():\n"
        f"        os.kill(os.getpid(), signal.{name})\n"
        "sys.addaudithook(stop)\n"
        "from harness.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, *words(corpus, small_model, out)]
    once = {**environment(), "STOPPED": "1"}
    stopped = subprocess.run(command, env=once, capture_output=True, text=True)
    assert stopped.returncode == code, stopped.stderr
    *_, last = stopped.stderr.splitlines()
    assert re.fullmatch(r"error: stopped at step \d+ of \d+ of \w+, saved; the same command goes on", last)
    assert "Traceback" not in stopped.stderr
    subprocess.run(command, check=True, env=environment(), capture_output=True)
    assert outcome(out) == expected


def test_a_full_disk_is_said_in_words_and_costs_nothing(
    corpus: Path, small_model: Path, undisturbed: tuple[dict[str, Any], float], tmp_path: Path
) -> None:
    """A file size limit stands in for the disk: the write fails in the middle of a file, as on a full disk."""
    expected, _ = undisturbed
    out = tmp_path / "run"
    limited = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "from harness.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", limited, *words(corpus, small_model, out)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 4
    assert ".partial" in done.stderr and "free some space" in done.stderr
    assert "Traceback" not in done.stderr and "bug" not in done.stderr
    command = [sys.executable, "-m", "harness.cli", *words(corpus, small_model, out)]
    subprocess.run(command, check=True, env=environment(), capture_output=True)
    assert outcome(out) == expected


def test_a_read_only_folder_is_said_in_words(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    command = [sys.executable, "-m", "harness.cli", *words(corpus, small_model, blocked / "run")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 4
    assert "the run folder cannot be made" in done.stderr
    assert "Traceback" not in done.stderr
