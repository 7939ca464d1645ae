"""The loss on English dev that is recorded beside each dev score, by what was computed for the score or once more."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_stages import cpu_stages

from harness.inference.session import Compute
from harness.models.load import load_tokenizer
from harness.models.resolve import check_folder
from harness.registry.default import get_registry
from harness.scoring.scale import shown_dev
from harness.training._dev import _summed_loss, dev_scores, dev_unit
from harness.training.sources import training_tasks
from harness.training.stage import Stage, TrainedStage

SHORT = {"max_steps": 4, "batch": 4, "evaluate_every": 2, "lr": 1e-3}


def trained(
    expression: str, corpus: Path, small_model: Path, root: Path, **overrides: Any
) -> tuple[Stage, TrainedStage]:
    stages = cpu_stages(get_registry(), "tiny", corpus, train_limit=24, overrides={**SHORT, **overrides})
    stages.root = root
    registry, model = stages.context.registry, check_folder(small_model, str(small_model))
    if expression in ("panx", "lareqa"):
        stage = stages.stage(training_tasks(registry.task(expression), registry), model)
    else:
        stage = stages.last([expression], model)
    return stage, stages.train(stage)


def of_the_checkpoint(stage: Stage, found: TrainedStage, index: int = 0) -> tuple[Any, Any, Any]:
    """The task of a stage, its kept model in a forward pass, and the dev examples."""
    part = stage.tasks[index]
    model = part.family.load(str(found.folder)).eval()
    forward = Compute().forward(model, load_tokenizer(found.folder))
    return part, forward, dev_unit(part, 0)


def once_more(part: Any, forward: Any, unit: Any) -> float:
    rows = part.family.features(forward.tokenizer, unit.examples, training=True)
    total, terms = _summed_loss(part, forward, rows, 200)
    return total / terms


@pytest.mark.parametrize("task", ["mnli", "copa", "squad", "panx", "lareqa"])
def test_the_loss_of_each_evaluation_is_recorded(task: str, corpus: Path, small_model: Path, tmp_path: Path) -> None:
    stage, found = trained(task, corpus, small_model, tmp_path)
    dev = found.summary["dev"]
    assert [entry["step"] for entry in dev] == [2, 4]
    assert all(set(entry) == {"step", "score", "loss"} and entry["loss"] > 0 for entry in dev)
    [kept] = [entry for entry in dev if entry["step"] == found.summary["selected_step"]]
    assert found.summary["dev_loss"] == kept["loss"]
    assert once_more(*of_the_checkpoint(stage, found)) == pytest.approx(kept["loss"], abs=2e-5)


def test_the_loss_of_classification_is_the_cross_entropy_that_torch_computes(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    stage, found = trained("mnli", corpus, small_model, tmp_path)
    part, forward, unit = of_the_checkpoint(stage, found)
    pairs = unit.examples
    inputs = forward.tokenizer([p.a for p in pairs], [p.b for p in pairs], padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = forward.model(**inputs).logits
    right = torch.tensor([part.task.labels.index(pair.label) for pair in pairs])
    expected = torch.nn.functional.cross_entropy(logits, right).item()
    assert found.summary["dev_loss"] == pytest.approx(expected, abs=2e-5)


def test_several_tasks_have_the_mean_of_their_losses(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    _, found = trained("mnli+squad", corpus, small_model, tmp_path)
    for entry in found.summary["dev"]:
        assert set(entry["losses"]) == set(entry["tasks"]) == {"mnli", "squad"}
        assert entry["loss"] == pytest.approx(np.mean(list(entry["losses"].values())), abs=1e-6)


def test_evaluating_draws_nothing_and_leaves_the_weights(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    with_dev, without = (
        trained("squad", corpus, small_model, tmp_path / str(often), evaluate_every=often, select=select)[1]
        for often, select in ((1, "best"), (0, "last"))
    )
    assert with_dev.summary["loss"] == without.summary["loss"] and len(with_dev.summary["dev"]) == 4
    assert with_dev.summary["dev"][-1] == without.summary["dev"][-1]


def test_without_labels_that_are_trained_on_there_is_no_loss(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    stage, found = trained("panx", corpus, small_model, tmp_path)
    part, forward, _ = of_the_checkpoint(stage, found)

    def unknown(features: Any, outputs: Mapping[str, Any], examples: Sequence[Any]) -> tuple[float, float]:
        return float("nan"), 1.0

    part.family.loss_of_outputs = unknown
    evaluate = dev_scores(stage, lambda: [forward.model], forward.tokenizer, Compute())
    assert evaluate is not None and set(evaluate()) == {"score"}


def test_the_command_line_and_the_record_tell_it(corpus: Path, small_model: Path, tmp_path: Path, cli: Any) -> None:
    steps = [word for name, value in SHORT.items() for word in ("--set", f"{name}={value}")]
    given = ["--model", small_model, "--data-dir", corpus, "--train-limit", 24, "--device", "cpu", *steps]
    code, said, error = cli("train", "--task", "mnli", "--out", tmp_path / "mnli", *given)
    assert code == 0, error
    summary = json.loads((tmp_path / "mnli" / "stage.json").read_text())
    assert f"English dev {shown_dev(summary['dev_score'])}, loss {summary['dev_loss']:.3f} at step" in said + error
    code, _, error = cli("eval", "--task", "xnli[en]", "--out", tmp_path / "run", "--limit", 8, *given)
    assert code == 0, error
    [stage] = json.loads((tmp_path / "run" / "record.json").read_text())["stages"]
    assert stage["dev_loss"] == pytest.approx(np.log(3), abs=0.5) and all("loss" in each for each in stage["dev"])
