"""What a family knows of its models: padding side, where the head is, and what is carried over from stage to stage."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_task import write_data
from safetensors.torch import load_file
from small_models import save_model

from harness import Family, FileData, IntermediateTask, Pair, Split, TargetTask, hookimpl, readers
from harness.api import evaluate, train
from harness.core.errors import UsageError
from harness.families.classification import Classification
from harness.inference.features import Features, Ragged
from harness.models.heads import load_head, model_inputs
from harness.models.load import load_tokenizer
from harness.registry.registry import Registry
from harness.testing import check_plugin
from harness.types.options import EvalOptions

HEAD = "layers.1.mlp.down_proj.weight"
BODY = "layers.0.mlp.down_proj.weight"


class LastPlace(Classification):
    """Reads a label off the last place of a row in a decoder; its head is a layer inside the network."""

    def tokenizer_settings(self) -> Mapping[str, Any]:
        return {"padding_side": "left"}

    def load(self, reference: str, **kwargs: Any) -> Any:
        from transformers import AutoModel

        return AutoModel.from_pretrained(
            reference, **{k: v for k, v in kwargs.items() if k != "ignore_mismatched_sizes"}
        )

    def head_parameters(self, model: Any) -> Mapping[str, Any]:
        return {name: value for name, value in model.named_parameters() if name == HEAD}

    def share_encoder(self, first: Any, model: Any, carried: Collection[str]) -> None:
        model.embed_tokens, model.norm, model.layers[0] = first.embed_tokens, first.norm, first.layers[0]

    def features(self, tokenizer: Any, examples: Sequence[Any], *, training: bool) -> Features:
        assert tokenizer.padding_side == "left"
        return replace(super().features(tokenizer, examples, training=training), padding_side="left")

    def _logits(self, model: Any, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        assert batch["attention_mask"][:, -1].all()
        return model(**model_inputs(model, batch)).last_hidden_state[:, -1, : len(self.labels)]


def split(name: str) -> Split:
    return Split(FileData((f"mine/{name}.jsonl",), readers.json_lines, "made by the test"))


TARGET = TargetTask(
    name="mine",
    version=1,
    family="last-place",
    labels=("bad", "good"),
    languages={"en": {"dev": split("dev-en"), "test": split("test-en")}, "sw": {"test": split("test-sw")}},
    train=split("train-en"),
    example=lambda row: Pair(row["id"], row["text"], "", row["label"]),
    metric="accuracy",
    summary="a test",
    licence="none",
    citation="none",
)
INTERMEDIATE = IntermediateTask(
    "before", 1, "last-place", split("train-en"), TARGET.example, "accuracy", TARGET.labels,
    dev=split("dev-en"), summary="a test", licence="none", citation="none",
)  # fmt: skip


class Plugin:
    @hookimpl
    def harness_families(self) -> list[Family]:
        return [Family("last-place", (Pair,), f"{__name__}:LastPlace", "harness.scoring.formats.labels:Labels")]

    @hookimpl
    def harness_target_tasks(self) -> list[TargetTask]:
        return [TARGET]

    @hookimpl
    def harness_intermediate_tasks(self) -> list[IntermediateTask]:
        return [
            INTERMEDIATE,
            replace(INTERMEDIATE, name="other"),
            replace(INTERMEDIATE, name="usual", family="classification"),
        ]


@pytest.fixture(scope="module")
def registry() -> Registry:
    found = Registry()
    found.add(Plugin(), "mine")
    return found


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model("llama", tmp_path_factory.mktemp("decoder") / "model")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def options(data: Path, *via: str, train: str = "auto", **overrides: Any) -> EvalOptions:
    overrides = {"max_steps": 4, "batch": 4, "lr": 1e-3, **overrides}
    return EvalOptions(
        data_dir=str(data), offline=True, device="cpu", recipe="tiny", via=via, train=train, overrides=overrides
    )


def test_the_head_of_the_family_is_drawn_anew_in_each_stage_and_the_rest_goes_on(
    decoder: Path, data: Path, tmp_path: Path, registry: Registry
) -> None:
    run = evaluate(
        str(decoder),
        ["mine"],
        out=tmp_path / "run",
        options=options(data, "before", **{"mine.seed": 7}),
        registry=registry,
    )
    assert run.failed == {} and set(run.record["units"]) == {"mine/en/test", "mine/sw/test"}
    assert [stage["name"] for stage in run.record["stages"]] == ["before", "mine"]
    assert {unit["facts"]["padding"] for unit in run.record["units"].values()} == {"left"}
    for stage in run.record["stages"]:
        assert stage["fresh"] == [HEAD]
    folders = [decoder, *(next((tmp_path / "stages").glob(f"{name}-*")) for name in ("before", "mine"))]
    start, before, after = (load_file(folder / "model.safetensors") for folder in folders)
    # Four steps of 1e-3 move no weight by more than 0.01.
    for one, other in ((start, before), (before, after)):
        assert float((one[HEAD] - other[HEAD]).abs().max()) > 0.1
        assert 0 < float((one[BODY] - other[BODY]).abs().max()) < 0.01


def test_a_checkpoint_of_the_family_is_scored_as_it_is(
    decoder: Path, data: Path, tmp_path: Path, registry: Registry
) -> None:
    trained = train(str(decoder), "before", out=tmp_path / "before", options=options(data), registry=registry)
    run = evaluate(
        str(trained.folder), ["mine[en]"], out=tmp_path / "run", options=options(data, train="never"), registry=registry
    )
    assert run.failed == {}


def test_a_family_that_pads_on_the_left_keeps_the_contract(data: Path, registry: Registry) -> None:
    outcomes = check_plugin("mine", data_dir=data, checks=["batches", "odd-text", "training"], registry=registry)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []


def test_tasks_of_a_family_share_what_it_shares(decoder: Path, data: Path, tmp_path: Path, registry: Registry) -> None:
    trained = train(str(decoder), "before+other", out=tmp_path / "both", options=options(data), registry=registry)
    assert trained.summary["steps"] == 4 and trained.summary["fresh"] == [HEAD]


def test_tasks_that_want_different_tokenizers_share_no_stage(
    decoder: Path, data: Path, tmp_path: Path, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=r"before\+usual: these tasks need different tokenizers"):
        train(str(decoder), "before+usual", out=tmp_path / "both", options=options(data), registry=registry)


@pytest.mark.parametrize("side", ["right", "left"])
def test_batches_are_filled_up_on_the_side_of_the_features(side: str) -> None:
    ids = Ragged.of([[5, 6, 7], [8]])
    labels = Ragged.of([[1, 2, 3], [4]])
    features = Features(ids, np.arange(2), segments=ids, aligned={"labels": (labels, -100)}, padding_side=side)
    batch = features.batch(np.arange(2), 9)
    shown = {name: value[1].tolist()[:: 1 if side == "right" else -1] for name, value in batch.items()}
    assert shown == {
        "input_ids": [8, 9, 9],
        "attention_mask": [1, 0, 0],
        "token_type_ids": [8, 0, 0],
        "labels": [4, -100, -100],
    }
    assert batch["input_ids"][0].tolist() == [5, 6, 7] and batch["attention_mask"][0].tolist() == [1, 1, 1]


def test_a_cache_is_kept_only_where_the_family_asks_for_it(tmp_path: Path) -> None:
    folder = str(save_model("llama", tmp_path / "model"))
    assert load_head("SequenceClassification", folder, ("a", "b")).config.use_cache is False
    assert load_head("SequenceClassification", folder, ("a", "b"), use_cache=True).config.use_cache is True


def test_a_tokenizer_pads_on_the_right_unless_it_is_told(small_model: Path) -> None:
    assert load_tokenizer(small_model).padding_side == "right"
    told = load_tokenizer(small_model, {"padding_side": "left"})
    assert (told.padding_side, told.truncation_side) == ("left", "right")
