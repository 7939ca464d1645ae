"""The implementation of attention is chosen, checked against the machine and the model, keyed and recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from published_models import PUBLISHED, save_published
from training_stages import cpu_stages

from harness.cli.main import main
from harness.core.errors import ModelError, UsageError
from harness.inference.session import Compute, open_model
from harness.models.attention import attention_arguments, attention_of, check_attention
from harness.models.resolve import Access, check_folder
from harness.models.sentence_encoder import load_encoder
from harness.registry.default import get_registry


def evaluate(out: Path, model: Path, corpus: Path, *more: str) -> dict[str, Any]:
    words = ["eval", "--model", str(model), "--task", "tatoeba[de]", "--limit", "12", "--offline"]
    assert main([*words, "--device", "cpu", "--data-dir", str(corpus), "--out", str(out), *more]) == 0
    record: dict[str, Any] = json.loads((out / "record.json").read_text(encoding="utf-8"))
    return record


def test_a_run_records_what_it_was_asked_for_and_what_was_used(small_model: Path, corpus: Path, tmp_path: Path) -> None:
    usual = evaluate(tmp_path / "usual", small_model, corpus)
    eager = evaluate(tmp_path / "eager", small_model, corpus, "--attention", "eager")
    units = [record["units"]["tatoeba/de/test"] for record in (usual, eager)]
    assert [unit["facts"]["attention"] for unit in units] == ["sdpa", "eager"]
    assert [record["options"]["attention"] for record in (usual, eager)] == ["auto", "eager"]
    assert units[0]["key"] != units[1]["key"] and units[0]["score"] == units[1]["score"]


def test_implementations_compute_the_same_function(small_model: Path) -> None:
    found = {}
    for name in ("eager", "sdpa"):
        session = open_model(check_folder(small_model, "small"), Access(), Compute(attention=name))
        network = session.network(load_encoder)
        assert attention_of(network) == name
        rows = session.tokenizer(["the cat sleeps", "the dog"], padding=True, return_tensors="pt")
        with torch.no_grad():
            found[name] = network(**rows).last_hidden_state[rows["attention_mask"] > 0]
    torch.testing.assert_close(found["eager"], found["sdpa"], atol=1e-5, rtol=0)


def test_a_stage_is_trained_with_the_implementation_and_keyed_by_it(
    small_model: Path, corpus: Path, tmp_path: Path
) -> None:
    keys, used = set(), []
    for name in ("auto", "eager"):
        stages = cpu_stages(get_registry(), "tiny", corpus, overrides={"max_steps": 1}, train_limit=8)
        stages.context = replace(stages.context, compute=Compute(attention=name))
        stages.root = tmp_path
        trained = stages.train(stages.last(["mnli"], check_folder(small_model, "small")))
        keys.add(trained.summary["key"])
        used.append(trained.summary["attention"])
    assert len(keys) == 2 and used == ["sdpa", "eager"]


def test_a_model_that_lacks_an_implementation_says_which_ones_it_has(tmp_path: Path) -> None:
    (published,) = (each for each in PUBLISHED if each.kind == "deberta-v2")
    folder = save_published(published, tmp_path / "deberta")
    assert attention_arguments("eager", folder) == {"attn_implementation": "eager"}
    with pytest.raises(ModelError, match=r"--attention sdpa: transformers has none for .*'deberta-v2', only eager"):
        attention_arguments("sdpa", folder)


@pytest.mark.parametrize(
    ("name", "device", "dtype", "said"),
    [
        ("fast", "cpu", "fp32", "one of auto, eager, sdpa"),
        ("flash_attention_2", "cpu", "bf16", "only on a GPU"),
        ("flex_attention", "cpu", "fp32", "only on a GPU"),
        ("flash_attention_2", "cuda", "fp32", "only in half precision"),
        ("flash_attention_3", "cuda:1", "bf16", "needs the package flash_attn_interface"),
    ],
)
def test_an_implementation_that_cannot_compute_here_is_refused(name: str, device: str, dtype: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_attention(name, device, dtype)


def test_the_command_refuses_it_with_the_exit_code_of_a_wrong_command(
    small_model: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "--model", str(small_model), "--task", "tatoeba[de]", "--device", "cpu", "--data-dir", str(corpus)]
    assert main([*words, "--out", str(tmp_path / "run"), "--attention", "flash_attention_2"]) == 2
    assert "only on a GPU, not on the device 'cpu'" in capsys.readouterr().err
