"""harness doctor --invariance: decisions that batch size and precision change, one unit a family."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.invariance import _differing, _found_by_one, invariance
from harness.cli.main import main
from harness.core.errors import DataError
from harness.inference.features import Features
from harness.registry.default import get_registry
from harness.types.options import EvalOptions


@pytest.fixture
def checked(small_model: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str, model: Path | str = small_model, data: Path = corpus) -> dict[str, Any]:
        assert main(["-q", "doctor", "--invariance", str(model), "--data-dir", str(data), "--json", *arguments]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_every_family_with_data_is_scored(checked: Any) -> None:
    found = checked("--limit", "12", "--device", "cpu")
    changes = {change["family"]: change for change in found["changes"]}
    families = {task.family for task in get_registry().tasks().values()}
    assert set(changes) | set(found["unchecked"]) == families
    assert len(changes) >= 6
    for change in changes.values():
        assert 0 < change["decisions"] <= 12
        if change["family"] != "dual_encoder":  # a random model's sentence vectors are all but alike
            assert change["fp32"] == 0, change  # the promise: the batch size decides nothing
        assert 0 <= change["bf16"] <= 2 * change["decisions"] and 0 <= change["precision"] <= 2 * change["decisions"]
    assert changes["classification"]["head"] == "random" and changes["bitext_retrieval"]["head"] == "none"
    assert checked("--limit", "12", "--device", "cpu") == found  # the same examples and heads each time


def test_padding_that_matters_is_found(checked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Features.batch

    def unmasked(self: Features, rows: Any, pad: int) -> Any:
        arrays = batch(self, rows, pad)
        return {**arrays, "attention_mask": np.ones_like(arrays["attention_mask"])}

    monkeypatch.setattr(Features, "batch", unmasked)
    changes = {change["family"]: change for change in checked("--limit", "40")["changes"]}
    assert changes["bitext_retrieval"]["fp32"] > 0


def test_the_task_that_the_head_was_trained_for_is_taken(checked: Any, small_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    names = ("entailment", "neutral", "contradiction")
    labels = {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}
    AutoModelForSequenceClassification.from_pretrained(small_model, **labels).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(small_model).save_pretrained(tmp_path)
    found = {change["family"]: change for change in checked("--limit", "4", model=tmp_path)["changes"]}
    assert found["classification"]["unit"].startswith("xnli/") and found["classification"]["head"] == "own"
    assert found["tagging"]["head"] == "random"


def test_the_table_says_what_it_counted(small_model: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["doctor", "--invariance", str(small_model), "--data-dir", str(corpus), "--limit", "3"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "at most 3 examples a unit" in out and "fp32, batch 1 or full" in out and "from a fixed seed" in out


def test_a_family_that_cannot_be_scored_is_named(checked: Any, corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "bucc2018", tmp_path / "bucc2018")
    for path in tmp_path.glob("bucc2018/*/*.dev.*"):
        path.unlink()
    found = checked("--limit", "4", data=tmp_path)
    assert found["changes"] == [] and "dev" in found["unchecked"]["bitext_mining"]


def test_what_cannot_be_checked_is_an_error(tmp_path: Path, small_model: Path, corpus: Path) -> None:
    with pytest.raises(DataError, match="no test data"):
        invariance(str(small_model), get_registry(), EvalOptions(data_dir=str(tmp_path)))
    folder = ["--data-dir", str(corpus)]
    assert main(["-q", "doctor", "--invariance", "baseline:majority", *folder]) == 5
    assert main(["-q", "doctor", "--limit", "3"]) == 2


def test_differing_predictions_and_unshared_pairs_are_counted() -> None:
    assert _differing(["a", "b", "c"], ["a", "c", "b"]) == 2
    assert _found_by_one(["a", "b"], ["b", "c", "d"]) == 3
    assert _found_by_one(["a", "b"], ["b", "a"]) == 0
