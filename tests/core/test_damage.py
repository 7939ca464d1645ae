"""Every file that the harness keeps, damaged in every way: the same bits come out, or one error that names it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.cli.main import main
from harness.core.claims import Claims
from harness.core.damage import Damaged, set_aside
from harness.core.errors import DataError
from harness.core.sealed import read_sealed, sealed
from harness.models import tiny
from harness.models.fingerprint import model_fingerprint
from harness.training._trainer import Trainer

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


def is_set_aside(folder: Path, said: str, then: str) -> None:
    (line,) = [line for line in said.splitlines() if ".damaged" in line]
    assert str(folder) in line and then in line
    assert folder.with_name(folder.name + ".damaged").is_dir()


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
    is_set_aside(folder, said, "the stage is trained again")
    assert outcome(tmp_path) == outcome(made / "whole")


@every_damage
@pytest.mark.parametrize(
    "name", ["state/state.safetensors", "state/progress.json", "best/model.safetensors", "best/stage.json"]
)
def test_a_damaged_state_is_set_aside_and_trained_from_the_beginning(
    name: str, damage: str, made: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    shutil.copytree(made / "stopped" / "stages", tmp_path / "stages")
    (folder,) = (tmp_path / "stages").glob("*.partial")
    DAMAGES[damage](folder / name)
    code, said = cli(*training(small_model, corpus, tmp_path))
    assert code == 0
    is_set_aside(folder, said, "the stage is trained from its beginning")
    assert outcome(tmp_path) == outcome(made / "whole")


@pytest.mark.parametrize("content", ["{}", '{"step": 0}', "null"])
def test_a_progress_that_says_nothing_is_not_step_0_of_trained_weights(
    content: str, made: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    shutil.copytree(made / "stopped" / "stages", tmp_path / "stages")
    (folder,) = (tmp_path / "stages").glob("*.partial")
    (folder / "state" / "progress.json").write_text(content)
    code, said = cli(*training(small_model, corpus, tmp_path))
    assert code == 0 and "progress.json" in said and ".damaged" in said
    assert outcome(tmp_path) == outcome(made / "whole")


def test_a_stopped_training_ends_in_the_summary_of_an_undisturbed_one(
    made: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    shutil.copytree(made / "stopped" / "stages", tmp_path / "stages")
    (folder,) = (tmp_path / "stages").glob("*.partial")
    saved = read_sealed(folder / "state" / "progress.json")
    # Time that no start can have taken shows whether that of the first one counts.
    path = folder / "state" / "progress.json"
    path.write_text(json.dumps(sealed({**saved, "seconds": 1e6})))
    code, said = cli(*training(small_model, corpus, tmp_path))
    assert code == 0 and ".damaged" not in said and "going on from step 2 of 4" in said
    assert outcome(tmp_path) == outcome(made / "whole")
    (stage,) = (tmp_path / "stages").iterdir()
    summary = read_sealed(stage / "stage.json")
    assert summary["seconds"] > 1e6 and 0 < saved["tokens"] < summary["tokens"]


def test_the_state_of_another_training_is_not_gone_on_with(
    made: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    (stopped,) = (made / "stopped" / "stages").glob("*.partial")
    shutil.copytree(stopped, tmp_path / "out.partial")
    words = ["--data-dir", corpus, "--offline", "--train-limit", 12, "--set", "max_steps=2", "--device", "cpu"]
    given = ["train", "--model", small_model, "--task", "mnli", *words]
    code, said = cli(*given, "--out", tmp_path / "out")
    assert code == 0 and "the state of another training" in said
    assert (tmp_path / "out.partial.damaged" / "state").is_dir()
    assert cli(*given, "--out", tmp_path / "straight")[0] == 0
    assert model_fingerprint(tmp_path / "out") == model_fingerprint(tmp_path / "straight")


def test_train_refuses_a_folder_that_does_not_say_that_it_is_the_checkpoint(
    corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    words = ["--data-dir", corpus, "--offline", "--train-limit", 8, "--set", "max_steps=1", "--device", "cpu"]
    given = ["train", "--model", small_model, "--task", "mnli", *words, "--out", tmp_path / "out"]
    assert cli(*given)[0] == 0
    before = model_fingerprint(tmp_path / "out")
    cut(tmp_path / "out" / "stage.json")
    code, said = cli(*given)
    assert code == 2 and "stage.json: empty, cut or not JSON" in said
    shutil.copytree(tmp_path / "out", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "out")
    assert cli(*given)[0] == 0
    cut(tmp_path / "out" / "model.safetensors")
    code, said = cli(*given)
    assert code == 0 and "out.damaged" in said
    assert model_fingerprint(tmp_path / "out") == before


@every_damage
@pytest.mark.parametrize("name", [*MODEL, "stage.json"])
def test_a_damaged_model_is_an_error_of_the_model_that_names_the_file(
    name: str, damage: str, made: Path, corpus: Path, cli: Cli, tmp_path: Path
) -> None:
    (whole,) = (path for path in (made / "whole" / "stages").iterdir() if path.is_dir())
    folder = shutil.copytree(whole, tmp_path / "model")
    DAMAGES[damage](folder / name)
    out = ["--out", tmp_path / "run", "--data-dir", corpus, "--offline", "--device", "cpu"]
    scored = ["eval", "--model", folder, "--task", "xnli[en]", "--limit", 4, "--train", "never", *out]
    code, said = cli(*scored)
    if code == 0:  # another model, or a file that nothing hangs on
        record = json.loads((tmp_path / "run" / "record.json").read_text())
        assert damage in ("one bit flipped", "deleted", "a folder")
        if record["model"]["fingerprint"] == model_fingerprint(whole):
            assert name == "stage.json"
        else:
            assert "the model is not as its training left it" in said
    elif code == 6:  # readable, and found out only when it is used
        assert damage == "one bit flipped" or (name, damage) == ("tokenizer_config.json", "deleted")
        assert "no usable" in said or "cannot be loaded" in said or "labels" in said
    else:
        assert code == 5 and name in said
        assert len([line for line in said.splitlines() if line.startswith("error")]) == 1
    shutil.rmtree(folder)
    shutil.copytree(whole, folder)
    assert cli(*scored)[0] == 0


@pytest.fixture
def quick_tiny(small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tiny model, as it lies in the cache, of weights that take no time to build."""

    def build(folder: Path, name: str) -> None:
        shutil.copytree(small_model, folder, dirs_exist_ok=True)

    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(tiny, "build_tiny", build)
    yield tiny.tiny_model()


@every_damage
@pytest.mark.parametrize("name", [*MODEL, ".built.json"])
def test_a_damaged_tiny_model_is_built_again(
    name: str, damage: str, quick_tiny: Path, small_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert tiny.tiny_model() == quick_tiny and not caplog.records[1:]
    DAMAGES[damage](quick_tiny / name)
    assert model_fingerprint(tiny.tiny_model()) == model_fingerprint(small_model)
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    (line,) = lines
    assert str(quick_tiny) in line and "it is made again" in line


@every_damage
def test_damaged_conversions_of_pickles_are_made_again(
    damage: str, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from safetensors.torch import load_file

    from harness.models.resolve import check_folder

    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    folder = shutil.copytree(small_model, tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    first = check_folder(folder, "x", allow_pickle=True)
    DAMAGES[damage](first.folder / "model.safetensors")
    caplog.clear()
    assert check_folder(folder, "x", allow_pickle=True) == first
    assert len([record for record in caplog.records if "it is made again" in record.getMessage()]) == 1


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    paths = [folder, *folder.rglob("*")]
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in paths}


@pytest.mark.parametrize("left", [False, True])
def test_finished_stages_of_a_store_that_nobody_may_write_into_are_used(
    left: bool, made: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    """A file where the claims would lie stands in for a read-only folder, which does not bind root."""
    shutil.copytree(made / "whole" / "stages", tmp_path / "stages")
    (folder,) = (tmp_path / "stages").iterdir()
    if left:
        folder.with_name(folder.name + ".partial").mkdir()
    (tmp_path / "stages" / ".claims").write_text("nothing can be made in here")
    before = everything(tmp_path / "stages")
    code, said = cli(*training(small_model, corpus, tmp_path))
    assert code == 0, said
    assert everything(tmp_path / "stages") == before
    (predictions,) = (tmp_path / "run" / "predictions" / "xnli").iterdir()
    assert predictions.read_text() == outcome(made / "whole")["predictions"]


def test_what_a_kill_left_beside_a_finished_stage_is_cleaned_up(
    made: Path, corpus: Path, small_model: Path, cli: Cli, tmp_path: Path
) -> None:
    shutil.copytree(made / "whole" / "stages", tmp_path / "stages")
    (folder,) = (tmp_path / "stages").iterdir()
    work = folder.with_name(folder.name + ".partial")
    work.mkdir()
    with Claims(tmp_path / "stages" / ".claims").held(folder.name):
        assert cli(*training(small_model, corpus, tmp_path))[0] == 0
        assert work.is_dir()
    shutil.rmtree(tmp_path / "run")
    assert cli(*training(small_model, corpus, tmp_path))[0] == 0
    assert not work.exists()


def test_nothing_that_was_set_aside_is_replaced(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "stage").write_text(str(number))
        set_aside(tmp_path / "stage", Damaged("stage: empty"), "trained again")
    names = ["stage.damaged", "stage.damaged-2", "stage.damaged-3"]
    assert [(tmp_path / name).read_text() for name in names] == ["0", "1", "2"]
    set_aside(tmp_path / "stage", Damaged("stage: empty"), "trained again")  # another process was faster
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_what_cannot_be_moved_is_said_with_its_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, target: Path) -> None:
        raise PermissionError(13, os.strerror(13), str(self))

    monkeypatch.setattr(Path, "rename", refused)
    (tmp_path / "stage").mkdir()
    with pytest.raises(DataError, match=r"stage: empty; .*stage cannot be moved out of the way: Permission denied"):
        set_aside(tmp_path / "stage", Damaged("stage: empty"), "trained again")
