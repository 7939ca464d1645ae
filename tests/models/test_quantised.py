"""Models in 8 and 4 bits: scored, trained on with adapters, and told apart from whole ones, with the real bitsandbytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_models import KINDS, save_model

import harness
from harness import Pair
from harness.cli.main import main
from harness.core.errors import ModelError
from harness.families.classification import Classification
from harness.inference.features import Features
from harness.models.load import load_tokenizer
from harness.models.quantised import QUANTS, after_loading, quantised, whole_weights
from harness.training._adapters import merged, with_adapters, with_weights_of
from harness.types.options import EvalOptions, TrainOptions

LABELS = ("no", "yes")
bitsandbytes = pytest.importorskip("bitsandbytes", reason="the extra 'quant' (bitsandbytes) is not installed")


def features(folder: Path) -> Features:
    pairs = [Pair(str(i), f"The committee did not say {i}", "nobody asked", LABELS[i % 2]) for i in range(6)]
    return Classification(LABELS, Classification.Options()).features(load_tokenizer(folder), pairs, training=True)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model("xlmr", tmp_path_factory.mktemp("wide"), width=64)


@pytest.mark.parametrize("quant", QUANTS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_is_quantised_but_for_its_head(kind: str, quant: str, tmp_path: Path) -> None:
    save_model(kind, tmp_path, width=64)
    family = Classification(LABELS, Classification.Options())
    plain = family.load(str(tmp_path), dtype="float32").eval()
    small = after_loading(family.load(str(tmp_path), dtype="float32", **quantised(quant, "cpu", "fp32"))).eval()
    packed = {name for name, p in small.named_parameters() if not p.is_floating_point()}
    assert len(packed) >= 12  # the linear layers of two blocks
    assert not any(name.startswith(("classifier", "classification_head", "score")) for name in packed)
    for name, value in whole_weights(small).items():  # what the few bits stand for
        weight = plain.get_parameter(name).data
        assert 0 < (weight - value).abs().max() < 0.2 * weight.abs().max()
        weight.copy_(value)
    rows = features(tmp_path)
    batch = {name: torch.from_numpy(value) for name, value in rows.batch(np.arange(6), 1).items()}
    with torch.inference_mode():
        exact, near = (family.outputs(model, batch)["logits"] for model in (plain, small))
    if quant == "4bit":
        torch.testing.assert_close(near, exact, rtol=1e-4, atol=1e-4)
    else:  # LLM.int8() rounds what goes into a layer too
        assert torch.nn.functional.cosine_similarity(near.flatten(), exact.flatten(), dim=0) > 0.95


@pytest.mark.parametrize(("quant", "least"), [("8bit", 0.995), ("4bit", 0.95)])
def test_a_real_encoder_stays_close_to_itself(quant: str, least: float, minilm: Path) -> None:
    from harness.models.sentence_encoder import load_encoder

    tokens = load_tokenizer(minilm)(
        ["A cat sat on the mat.", "Stocks fell sharply."], padding=True, return_tensors="pt"
    )
    vectors = []
    for more in ({}, quantised(quant, "cpu", "fp32")):
        with torch.inference_mode():
            encoder = after_loading(load_encoder(str(minilm), dtype="float32", **more)).eval()
            vectors.append(encoder(**tokens).last_hidden_state)
    assert torch.nn.functional.cosine_similarity(*vectors, dim=-1).min() > least


@pytest.mark.parametrize("quant", QUANTS)
def test_adapters_are_trained_beside_few_bits_and_written_as_a_plain_model(
    quant: str, corpus: Path, wide: Path, tmp_path: Path
) -> None:
    chosen = {"max_steps": 60, "evaluate_every": 30, "lr": 1e-3, "batch": 8, "peft": "lora"}
    options: dict[str, Any] = {"data_dir": str(corpus), "offline": True, "device": "cpu", "train_limit": 24}
    options |= {"recipe": "tiny", "overrides": chosen}
    trained = harness.train(str(wide), "mnli", out=tmp_path / quant, options=EvalOptions(**options, quant=quant))
    summary = trained.summary
    assert summary["quant"] == quant and len(summary["dev"]) == 2
    losses = [loss for _, loss in summary["loss"]]
    assert losses[-1] < losses[0]
    family = Classification(("entailment", "neutral", "contradiction"), Classification.Options())
    model = family.load(str(trained.folder), dtype="float32")
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert "quantization_config" not in json.loads((trained.folder / "config.json").read_text())
    before = family.load(str(wide), ignore_mismatched_sizes=True, dtype="float32")
    name = "roberta.embeddings.word_embeddings.weight"
    assert torch.equal(model.get_parameter(name), before.get_parameter(name))
    whole = harness.train(str(wide), "mnli", out=tmp_path / "whole", options=EvalOptions(**options))
    assert whole.summary["key"] != summary["key"] and "quant" not in whole.summary


def test_what_is_written_computes_the_same(wide: Path) -> None:
    family, options = Classification(LABELS, Classification.Options()), TrainOptions(peft="lora")
    few = family.load(str(wide), dtype="float32", **quantised("4bit", "cpu", "fp32"))
    trained = with_adapters(after_loading(few), options).eval()
    torch.manual_seed(1)
    for parameter in trained.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(std=0.1)
    written = merged(with_weights_of(with_adapters(family.load(str(wide), dtype="float32"), options), trained)).eval()
    batch = {name: torch.from_numpy(value) for name, value in features(wide).batch(np.arange(6), 1).items()}
    with torch.inference_mode():
        ours, theirs = (family.outputs(model, batch)["logits"] for model in (trained, written))
    torch.testing.assert_close(theirs, ours, rtol=1e-3, atol=1e-3)


def test_the_record_and_the_kept_results_know_the_bits(corpus: Path, wide: Path, tmp_path: Path) -> None:
    words = ["eval", "--model", str(wide), "--task", "tatoeba[de]", "--data-dir", str(corpus), "--offline"]
    words += ["--limit", "8", "--device", "cpu", "--out", str(tmp_path / "run")]
    keys = []
    for more in ([], ["--quant", "8bit"], ["--quant", "4bit"], ["--quant", "8bit"]):
        assert main([*words, *more]) == 0
        record = json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
        assert record["options"]["quant"] == "".join(more[1:])
        keys.append(record["units"]["tatoeba/de/test"]["key"])
    assert len(set(keys)) == 3 and keys[1] == keys[3]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--quant", "4bit"], "only adapters beside them"),
        (["--quant", "2bit", "--peft", "lora"], "'8bit' or '4bit' expected"),
    ],
)
def test_training_that_quantised_weights_do_not_allow_is_refused(
    more: list[str], said: str, corpus: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--model", str(small_model), "--task", "mnli", "--data-dir", str(corpus), "--offline"]
    assert main([*words, "--device", "cpu", "--out", str(tmp_path / "out"), *more]) == 2
    assert said in capsys.readouterr().err


def test_a_layer_that_bitsandbytes_reads_wrongly_is_refused(tmp_path: Path) -> None:
    """Its kernel for processors takes the rows of a 4-bit weight apart as if each began a block of 64 numbers."""
    save_model("xlmr", tmp_path, width=32)
    family = Classification(LABELS, Classification.Options())
    after_loading(family.load(str(tmp_path), dtype="float32", **quantised("8bit", "cpu", "fp32")))
    with pytest.raises(ModelError, match="32 inputs"):
        after_loading(family.load(str(tmp_path), dtype="float32", **quantised("4bit", "cpu", "fp32")))
