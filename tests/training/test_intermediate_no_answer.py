"""SQuAD v2.0 end to end: training windows without an answer, scores of no answer, and the best threshold on dev."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Question
from harness.cli.main import main
from harness.data.sources import load_examples
from harness.families.span_qa import SpanQA
from harness.inference.forward import Forward
from harness.models.load import load_tokenizer
from harness.registry.default import get_registry
from harness.scoring.metrics import get_metric
from harness.scoring.metrics.no_answer import best_thresholds
from harness.types.options import build
from harness.types.units import UnitExamples

ITEM = st.tuples(
    st.sampled_from(["", "cat", "a cat", "dog house"]),
    st.sampled_from([[], ["cat"], ["the cat", "dog"], ["big dog"]]),
    st.integers(-6, 6),
)


@given(st.lists(ITEM, min_size=1, max_size=25))
def test_the_best_threshold_is_the_best_of_all(items: list[tuple[str, list[str], int]]) -> None:
    answers, gold, gaps = (list(column) for column in zip(*items, strict=True))
    metric = get_metric("squad2")
    found = best_thresholds(metric, gold, answers, gaps)
    tried = {
        t: metric.compute(gold, [a * (g <= t) for a, g in zip(answers, gaps, strict=True)], "en") for t in range(-7, 7)
    }
    for name, best in found.items():
        assert best.value == pytest.approx(max(values[name] for values in tried.values()))
        assert tried[int(best.threshold)][name] == pytest.approx(best.value)
        good = [t for t in sorted({min(gaps) - 1, *gaps}) if tried[t][name] > best.value - 1e-9]
        assert best.threshold == good[0]  # of equally good ones the lowest


def test_the_best_thresholds_equal_a_worked_example() -> None:
    """Two answered questions and two without an answer; 1.5 lets the good answers through."""
    gold = [["cat"], ["big dog"], [], []]
    found = best_thresholds(get_metric("squad2"), gold, ["cat", "dog", "cat", "dog"], [-3.0, 1.5, 2.0, 0.5])
    assert (found["exact_match"].value, found["exact_match"].threshold) == (75.0, -3.0)
    assert found["f1"].value == pytest.approx(75.0) and found["f1"].threshold == -3.0
    always = best_thresholds(get_metric("squad2"), [["a b"], []], ["x", "y"], [0.0, 4.0])
    assert (always["f1"].value, always["f1"].threshold) == (50.0, -1.0)  # best to refuse everything


def test_the_task_trains_with_questions_without_an_answer(shared_data: Path, small_model: Path) -> None:
    task = get_registry().intermediate("squad2")
    assert task.options == {"no_answer": True}
    family = SpanQA((), build(SpanQA.Options, dict(task.options)))
    questions = load_examples(task, task.train, data_dir=shared_data, offline=True, limit=60).examples
    impossible = {i for i, question in enumerate(questions) if isinstance(question, Question) and question.impossible}
    features = family.features(load_tokenizer(small_model), questions, training=True)
    none = features.columns["end_positions"] == 0
    assert impossible and set(features.example) == set(range(60))
    assert all(none[features.example == i].all() for i in impossible)
    rest = [i for i in range(60) if i not in impossible]
    assert all((~none[features.example == i]).any() for i in rest)
    windows = np.bincount(features.example)
    assert any(none[features.example == i].any() for i in rest if windows[i] > 1)


def test_dev_is_scored_at_the_best_threshold(shared_data: Path, small_model: Path) -> None:
    task = get_registry().intermediate("squad2")
    family = SpanQA((), build(SpanQA.Options, {**task.options, "max_length": 256}))
    examples = load_examples(task, task.dev, data_dir=shared_data, offline=True, limit=40).examples
    model = family.load(str(small_model), dtype="float32").eval()
    forward = Forward(model, load_tokenizer(small_model), "cpu")
    prediction = next(iter(family.predict(forward, [UnitExamples("squad2", "en", "dev", examples)])))
    best, gaps = prediction.facts["best"], prediction.facts["null_minus_best"]
    assert list(prediction.predictions) == [a * (g <= 0) for a, g in zip(best, gaps, strict=True)]
    gold = [[answer.text for answer in question.answers] for question in examples]  # type: ignore[attr-defined]
    metric = get_metric(task.metric)
    found = best_thresholds(metric, gold, best, gaps)
    at_zero = metric.compute(gold, prediction.predictions, "en")
    for name, value in found.items():
        assert value.value >= at_zero[name]
        chosen = SpanQA(
            (), build(SpanQA.Options, {**task.options, "max_length": 256, "null_threshold": value.threshold})
        )
        again = next(iter(chosen.predict(forward, [UnitExamples("squad2", "en", "dev", examples)]))).predictions
        assert metric.compute(gold, again, "en")[name] == pytest.approx(value.value)


def test_a_stage_keeps_and_shows_its_best_thresholds(
    shared_data: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "train",
        "--model",
        str(small_model),
        "--task",
        "squad2+squad",
        "--data-dir",
        str(shared_data),
        "--offline",
    ]
    words += ["--device", "cpu", "--train-limit", "30", "--set", "max_length=256", "--set", "batch=8"]
    words += [
        "--set",
        "max_steps=6",
        "--set",
        "evaluate_every=3",
        "--set",
        "select=best",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 0
    summary = json.loads((tmp_path / "out" / "stage.json").read_text(encoding="utf-8"))
    assert [entry["step"] for entry in summary["dev"]] == [3, 6]
    for entry in summary["dev"]:
        best = entry["best_thresholds"]["squad2"]
        assert set(entry["best_thresholds"]) == {"squad2"} and set(best) == {"exact_match", "f1"}
        assert entry["tasks"]["squad2"] == pytest.approx((best["exact_match"]["value"] + best["f1"]["value"]) / 2)
        assert entry["score"] == pytest.approx(sum(entry["tasks"].values()) / 2)
    [chosen] = [entry for entry in summary["dev"] if entry["step"] == summary["selected_step"]]
    assert summary["best_thresholds"] == chosen["best_thresholds"]
    at = summary["best_thresholds"]["squad2"]["f1"]
    shown = capsys.readouterr().out
    assert f"f1 {at['value']:.2f} at {at['threshold']:.3f}" in shown and "--set null_threshold=" in shown
