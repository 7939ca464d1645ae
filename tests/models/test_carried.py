"""Pretrained layers outside the base model: they survive fresh heads, several tasks, adapters and later stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import KINDS, save_model, save_other

import harness
from harness.families.classification import Classification
from harness.families.dual_encoder import DualEncoder
from harness.families.multiple_choice import MultipleChoice
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.models.carried import carried_parameters
from harness.models.encoder import head_parameters
from harness.models.fresh_head import reset_head, share_encoder
from harness.models.load import load_tokenizer
from harness.models.stored import stored_tensors
from harness.training._adapters import with_adapters
from harness.types.options import EvalOptions, TrainOptions

HEADS = [Classification, Tagging, SpanQA, MultipleChoice]
LABELS = ("no", "yes")
PRETRAINED = ("head.dense.weight", "head.norm.weight")


def loaded(family: type, folder: Path) -> Any:
    built = family(LABELS, family.Options())  # type: ignore[attr-defined]
    return built.load(str(folder), ignore_mismatched_sizes=True, dtype="float32")


@pytest.fixture(scope="module")
def modernbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_other("modernbert", tmp_path_factory.mktemp("modernbert") / "m", head="MaskedLM")


@pytest.mark.parametrize("family", HEADS)
def test_what_the_pretrained_model_brought_is_not_drawn_anew(family: type, modernbert: Path) -> None:
    carried = carried_parameters(modernbert)
    assert carried == PRETRAINED
    model = loaded(family, modernbert)
    fresh = reset_head(model, 3, carried)
    assert fresh == sorted(set(head_parameters(model)) - set(carried)) and fresh
    for name, value in stored_tensors(modernbert, carried).items():
        assert torch.equal(model.get_parameter(name), value)


def test_what_a_checkpoint_lacks_is_drawn_anew(tmp_path: Path) -> None:
    bare = save_other("modernbert", tmp_path / "bare")
    assert carried_parameters(bare) == ()
    model = loaded(Classification, bare)
    assert set(PRETRAINED) < set(reset_head(model, 3, carried_parameters(bare)))


def test_the_head_of_somebodys_task_is_none_of_the_encoder(modernbert: Path, tmp_path: Path) -> None:
    model = loaded(Classification, modernbert)
    model.save_pretrained(tmp_path)
    assert "classifier.weight" in stored_tensors(tmp_path, ["classifier.weight"])
    assert carried_parameters(tmp_path) == PRETRAINED
    again = loaded(Classification, tmp_path)
    assert "classifier.weight" in reset_head(again, 3, carried_parameters(tmp_path))


@pytest.mark.parametrize("kind", KINDS)
def test_heads_of_these_architectures_are_all_fresh(kind: str, tmp_path: Path) -> None:
    save_model(kind, tmp_path / "bare")
    for family in HEADS:
        model = loaded(family, tmp_path / "bare")
        model.save_pretrained(tmp_path / family.__name__)
        assert carried_parameters(tmp_path / family.__name__) == ()
        assert reset_head(model, 1, ()) == sorted(head_parameters(model))


@pytest.mark.parametrize("kind", ["xlm-roberta", "bert", "electra", "deberta-v2", "albert", "mobilebert", "funnel"])
def test_heads_for_masked_words_are_none_of_the_encoder(kind: str, tmp_path: Path) -> None:
    if kind in ("xlm-roberta", "bert"):
        from transformers import AutoModelForMaskedLM

        bare = save_model({"xlm-roberta": "xlmr"}.get(kind, kind), tmp_path / "bare")
        AutoModelForMaskedLM.from_pretrained(bare).save_pretrained(tmp_path / "m")
    else:
        save_other(kind, tmp_path / "m", head="MaskedLM")
    assert carried_parameters(tmp_path / "m") == ()


def test_the_first_head_of_xlmr_is_the_one_it_always_was(tmp_path: Path) -> None:
    """Numbers of the code before any layer was carried: trained stages that are kept are what training would give."""
    save_model("xlmr", tmp_path / "m")
    model = loaded(Classification, tmp_path / "m")
    reset_head(model, 42, carried_parameters(tmp_path / "m"))
    first, last = model.classifier.dense.weight[0, :4].tolist(), model.classifier.out_proj.weight[1, -4:].tolist()
    assert first == pytest.approx([0.578075, 0.446185, 0.270215, -0.631656], abs=2e-6)
    assert last == pytest.approx([-0.055486, -0.311427, -0.030391, -0.278155], abs=2e-6)
    assert not model.classifier.dense.bias.any() and not model.classifier.out_proj.bias.any()


def test_several_tasks_share_one_encoder_and_keep_their_heads(modernbert: Path) -> None:
    first, second = loaded(Classification, modernbert), loaded(Tagging, modernbert)
    share_encoder(first, second, PRETRAINED)
    shared = {id(parameter) for parameter in first.parameters()}
    assert {name for name, p in second.named_parameters() if id(p) not in shared} == {
        "classifier.weight",
        "classifier.bias",
    }


def test_adapters_treat_it_as_they_do_the_encoder(modernbert: Path) -> None:
    adapted = with_adapters(loaded(Classification, modernbert), TrainOptions(peft="lora"), PRETRAINED)
    trained = {name for name, value in adapted.named_parameters() if value.requires_grad}
    assert any("head.dense.lora_A" in name for name in trained)
    assert not any(name.endswith(("head.dense.base_layer.weight", "head.norm.weight")) for name in trained)
    assert any("classifier" in name for name in trained)


def test_a_dual_encoder_has_no_place_for_it_and_trains_without(modernbert: Path) -> None:
    model = loaded(DualEncoder, modernbert)
    assert reset_head(model, 1, PRETRAINED) == ["dual_encoder_scale"]


@pytest.mark.parametrize("via", ["mnli", "mnli+squad", "mlm", "mnli+mlm"])
@pytest.mark.parametrize("peft", ["", "lora"])
def test_it_goes_from_stage_to_stage(via: str, peft: str, modernbert: Path, corpus: Path, tmp_path: Path) -> None:
    if peft and "+" in via:
        pytest.skip("adapters train one task")
    chosen = {"max_steps": 3, "batch": 8, "lr": 1e-2, "max_length": 200, "peft": peft}
    options = EvalOptions(
        recipe="tiny", overrides=chosen, data_dir=str(corpus), offline=True, device="cpu", dtype="fp32", train_limit=40
    )
    trained = harness.train(str(modernbert), via, out=tmp_path / "stage", options=options)
    assert carried_parameters(trained.folder) == PRETRAINED
    before, after = (stored_tensors(folder, PRETRAINED) for folder in (modernbert, trained.folder))
    changed = [name for name in PRETRAINED if not torch.equal(before[name], after[name])]
    assert changed == (["head.dense.weight"] if peft else list(PRETRAINED))  # adapters leave norms as they are
    fresh = trained.summary["fresh"]
    assert not set(fresh) & set(PRETRAINED)
    assert ("classifier.weight" in fresh) == ("mnli" in via)
    second = loaded(Tagging, trained.folder)
    reset_head(second, 1, carried_parameters(trained.folder))
    for name in PRETRAINED:
        assert torch.equal(second.get_parameter(name), after[name])


def test_it_passes_through_a_stage_that_has_no_place_for_it(modernbert: Path, tmp_path: Path) -> None:
    from harness.training.train_stage import _lacking, _write_model

    model = loaded(DualEncoder, modernbert)
    more = _lacking(model, PRETRAINED, [model], modernbert)
    _write_model(model, load_tokenizer(modernbert), tmp_path / "stage", more, {}, modernbert)
    assert carried_parameters(tmp_path / "stage") == PRETRAINED
    again = loaded(Classification, tmp_path / "stage")
    for name, value in stored_tensors(modernbert, PRETRAINED).items():
        assert torch.equal(again.get_parameter(name), value)
    for name, value in model.named_parameters():
        assert name == "dual_encoder_scale" or torch.equal(again.get_parameter(f"model.{name}"), value)


def test_the_record_says_what_was_fresh(corpus: Path, tmp_path: Path) -> None:
    """A head that goes on is not; one that the checkpoint has lost is."""
    save_model("xlmr", tmp_path / "bare")
    chosen = {"max_steps": 1, "batch": 4, "max_length": 64}
    options = EvalOptions(
        recipe="tiny", overrides=chosen, data_dir=str(corpus), offline=True, device="cpu", dtype="fp32", train_limit=8
    )
    first = harness.train(str(tmp_path / "bare"), "mlm", out=tmp_path / "first", options=options)
    second = harness.train(str(first.folder), "mlm", out=tmp_path / "second", options=options)
    third = harness.train(str(second.folder), "mnli", out=tmp_path / "third", options=options)
    assert "lm_head.dense.weight" in first.summary["fresh"] and second.summary["fresh"] == []
    assert third.summary["fresh"] == [
        f"classifier.{layer}.{kind}" for layer in ("dense", "out_proj") for kind in ("bias", "weight")
    ]
