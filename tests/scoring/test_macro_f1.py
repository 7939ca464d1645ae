"""Macro F1 and the numbers of generalised zero-shot classification, against scikit-learn and their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from harness import Pair, PluginError, Split, TargetTask
from harness.core.errors import UsageError
from harness.scoring.metrics import get_metric
from harness.scoring.metrics.base import AdditiveMetric

LABELS = "abcd"
UNITS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


@given(UNITS)
def test_macro_f1_is_that_of_scikit_learn_over_the_gold_classes(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = ([pair[side] for pair in pairs] for side in (0, 1))
    found = get_metric("macro_f1").compute(gold, predicted, "en")
    known = sorted(set(gold))
    expected = 100 * f1_score(gold, predicted, labels=known, average="macro", zero_division=0)
    assert found["f1"] == pytest.approx(expected)
    assert found["accuracy"] == pytest.approx(100 * accuracy_score(gold, predicted))


@given(UNITS)
def test_seen_and_unseen_are_parts_of_the_items_and_predictions_are_of_all_labels(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = ([pair[side] for pair in pairs] for side in (0, 1))
    found = get_metric("zero_shot:a,b").compute(gold, predicted, "en")
    sides = {"seen": "ab", "unseen": "cd"}
    share = {}
    for name, labels in sides.items():
        own = [one == other for one, other in pairs if one in labels]
        share[name] = 100 * float(np.mean(own)) if own else 0.0
        assert found[f"accuracy_{name}"] == pytest.approx(share[name])
        known = sorted(set(gold) & set(labels))
        if known:
            # F1 counts the predictions for items of all classes.
            f1 = 100 * f1_score(gold, predicted, labels=known, average="macro", zero_division=0)
            assert found[f"f1_{name}"] == pytest.approx(f1)
    total = share["seen"] + share["unseen"]
    assert found["harmonic_mean"] == pytest.approx(2 * share["seen"] * share["unseen"] / total if total else 0.0)
    assert found["accuracy"] == pytest.approx(100 * accuracy_score(gold, predicted))


def test_a_system_that_knows_seen_classes_only_has_no_harmonic_mean() -> None:
    metric = get_metric("zero_shot:a,b")
    assert metric.primary == ("harmonic_mean",)
    assert metric.compute(list("abcd"), list("abab"), "en")["harmonic_mean"] == 0
    assert metric.compute(list("aabcdd"), list("abbcda"), "en")["harmonic_mean"] == pytest.approx(200 / 3)


def test_chance_of_either_side_is_one_of_all_labels() -> None:
    metric = get_metric("zero_shot:a,b")
    chance = metric.chance(list("aabcd"), "en", 4)
    assert {name: found.random for name, found in chance.items()} == dict.fromkeys(
        ("harmonic_mean", "accuracy", "accuracy_seen", "accuracy_unseen"), 25.0
    )
    assert chance["accuracy_seen"].constant == pytest.approx(200 / 3)
    assert chance["harmonic_mean"].constant == 0


def test_a_unit_of_one_side_alone_is_remarked_on() -> None:
    metric = get_metric("zero_shot:a,b")
    assert metric.remarks(list("ab")) == ("no item of an unseen class",)
    assert metric.remarks(list("cd")) == ("no item of a seen class",)
    assert metric.remarks(list("ad")) == ()


def test_sums_of_items_give_the_whole() -> None:
    metric = get_metric("zero_shot:a")
    assert isinstance(metric, AdditiveMetric)
    gold, predicted = list("aabbcc"), list("abbbca")
    sums = metric.statistics(gold, predicted, "en").sum(axis=0)
    assert {name: float(value) for name, value in metric.finish(sums).items()} == metric.compute(gold, predicted, "en")


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("zero_shot:yes,maybe", "names 'maybe'"),
        ("zero_shot:yes,no", "leave out at least one"),
        ("zero_shot", "must name the labels"),
    ],
)
def test_a_task_whose_metric_names_other_labels_is_refused(metric: str, said: str) -> None:
    task = TargetTask(
        name="mine",
        version=1,
        family="cloze",
        labels=("yes", "no"),
        languages={"en": {"test": Split()}},
        example=lambda row: Pair("", "", "", None),
        metric=metric,
    )
    with pytest.raises(PluginError, match=said):
        task.check()


def test_without_labels_the_metric_is_unknown() -> None:
    with pytest.raises(UsageError, match="unknown metric 'zero_shot'"):
        get_metric("zero_shot")
