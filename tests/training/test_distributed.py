"""Two processes train as one, each with all weights or with half of them; a stopped one goes on; eval through the launcher."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from drawn_pictures import small_reader, write_drawn
from safetensors.torch import load_file
from small_models import save_model

from harness.cli.main import main
from harness.training import train_stage

pytestmark = pytest.mark.usefixtures("warm_python")


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


def launch(*words: object, fsdp: bool = False, processes: int = 2) -> subprocess.Popen[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    torchrun = ["torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", port]
    launcher = [sys.executable, "-m", *torchrun, "-m", "harness.cli"]
    # what `accelerate launch --cpu --use_fsdp` sets; the last of them makes transformers load nothing into the second
    # process, if it is listened to
    asked = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_CPU_RAM_EFFICIENT_LOADING": "true"}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true", **(asked if fsdp else {})}
    return subprocess.Popen(
        [*launcher, *map(str, words)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run(*words: object, fsdp: bool = False, processes: int = 2) -> None:
    process = launch(*words, fsdp=fsdp, processes=processes)
    said, _ = process.communicate()
    assert process.returncode == 0, said[-3000:]


def words(task: str, corpus: Path, model: Path, **values: object) -> list[object]:
    # 25 examples in steps of 8: the last step of an epoch has one example, and one process has none of it
    values = {"max_steps": 9, "batch": 8, "lr": 1e-3, "batch_tokens": 128, **values}
    given = ["train", "--model", model, "--task", task, "--data-dir", corpus, "--offline", "--device", "cpu"]
    return [
        *given,
        "--train-limit",
        25,
        *(word for item in values.items() for word in ("--set", "=".join(map(str, item)))),
    ]


@pytest.fixture(scope="module")
def alone(
    corpus: Path, without_dropout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, tuple[object, ...]], Path]:
    """What one process makes of a task."""

    @cache
    def trained(task: str, more: tuple[object, ...]) -> Path:
        out = tmp_path_factory.mktemp("one") / "out"
        assert main([*map(str, words(task, corpus, without_dropout)), *map(str, more), "--out", str(out)]) == 0
        return out

    return trained


@pytest.mark.parametrize(
    ("task", "more", "fsdp"),
    [
        ("mnli@masked", (), False),
        ("mnli@noise@adversarial", ("--set", "method=free", "--set", "weight=0.5"), False),
        ("mnli@masked+squad@shuffled", (), True),
        ("mnli+squad", (), False),
        ("mnli+squad", (), True),
        ("mnli", ("--peft", "lora"), True),
        ("mnli@noise", (), True),
        ("mnli+mlm[de,sw]", (), True),
    ],
)
def test_two_processes_train_as_one(
    task: str,
    more: tuple[object, ...],
    fsdp: bool,
    alone: Callable[[str, tuple[object, ...]], Path],
    corpus: Path,
    without_dropout: Path,
    tmp_path: Path,
) -> None:
    run(*words(task, corpus, without_dropout), *more, "--out", tmp_path / "two", fsdp=fsdp)
    folders = (alone(task, more), tmp_path / "two")
    one, two = (json.loads((folder / "stage.json").read_text()) for folder in folders)
    assert two["loss"][-1][1] == pytest.approx(one["loss"][-1][1], rel=1e-5)
    for alone_at, together_at in zip(one["dev"], two["dev"], strict=True):
        assert together_at.pop("loss") == pytest.approx(alone_at.pop("loss"), rel=1e-4)
        assert together_at == alone_at
    assert two["key"] == one["key"]
    first, second = (load_file(folder / "model.safetensors") for folder in folders)
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-4, atol=2e-5)
    assert json.loads((folders[1] / "config.json").read_text()) == json.loads((folders[0] / "config.json").read_text())


def test_new_tokens_have_their_own_rate_in_two_processes_as_in_one(
    corpus: Path, without_dropout: Path, tmp_path: Path
) -> None:
    options = {"extend_vocabulary": 24, "second_lr": 1e-2, "lr": 1e-4, "mlm_probability": 0.5, "max_steps": 5}
    given = words("mlm[sw]", corpus, without_dropout, **options)
    found = {}
    for name, processes in (("one", 1), ("two", 2)):
        run(*given, "--out", tmp_path / name / "out", processes=processes)
        found[name] = load_file(tmp_path / name / "out" / "model.safetensors")
    for name, value in found["one"].items():
        torch.testing.assert_close(found["two"][name], value, rtol=1e-4, atol=2e-5)
    [start] = (tmp_path / "two").rglob("prepared-*/model.safetensors")
    [table] = [name for name in found["two"] if name.endswith("word_embeddings.weight")]
    moved = (found["two"][table] - load_file(start)[table.removeprefix("roberta.")]).abs().amax(dim=1)
    assert moved[-24:].max() > 20 * moved[:-24].max() > 0  # at a hundred times the rate


@pytest.mark.parametrize(
    ("task", "values", "message"),
    [
        ("mlm[sw]", {"extend_vocabulary": 24, "second_lr": 1e-2}, "option second_lr: not with FSDP"),
        ("mnli@adversarial", {}, "objective 'adversarial': not with FSDP"),
        ("mnli@prompt", {}, "objective 'prompt': not with FSDP"),
    ],
)
def test_what_needs_whole_gradients_or_tables_is_refused_where_they_are_shared_out(
    task: str,
    values: dict[str, object],
    message: str,
    corpus: Path,
    without_dropout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(train_stage, "sharding_asked_for", lambda: nullcontext(True))
    given = [*words(task, corpus, without_dropout, **values), "--out", tmp_path / "out"]
    assert main([*map(str, given)]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_two_processes_train_on_pictures_as_one_and_cannot_share_a_tower_out(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    own = f"import sys\nsys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})\n"
    own += (
        "from drawn_pictures import DrawnPlugin\nharness_intermediate_tasks = DrawnPlugin.harness_intermediate_tasks\n"
    )
    plugin.write_text(own)
    data, model = write_drawn(tmp_path, 25, 8), small_reader(tmp_path / "model")
    given = words("drawn@null", data, model, second_lr=1e-2, second_lr_on="projector")
    assert main(["--plugin", str(plugin), *map(str, given), "--out", str(tmp_path / "one")]) == 0
    run("--plugin", plugin, *given, "--out", tmp_path / "two")
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-4, atol=2e-5)
    process = launch("--plugin", plugin, *given, "--out", tmp_path / "shared", fsdp=True)
    said, _ = process.communicate()
    assert process.returncode != 0 and "drawn@null: a tower for pictures is not trained with FSDP" in said


def test_a_sharded_training_stops_together_and_goes_on(corpus: Path, without_dropout: Path, tmp_path: Path) -> None:
    given = words("mnli", corpus, without_dropout, max_steps=30, save_every=4)
    run(*given, "--out", tmp_path / "straight", fsdp=True)
    stopped = launch(*given, "--out", tmp_path / "stopped", fsdp=True)
    state = tmp_path / "stopped.partial" / "state" / "progress.json"
    while not state.exists() and stopped.poll() is None:
        time.sleep(0.01)
    stopped.send_signal(signal.SIGINT)  # the launcher passes it on to both
    said, _ = stopped.communicate()
    assert not (tmp_path / "stopped").exists(), said[-3000:]
    assert 4 <= json.loads(state.read_text())["step"] < 30
    run(*given, "--out", tmp_path / "stopped", fsdp=True)
    straight, again = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "stopped"))
    for name, value in straight.items():
        assert torch.equal(again[name], value), name


def test_a_dual_encoder_is_sharded_but_for_its_scale(corpus: Path, without_dropout: Path, tmp_path: Path) -> None:
    given: list[Any] = ["eval", "--model", without_dropout, "--task", "lareqa[en]", "--data-dir", corpus, "--offline"]
    given += ["--set", "max_steps=3", "--set", "lr=1e-3", "--set", "adam_epsilon=1e-4"]
    given += ["--train-limit", 16, "--limit", 8, "--device", "cpu"]
    assert main([*map(str, given), "--out", str(tmp_path / "one" / "run")]) == 0
    run(*given, "--out", tmp_path / "two" / "run", fsdp=True)
    one, two = (json.loads((tmp_path / name / "run" / "record.json").read_text()) for name in ("one", "two"))
    losses = [[loss for _, loss in record["stages"][-1]["loss"]] for record in (one, two)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)  # scores of so small a model hang on the last bits
    [first], [second] = (list((tmp_path / name / "stages").glob("*/model.safetensors")) for name in ("one", "two"))
    for name, value in load_file(first).items():
        torch.testing.assert_close(load_file(second)[name], value, rtol=1e-4, atol=2e-5)


def test_processes_that_could_not_be_kept_alike_are_refused(corpus: Path, tmp_path: Path) -> None:
    """The encoder of an encoder-decoder is called past the wrapper that averages gradients."""
    model = save_model("mt5", tmp_path / "model")
    given = ["eval", "--model", model, "--task", "lareqa[en]", "--data-dir", corpus, "--offline", "--device", "cpu"]
    process = launch(*given, "--train-limit", 16, "--limit", 8, "--out", tmp_path / "run")
    said, _ = process.communicate()
    assert process.returncode != 0
    assert "a dual encoder of an encoder-decoder trains in one process only" in said


def test_an_evaluation_through_the_launcher_records_its_units_and_stage(
    corpus: Path, without_dropout: Path, tmp_path: Path
) -> None:
    given: list[Any] = ["eval", "--model", without_dropout, "--task", "xnli[en,de]", "--data-dir", corpus, "--offline"]
    given += ["--set", "max_steps=2", "--train-limit", 16, "--limit", 8, "--device", "cpu"]
    run(*given, "--out", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert set(record["units"]) == {"xnli/en/test", "xnli/de/test"}
    assert [stage["name"] for stage in record["stages"]] == ["xnli"]
