"""Fingerprints of model folders: every file that decides what a model computes, and nothing else."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import save_model

from harness.models._deciding import deciding_files
from harness.models._pickled import converted
from harness.models.bundle import model_names
from harness.models.fingerprint import model_fingerprint
from harness.models.reference import ModelReference
from harness.models.resolve import Access, check_folder, resolve_model

OLD = [
    *("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"),
    *("sentencepiece.bpe.model", "spiece.model"),
    *("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"),
]

MORE = [
    *("vocab.json", "merges.txt", "spm.model", "tokenizer.model", "added_tokens.json", "bpe.codes", "dict.txt"),
    *("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json"),
    *("2_Dense/model.safetensors", "preprocessor_config.json", "processor_config.json", "adapter_config.json"),
    *("adapter_model.safetensors", "model.safetensors.index.json", "something.new"),
]

LESS = [
    *("README.md", "LICENSE", ".gitattributes", ".cache/huggingface/download", "logo.png", "stage.json"),
    *("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack", "model.gguf"),
    *("onnx/model.onnx", "onnx/config.json", "optimizer.pt", "trainer_state.json", "training_args.bin"),
    *("checkpoint-500/model.safetensors", "checkpoint-500/config.json", "runs/events.out.tfevents.1", "modeling.py"),
    *("generation_config.json", "chat_template.jinja", "2_Dense/pytorch_model.bin", "1_Pooling/README.md"),
]

MODULES = json.dumps([{"path": ""}, {"path": "1_Pooling"}, {"path": "2_Dense"}, {"path": "../outside"}])


def folder_of(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MODULES if name == "modules.json" else name)
    return folder


def test_folders_of_old_have_the_fingerprint_they_had(tmp_path: Path) -> None:
    """Digests of the code before other files counted: results that are keyed by them stay valid."""
    everything = folder_of(tmp_path / "everything", OLD)
    assert model_fingerprint(everything) == "ea57b625e38a4fd7b5e2d2be6163612a6573f06e68f8d8fc2142794b9265ec0e"
    stage = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "stage.json"]
    trained = folder_of(tmp_path / "trained", stage)
    assert model_fingerprint(trained) == "4ab72a0e612825b8782664c9285d2f6d9acf67a4f561e93d1308dc4e669ecbf4"


@pytest.mark.parametrize("name", [*OLD, *MORE])
def test_a_change_of_any_file_that_decides_changes_the_fingerprint(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, [*OLD, *MORE])
    before = model_fingerprint(folder)
    path = folder / name
    path.write_text(path.read_text() + " ")
    changed = model_fingerprint(folder)
    path.unlink()
    assert len({before, changed, model_fingerprint(folder)}) == 3


@pytest.mark.parametrize("name", LESS)
def test_files_that_are_not_loaded_leave_it_as_it_is(name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, [*OLD, *MORE])
    before = model_fingerprint(folder)
    folder_of(folder, [name])
    assert model_fingerprint(folder) == before
    assert name not in deciding_files(folder)


@given(st.text("abcdefgh_.", min_size=1, max_size=12), st.sampled_from(["txt", "json", "model", "tiktoken", "codes"]))
def test_a_name_that_nobody_thought_of_counts(stem: str, suffix: str) -> None:
    name = f"x{stem}.{suffix}"
    with tempfile.TemporaryDirectory() as place:
        folder = folder_of(Path(place), ["config.json", "model.safetensors", name])
        before = model_fingerprint(folder)
        (folder / name).write_text("another")
        assert model_fingerprint(folder) != before


def test_half_a_merge_list_is_another_model(tmp_path: Path) -> None:
    folder = save_model("qwen2", tmp_path / "model")
    merges = json.loads((folder / "tokenizer.json").read_text())["model"]["merges"]
    lines = [pair if isinstance(pair, str) else " ".join(pair) for pair in merges]
    (folder / "merges.txt").write_text("\n".join(lines))
    whole = check_folder(folder, "model").fingerprint
    (folder / "merges.txt").write_text("\n".join(lines[: len(lines) // 2]))
    assert check_folder(folder, "model").fingerprint != whole


def test_a_module_list_that_cannot_be_read_is_a_file_like_others(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ["config.json", "model.safetensors", "1_Pooling/config.json"])
    for text in ("{", "[1]", '{"path": 1}', '[{"path": "/"}]'):
        (folder / "modules.json").write_text(text)
        assert deciding_files(folder) == ["config.json", "model.safetensors", "modules.json"]


def test_a_bundle_carries_all_that_the_fingerprint_is_of(tmp_path: Path) -> None:
    folder = save_model("xlmr", tmp_path / "model")
    folder_of(folder, [*MORE[:-3], "README.md"])
    model = check_folder(folder, "model")
    for name, path in model_names(model, "there").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, tmp_path / name)
    assert model_fingerprint(tmp_path / "models/there") == model.fingerprint
    assert not (tmp_path / "models/there/README.md").exists()


def test_weights_are_converted_with_all_that_decides_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import load_file

    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    folder = save_model("bert", tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    folder_of(folder, ["bpe.codes", "modules.json", "1_Pooling/config.json"])
    first = converted(folder)
    assert set(deciding_files(folder)) == set(deciding_files(first)) - {"model.safetensors"}
    (folder / "bpe.codes").write_text("others")
    assert model_fingerprint(converted(folder)) != model_fingerprint(first)


def downloading(repository: Path, snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the Hub's client copy from a folder what it would download."""
    import huggingface_hub
    from huggingface_hub.utils import filter_repo_objects

    def download(repo: str, *, revision: Any, local_files_only: bool, **patterns: Any) -> str:
        there = [path.relative_to(repository).as_posix() for path in repository.rglob("*") if path.is_file()]
        for name in filter_repo_objects(there, **patterns):
            (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(repository / name, snapshot / name)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)


def test_what_decides_is_downloaded_and_what_does_not_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = save_model("xlmr", tmp_path / "repository")
    folder_of(repository, [*MORE[:-3], *LESS, "step-1000/model.safetensors", "extra/tokenizer.json"])
    (repository / "pytorch_model.bin").write_text("never read")
    snapshot = tmp_path / "snapshot"
    downloading(repository, snapshot, monkeypatch)
    model = resolve_model(ModelReference("hub", "org/model"), Access())
    assert model.fingerprint == model_fingerprint(repository)
    assert not (snapshot / "pytorch_model.bin").exists()  # there are safetensors
    assert not (snapshot / "pytorch_model.bin.index.json").exists()
    for name in ("README.md", "tf_model.h5", "onnx", "checkpoint-500", "step-1000", "extra"):
        assert not (snapshot / name).exists()


def test_pickles_are_downloaded_where_nothing_else_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from safetensors.torch import load_file

    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    repository = save_model("xlmr", tmp_path / "repository")
    torch.save(load_file(repository / "model.safetensors"), repository / "pytorch_model.bin")
    (repository / "model.safetensors").unlink()
    folder_of(repository, ["optimizer.pt", "training_args.bin", "checkpoint-500/pytorch_model.bin"])
    downloading(repository, tmp_path / "snapshot", monkeypatch)
    model = resolve_model(ModelReference("hub", "org/model"), Access())
    assert list(model.pickled) == ["pytorch_model.bin"] and (model.folder / "model.safetensors").exists()
    there = {path.name for path in (tmp_path / "snapshot").iterdir()}
    assert "pytorch_model.bin" in there and not there & {"optimizer.pt", "training_args.bin", "checkpoint-500"}
