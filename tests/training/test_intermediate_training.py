"""Every intermediate task trains a stage and is scored on its dev set, on small slices of the sample corpus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import harness
from harness.data.sample import write_sample_corpus
from harness.registry.default import get_registry
from harness.types.options import EvalOptions

TASKS = (
    "anli_plus ccg commonsenseqa copa cosmosqa hellaswag mlm mnli nli pawsx qqp socialiqa squad squad2".split()
)  # the nine of the paper, those that XTREME-R needs, and the rest


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample_corpus(folder, size="tiny")
    sentences = ["The/DT dog/NN sleeps/VBZ ./.", "A/DT small/JJ bird/NN sang/VBD ./."] * 12
    tagged = "".join(sentence.replace(" ", "\n").replace("/", "\t") + "\n\n" for sentence in sentences)
    (folder / "ccg").mkdir()
    for name in ("train", "dev"):
        (folder / f"ccg/{name}.tsv").write_text(tagged, encoding="utf-8")
    return folder


def options(data: Path, **overrides: object) -> EvalOptions:
    chosen = {"max_steps": 3, "batch": 8, "lr": 1e-3, "max_length": 200, **overrides}
    return EvalOptions(
        recipe="tiny", overrides=chosen, data_dir=str(data), offline=True, device="cpu", dtype="fp32", train_limit=40
    )


@pytest.mark.parametrize("name", TASKS)
def test_the_task_trains_and_is_scored_on_dev(sample: Path, small_model: Path, tmp_path: Path, name: str) -> None:
    trained = harness.train(str(small_model), name, out=tmp_path / "run", options=options(sample))
    summary = trained.summary
    assert summary["steps"] == 3 and 0 <= summary["dev_score"] <= 100 and len(summary["dev"]) >= 1
    assert summary["tasks"][0]["task"] == name and summary["tasks"][0]["data"]["dev"]["examples"] > 0
    config = json.loads((trained.folder / "config.json").read_text())
    head = {
        "classification": "SequenceClassification",
        "multiple_choice": "MultipleChoice",
        "tagging": "TokenClassification",
    }
    kinds = {**head, "span_qa": "QuestionAnswering", "mlm": "MaskedLM"}
    assert config["architectures"] == [f"XLMRobertaFor{kinds[get_registry().intermediate(name).family]}"]


def test_mlm_beside_another_task_trains_one_encoder_that_is_saved_without_heads(
    sample: Path, small_model: Path, tmp_path: Path
) -> None:
    """One encoder under both heads; the folder that is written holds the encoder alone."""
    both = harness.train(str(small_model), "mnli+mlm", out=tmp_path / "run", options=options(sample, max_steps=6))
    assert [task["task"] for task in both.summary["tasks"]] == ["mnli", "mlm"] and min(both.summary["items"]) > 0
    config = json.loads((both.folder / "config.json").read_text())
    assert config["architectures"] == ["XLMRobertaModel"]


def test_further_pretraining_goes_on_with_the_same_head(sample: Path, small_model: Path, tmp_path: Path) -> None:
    """Two stages of MLM: the second starts with the first one's head instead of a new one."""
    long = options(sample, max_steps=25, lr=3e-3, batch=16)
    first = harness.train(str(small_model), "mlm", out=tmp_path / "first", options=long)
    second = harness.train(str(first.folder), "mlm", out=tmp_path / "second", options=long)
    assert second.summary["loss"][0][1] < first.summary["loss"][0][1] - 0.3
