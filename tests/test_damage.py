"""Every file that the harness keeps, damaged in every way: the same bits come out, or one error that names it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.cli.main import main
from harness.models.fingerprint import model_fingerprint
from harness.sealed import read_sealed
from harness.training.loop import Trainer

Cli = Callable[..., tuple[int, str]]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-len(content) // 3] ^= 1
    path.write_bytes(content)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut in half": cut,
    "one bit flipped": flip,
    "deleted": Path.unlink,
    "a folder": as_folder,
    "garbage": lambda path: path.write_bytes(b'{"key": \x00\xff'),
    "a list": lambda path: path.write_text("[]"),
}
MODEL = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
every_damage = pytest.mark.parametrize("damage", DAMAGES)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    def run(*words: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr().err
        assert "Traceback" not in said and "this is a bug" not in said, said
        return code, said

    return run


def training(model: Path, corpus: Path, root: Path) -> list[object]:
    steps = ["--set", "max_steps=4", "--set", "batch=4", "--set", "evaluate_every=2", "--set", "lr=0.001"]
    small = ["--limit", 4, "--train-limit", 12, "--offline", "--device", "cpu", "--dtype", "fp32"]
    where = ["--data-dir", corpus, "--stages", root / "stages", "--out", root / "run"]
    return ["eval", "--model", model, "--task", "xnli[en]", *where, *steps, *small]


def outcome(root: Path) -> dict[str, Any]:
    """What must not hang on damage: the weights, what is said of their training, and the predictions."""
    (stage,) = [path for path in (root / "stages").iterdir() if path.is_dir() and ".damaged" not in path.name]
    summary = {k: v for k, v in read_sealed(stage / "stage.json").items() if k not in ("seconds", "folder")}
    (predictions,) = (root / "run" / "predictions" / "xnli").iterdir()
    return {"model": model_fingerprint(stage), "summary": summary, "predictions": predictions.read_text()}


class Killed(GeneratorExit):
    """Ends a training as a kill does: it crosses every border, and nothing cleans up after it."""


@pytest.fixture(scope="module")
def made(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``whole``: a finished stage with a run of it; ``stopped``: the same training, killed after step 3 of 4."""
    root = tmp_path_factory.mktemp("made")
    assert main([str(word) for word in training(small_model, corpus, root / "whole")]) == 0
    step = Trainer._step

    def killed(self: Trainer, number: int) -> torch.Tensor:
        if number == 3:
            raise Killed
        return step(self, number)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Trainer, "_step", killed)
        main([str(word) for word in training(small_model, corpus, root / "stopped")])
    return root


@every_damage
@pytest.mark.parametrize("name", [*MODEL, "stage.json"])
def test_a_damaged_stage_is_set_aside_and_trained_again(
    name: str, damage: str, made: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    shutil.copytree(made / "whole" / "stages", tmp_path / "stages")
    (folder,) = (tmp_path / "stages").iterdir()
    DAMAGES[damage](folder / name)
    code, said = cli(*training(small_model, corpus, tmp_path))
    assert code == 0
    (line,) = [line for line in said.splitlines() if ".damaged" in line]
    assert str(folder) in line and "the stage is trained again" in line
    assert folder.with_name(folder.name + ".damaged").is_dir()
    assert outcome(tmp_path) == outcome(made / "whole")
