"""What makes a run quicker and must not change its answers: compiling; and half precision, whose changes are counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main


@pytest.fixture(scope="module")
def classifier(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model with a random head for XNLI."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    labels = dict(enumerate(("entailment", "neutral", "contradiction")))
    folder = tmp_path_factory.mktemp("classifier")
    AutoModelForSequenceClassification.from_pretrained(
        small_model, id2label=labels, label2id={name: number for number, name in labels.items()}
    ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(small_model).save_pretrained(folder)
    return folder


def evaluate(out: Path, model: Path, corpus: Path, *more: str) -> dict[str, Any]:
    words = ["eval", "--model", str(model), "--task", "xnli[en,de]", "--train", "never", "--limit", "20", "--offline"]
    assert main([*words, "--device", "cpu", "--data-dir", str(corpus), "--out", str(out), *more]) == 0
    loaded: dict[str, Any] = json.loads((out / "record.json").read_text(encoding="utf-8"))
    return loaded


def predictions(run: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (run / "predictions" / "xnli").iterdir()}


def test_a_compiled_model_gives_the_same_answers(classifier: Path, corpus: Path, tmp_path: Path) -> None:
    plain = evaluate(tmp_path / "plain", classifier, corpus)
    compiled = evaluate(tmp_path / "compiled", classifier, corpus, "--compile")
    assert predictions(tmp_path / "compiled") == predictions(tmp_path / "plain")
    assert compiled["options"]["compiled"] and not plain["options"]["compiled"]


def test_a_machine_that_cannot_compile_is_told_so(
    classifier: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from torch._inductor import config

    torch.compiler.reset()
    words = ["eval", "--model", str(classifier), "--task", "xnli[en]", "--train", "never", "--limit", "4", "--offline"]
    words += ["--device", "cpu", "--data-dir", str(corpus), "--out", str(tmp_path / "run"), "--compile"]
    with config.patch({"cpp.cxx": ("no-such-compiler",), "force_disable_caches": True}):
        assert main(words) == 6
    said = capsys.readouterr().err
    assert "failed: --compile: " in said
    assert "Traceback" not in said


def test_half_precision_is_compared_with_single(
    classifier: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--limit", "8")  # so few that all are in the sample
    full = evaluate(tmp_path / "fp32", classifier, corpus, "--dtype", "fp32", *few)
    capsys.readouterr()
    half = evaluate(tmp_path / "bf16", classifier, corpus, "--dtype", "bf16", *few)
    said = capsys.readouterr().out
    assert not any("against_fp32" in unit["facts"] for unit in full["units"].values())
    facts = [half["units"][f"xnli/{code}/test"]["facts"]["against_fp32"] for code in ("en", "de")]
    different = 0
    for code in ("en", "de"):
        sides = [predictions(tmp_path / dtype)[f"test-{code}.tsv"].split("\n") for dtype in ("fp32", "bf16")]
        different += sum(a != b for a, b in zip(*sides, strict=True))
    examples = [half["units"][f"xnli/{code}/test"]["examples"] for code in ("en", "de")]
    assert [fact["examples"] for fact in facts] == examples
    assert sum(fact["changed"] for fact in facts) == different
    assert f"bf16: {different} of {sum(examples)} decisions checked differ from fp32" in said

    more = evaluate(tmp_path / "more", classifier, corpus, "--dtype", "bf16")["units"]
    checked = [more[f"xnli/{code}/test"]["facts"]["against_fp32"]["examples"] for code in ("en", "de")]
    assert checked == [8, 8] and more["xnli/en/test"]["examples"] == 18


def test_the_record_says_where_the_seconds_went(classifier: Path, corpus: Path, tmp_path: Path) -> None:
    timings = evaluate(tmp_path / "run", classifier, corpus)["timings"]
    assert set(timings["phases"]) == {"load", "model", "tokenise", "forward", "decode", "write", "score", "record"}
    assert sum(timings["phases"].values()) <= timings["seconds"] + 0.01
