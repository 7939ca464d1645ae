"""Sentence-embedding models in runs: which layer is taken and why, in keys, records, checkpoints and output."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., tuple[int, str, str]]
QUICK = [
    "--train-limit",
    8,
    "--set",
    "max_steps=1",
    "--set",
    "batch=4",
    "--set",
    "eval_limit=4",
    "--offline",
    "--device",
    "cpu",
]


@pytest.fixture(scope="module")
def embedder(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model with the files of a sentence-embedding model: the first token, and a default prompt."""
    folder = tmp_path_factory.mktemp("models") / "embedder"
    shutil.copytree(small_model, folder)
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    table = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds]
    prompts = {"prompts": {"query": "the bird "}, "default_prompt_name": "query"}
    (folder / "1_Pooling").mkdir()
    for name, content in (
        ("modules.json", table),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("config_sentence_transformers.json", prompts),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def unit(cli: Cli, corpus: Path, out: Path, model: Path, *words: object) -> dict[str, Any]:
    """The record of the German unit of a run on Tatoeba, with the text of its predictions."""
    code, said, error = cli(
        "eval", "--model", model, "--task", "tatoeba[de]", "--limit", 20, "--data-dir", corpus, "--offline",
        "--device", "cpu", "--out", out, *words,
    )  # fmt: skip
    assert code == 0, error
    record = json.loads((out / "record.json").read_text(encoding="utf-8"))["units"]["tatoeba/de/test"]
    return {**record, "said": " ".join(said.split()), "text": (out / record["predictions"]["file"]).read_text("utf-8")}


def test_a_run_takes_what_the_authors_say_prints_why_and_options_win(
    embedder: Path, small_model: Path, corpus: Path, tmp_path: Path, cli: Cli
) -> None:
    theirs = unit(cli, corpus, tmp_path / "theirs", embedder)
    said = "layer 2 (last: the authors' modules.json), pool cls, prompt query: the bird"
    assert f"sentences embedded at {said}" in theirs["said"]
    assert theirs["facts"]["layer"] == 2
    assert unit(cli, corpus, tmp_path / "plain", small_model)["facts"]["layer_from"] == "by depth, as XTREME does"
    asked = unit(
        cli, corpus, tmp_path / "asked", embedder, "--layer", 1, "--pool", "mean", "--prompt", "none"
    )["facts"]  # fmt: skip
    assert (asked["layer"], asked["layer_from"], asked["pool"], asked["prompt"]) == (1, "as asked", "mean", "none")


def test_a_stage_keeps_the_layer_and_the_modules_of_the_model_before_it(
    embedder: Path, corpus: Path, tmp_path: Path, cli: Cli
) -> None:
    after = unit(cli, corpus, tmp_path / "run", embedder, "--via", "mnli", *QUICK)
    assert (after["facts"]["layer"], after["facts"]["pool"]) == (2, "cls")
    assert after["facts"]["layer_from"] == "last: the authors' modules.json, of the model before training"
    (checkpoint,) = (path.parent for path in (tmp_path / "stages").glob("*/modules.json"))
    alone = unit(cli, corpus, tmp_path / "alone", checkpoint)
    assert (alone["facts"], alone["text"]) == (after["facts"], after["text"])


def test_a_checkpoint_of_a_dual_encoder_is_known_as_an_embedder(
    small_model: Path, corpus: Path, tmp_path: Path, cli: Cli
) -> None:
    words = ["--data-dir", corpus, "--set", "candidate_length=32", "--out", tmp_path / "trained", "--limit", 4, *QUICK]
    code, _, error = cli("eval", "--model", small_model, "--task", "lareqa[en]", *words)
    assert code == 0, error
    (checkpoint,) = (path.parent for path in (tmp_path / "stages").glob("lareqa-*/stage.json"))
    facts = unit(cli, corpus, tmp_path / "run", checkpoint)["facts"]
    assert (facts["layer"], facts["layer_from"]) == (2, "last: trained as a dual encoder (lareqa)")


def test_an_unknown_layer_or_prompt_is_a_usage_error_before_anything_is_computed(
    embedder: Path, corpus: Path, tmp_path: Path, cli: Cli
) -> None:
    words = ["eval", "--model", embedder, "--task", "tatoeba[de]", "--data-dir", corpus, "--offline"]
    code, _, said = cli(*words, "--layer", "best", "--out", tmp_path / "layer")
    assert code == 2 and "option layer: unknown value 'best'" in said
    code, _, said = cli(*words, "--prompt", "passage", "--out", tmp_path / "prompt")
    assert code == 2 and "--prompt passage" in said and "'query'" in said
