"""Two processes train as one: the same losses and weights, and eval through the launcher."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file


@pytest.fixture(scope="module")
def without_dropout(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dropout draws other masks in other processes; without it the comparison is exact up to rounding."""
    import shutil

    folder = tmp_path_factory.mktemp("model") / "model"
    shutil.copytree(small_model, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def run(processes: int, *words: object) -> None:
    launch = [sys.executable, "-m", "harness.cli"]
    if processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        torchrun = ["torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", port]
        launch = [sys.executable, "-m", *torchrun, "-m", "harness.cli"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(
        [*launch, *map(str, words)], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_two_processes_train_as_one(corpus: Path, without_dropout: Path, tmp_path: Path) -> None:
    words = [
        "train",
        "--model",
        without_dropout,
        "--task",
        "mnli",
        "--data-dir",
        corpus,
        "--offline",
        "--device",
        "cpu",
    ]
    # 25 examples in steps of 8: the last step of an epoch has one example, and one process has none of it
    words += ["--set", "max_steps=9", "--set", "batch=8", "--train-limit", 25, "--set", "lr=1e-3"]
    run(1, *words, "--out", tmp_path / "one")
    run(2, *words, "--out", tmp_path / "two")
    one, two = (json.loads((tmp_path / name / "stage.json").read_text()) for name in ("one", "two"))
    assert two["loss"][-1][1] == pytest.approx(one["loss"][-1][1], rel=1e-5)
    assert two["dev"] == one["dev"]
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-4, atol=1e-5)


def test_eval_through_the_launcher(corpus: Path, without_dropout: Path, tmp_path: Path) -> None:
    words: list[Any] = ["eval", "--model", without_dropout, "--task", "xnli[en,de]", "--data-dir", corpus, "--offline"]
    words += ["--set", "max_steps=2", "--train-limit", 16, "--limit", 8, "--device", "cpu"]
    run(2, *words, "--out", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert set(record["units"]) == {"xnli/en/test", "xnli/de/test"}
    assert [stage["name"] for stage in record["stages"]] == ["xnli"]
