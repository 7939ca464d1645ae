"""Training that cannot go well says so early, in words, and stops."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.main import main

PLUGIN = """
from harness import HubData, IntermediateTask, Pair, Question, Split, hookimpl

def pair(row):
    return Pair(str(row["_row"]), row["premise"], row["hypothesis"], row["label"])

MNLI = HubData("nyu-mll/glue", "mnli", "train")
DEV = Split(HubData("nyu-mll/glue", "mnli", "validation_matched"))
SQUAD = "rajpurkar/squad"

def task(name, labels, train, read=pair):
    return IntermediateTask(
        name=name, version=1, family="classification", labels=labels, train=train, dev=DEV, example=read,
        metric="accuracy", licence="-", citation="-",
    )

@hookimpl
def harness_intermediate_tasks():
    yield task("two-labels", ("entailment", "neutral"), Split(MNLI))
    yield task("nothing", ("entailment",), Split(MNLI), lambda row: None)
    yield IntermediateTask(
        name="far-answers", version=1, family="span_qa", train=Split(HubData(SQUAD, "plain_text", "train")),
        dev=Split(HubData(SQUAD, "plain_text", "validation")),
        example=lambda row: Question(row["id"], row["question"], row["context"], ()), metric="squad",
        licence="-", citation="-",
    )
"""


@pytest.mark.parametrize(
    ("task", "more", "code", "said"),
    [
        ("two-labels", [], 4, "unknown label 'contradiction'"),
        ("nothing", [], 4, "the training split is empty"),
        ("far-answers", [], 4, "no training example is usable"),
        ("mnli", ["--set", "lr=1e9"], 5, "training diverged: the loss is"),
        ("ccg", [], 4, "CCGbank"),
        ("mnli", ["--set", "max_length=100000"], 2, "max_length"),
        ("mnli+mnly", [], 2, "did you mean 'mnli'"),
        ("mnli[xx]", [], 4, "mnli has sources in en, ar, bg"),
        ("mnli+squad", ["--peft", "lora"], 2, "one task a stage"),
        ("mnli", ["--peft", "prefix"], 2, "'lora' or 'dora'"),
        ("mnli+qqp", ["--set", "sampling=fair"], 2, "proportional"),
        ("mnli", ["--set", "lr=-1"], 2, "positive"),
    ],
)
def test_bad_training_is_refused_with_its_reason(
    task: str,
    more: list[str],
    code: int,
    said: str,
    corpus: Path,
    small_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN)
    words = ["train", "--model", str(small_model), "--task", task, "--data-dir", str(corpus), "--offline"]
    words += ["--set", "max_steps=30", "--train-limit", "40", "--out", str(tmp_path / "out"), *more]
    found = main(["--plugin", str(plugin), *words])
    err = capsys.readouterr().err
    assert (found, said in err) == (code, True), err
    assert "Traceback" not in err
    assert (tmp_path / "out" / "stage.json").exists() == (code == 0)


def test_a_decoder_has_no_masked_language_model(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from small_models import save_model

    save_model("llama", tmp_path / "llama")
    words = ["--task", "mlm[sw]", "--data-dir", str(corpus), "--offline", "--out", str(tmp_path / "out")]
    assert main(["train", "--model", str(tmp_path / "llama"), *words]) == 5
    err = capsys.readouterr().err
    assert "mask" in err
    assert "Traceback" not in err


def test_few_bits_need_a_package_and_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.core.errors import UsageError
    from harness.models import quantised

    quantised.check_quant("", "mps")
    with pytest.raises(UsageError, match="not on the device 'mps'"):
        quantised.check_quant("8bit", "mps")
    monkeypatch.setattr(quantised, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="--quant 4bit needs the package bitsandbytes") as error:
        quantised.check_quant("4bit", "cuda:0")
    assert error.value.hint == "pip install 'xtreme-harness[quant]'"


def test_a_diverged_stage_is_not_kept_and_other_targets_go_on(
    corpus: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--task", "xnli[de]", "--task", "panx[de]", "--data-dir", str(corpus), "--offline", "--limit", "4"]
    words += ["--set", "max_steps=20", "--train-limit", "20", "--set", "xnli.lr=1e9", "--out", str(tmp_path / "run")]
    assert main(["eval", "--model", str(small_model), *words]) == 6
    record = json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
    assert list(record["units"]) == ["panx/de/test"]
    assert "diverged" in record["failed"]["xnli/de/test"]
    assert [stage["name"] for stage in record["stages"]] == ["panx"]
