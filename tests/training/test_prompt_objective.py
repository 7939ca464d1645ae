"""The objective ``prompt``: vectors in front of every text and a head, with the heads of other families; nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from harness import Pair
from harness.api import evaluate, train
from harness.core.errors import ModelError, UsageError
from harness.families.classification import Classification
from harness.models.load import load_tokenizer
from harness.models.places import PLACEHOLDER
from harness.models.prompt import attach_prompt, drawn_vectors
from harness.models.tables import check_positions, position_count
from harness.training.stage import TrainedStage
from harness.types.options import EvalOptions, build
from tests.small_models import save_model

PROMPT = "roberta.embeddings.word_embeddings.soft_prompt"


def options(corpus: Path, **overrides: Any) -> EvalOptions:
    chosen = {"max_steps": 3, "batch": 8, "prompt_length": 4, "weight_decay": 0.1, **overrides}
    return EvalOptions(
        data_dir=str(corpus), offline=True, device="cpu", recipe="tiny", train_limit=24, limit=12, overrides=chosen
    )


@pytest.fixture(scope="module")
def trained(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("prompts")
    known: dict[str, TrainedStage] = {}

    def of(task: str) -> TrainedStage:
        if task not in known:
            known[task] = train(str(small_model), f"{task}@prompt", out=folder / task, options=options(corpus))
        return known[task]

    return of


@pytest.mark.parametrize("task", ["mnli", "squad", "copa"])
def test_the_encoder_keeps_its_bits_and_vectors_and_head_are_trained(
    trained: Any, small_model: Path, task: str
) -> None:
    stage = trained(task)
    before, after = load_file(small_model / "model.safetensors"), load_file(stage.folder / "model.safetensors")
    encoder = {f"roberta.{name}": value for name, value in before.items()}
    assert PROMPT in after and after.keys() - encoder.keys() == {*stage.summary["fresh"], PROMPT}
    for name in after.keys() & encoder.keys():
        assert torch.equal(after[name], encoder[name]), name
    head = sum(after[name].numel() for name in stage.summary["fresh"])
    assert stage.summary["soft_prompt"] == {
        "length": 4,
        "place": "front",
        "trained_parameters": head + after[PROMPT].numel(),
    }


def test_the_model_itself_puts_the_vectors_behind_the_first_token(small_model: Path) -> None:
    family = Classification(("a", "b"), build(Classification.Options, {}))
    network = family.load(str(small_model)).eval()
    tokens = load_tokenizer(small_model)
    pairs = [Pair("0", "the cat sleeps", "", "a"), Pair("1", "the dog runs home and the cat sleeps", "", "b")]
    features = family.features(tokens, pairs, training=False)
    batch = {name: torch.from_numpy(array) for name, array in features.batch(np.arange(2), 1).items()}
    vectors = drawn_vectors(network, 3, 1)
    # The same by hand: ids that the embedding answers with the vectors, and the states without theirs.
    attach_prompt(network, vectors, "rows")
    places = torch.arange(PLACEHOLDER, PLACEHOLDER + 3).expand(2, -1)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with torch.no_grad():
        states = network.roberta(
            input_ids=torch.cat([ids[:, :1], places, ids[:, 1:]], dim=1),
            attention_mask=torch.cat([mask[:, :1], mask.new_ones(2, 3), mask[:, 1:]], dim=1),
        ).last_hidden_state
        expected = network.classifier(torch.cat([states[:, :1], states[:, 4:]], dim=1))
        attach_prompt(network, vectors, "front")
        attach_prompt(network, vectors, "front")  # its hooks are there once
        assert torch.equal(family.outputs(network, batch)["logits"], expected)
        assert network.roberta(**batch).last_hidden_state.shape[:2] == ids.shape
    room = position_count(network)
    assert room is not None
    check_positions(network, room - 3)
    with pytest.raises(ModelError, match=f"has {room - 3} positions"):
        check_positions(network, room - 2)


def test_a_checkpoint_is_scored_with_its_vectors(trained: Any, corpus: Path, tmp_path: Path) -> None:
    folder = trained("mnli").folder
    network = Classification(("contradiction", "entailment", "neutral"), build(Classification.Options, {})).load(
        str(folder)
    )
    assert torch.equal(network.get_input_embeddings().soft_prompt, load_file(folder / "model.safetensors")[PROMPT])
    run = evaluate(str(folder), ["xnli[en]"], out=tmp_path, options=replace(options(corpus), train="never"))
    assert not run.failed


def test_a_later_stage_trains_on_with_the_vectors(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    chosen = replace(options(corpus), via=("mnli@prompt",))
    run = evaluate(str(small_model), ["xnli[en]"], out=tmp_path, options=chosen)
    assert not run.failed
    assert run.record["stages"][-1]["lineage"] == ["mnli@prompt", "xnli"]


@pytest.mark.parametrize(
    ("task", "overrides", "said"),
    [
        ("mnli@prompt+qqp", {}, "no other task can share"),
        ("mnli@prompt", {"peft": "lora"}, "no adapters"),
        ("mnli@prompt", {"prompt_length": 0}, "1 or more expected"),
        ("topics_seen@prompt", {}, "not for the family 'cloze'"),
    ],
)
def test_what_it_cannot_be_put_together_with(
    corpus: Path, small_model: Path, tmp_path: Path, task: str, overrides: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        train(str(small_model), task, out=tmp_path / "stage", options=options(corpus, **overrides))


def test_encoder_decoders_are_refused(corpus: Path, tmp_path: Path) -> None:
    model = save_model("mt5", tmp_path / "mt5")
    with pytest.raises(ModelError, match="two stacks"):
        train(str(model), "mnli@prompt", out=tmp_path / "stage", options=options(corpus))
