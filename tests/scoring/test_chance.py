"""Chance: what random and constant answers get, and the scores that cannot be told from them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import PluginError
from harness.scoring.chance import AT_CHANCE, BELOW_CHANCE, Chance, chance_mark, constant_answer, mean_chance
from harness.scoring.files import score_unit
from harness.scoring.formats.labels import Labels
from harness.scoring.metrics import METRICS, get_metric
from harness.scoring.metrics.base import Metric
from harness.scoring.scores import Estimate, UnitScore
from harness.types import entity_tags

LABELS = ("contradiction", "entailment", "neutral")
TAGS = ("O", "B-PER", "I-PER", "B-LOC")


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=60))
def test_the_constant_of_accuracy_is_the_best_that_one_label_gets(gold: list[str]) -> None:
    metric = get_metric("accuracy")
    best = max(metric.compute(gold, [label] * len(gold), "en")["accuracy"] for label in LABELS)
    assert metric.chance(gold, "en", 3)["accuracy"] == Chance(100 / 3, pytest.approx(best))


@given(st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=6), min_size=1, max_size=20))
def test_the_constant_of_chunks_is_the_best_that_one_tag_gets(gold: list[list[str]]) -> None:
    metric = get_metric(entity_tags.METRIC)
    constant = [
        metric.compute(gold, [[tag] * len(words) for words in gold], "en")
        for tag in {tag for words in gold for tag in words}
    ]
    found = metric.chance(gold, "en", len(TAGS))
    assert found["f1"].constant == pytest.approx(max(values["f1"] for values in constant))
    assert found["accuracy"].constant == pytest.approx(max(values["accuracy"] for values in constant))
    assert found["accuracy"].random == 25


def test_random_tags_get_the_chunk_f1_that_random_draws_get() -> None:
    random = np.random.default_rng(1)
    metric = get_metric("udpos_f1")
    gold = [list(random.choice(["NOUN", "VERB", "ADP"], size=10)) for _ in range(3000)]
    drawn = [list(random.choice(["NOUN", "VERB", "ADP"], size=10)) for _ in gold]
    assert metric.chance(gold, "en", 3)["f1"].random == pytest.approx(metric.compute(gold, drawn, "en")["f1"], abs=1)


def test_always_the_positive_class_is_the_constant_of_accuracy_and_f1() -> None:
    found = get_metric("accuracy_f1").chance(["1"] * 3 + ["0"] * 2, "en", 2)
    assert found["accuracy"] == Chance(50, 60)
    assert found["f1"] == Chance(pytest.approx(100 * 2 * 0.6 * 0.5 / 1.1), pytest.approx(75))


def test_a_random_row_is_one_of_the_pool() -> None:
    assert get_metric("accuracy").chance([2, 0, 1, 3], "sw", 4)["accuracy"] == Chance(25, 25)


@pytest.mark.parametrize("metric, relevant", [("reciprocal_rank", 1), ("reciprocal_rank", 3), ("average_precision", 3)])
def test_random_rankings_get_the_expected_score(metric: str, relevant: int) -> None:
    random = np.random.default_rng(2)
    pool = [str(number) for number in range(30)]
    drawn = [[pool[row] for row in random.permutation(30)[:20]] for _ in range(8000)]
    score = get_metric(metric).compute([pool[:relevant]] * len(drawn), drawn, "en")["map@20"]
    assert get_metric(metric).chance([pool[:relevant]], "en", 30)["map@20"].level == pytest.approx(score, abs=1)


def test_no_answer_is_chance_only_where_questions_have_none() -> None:
    assert get_metric("squad").chance([["Bern"], ["Rome"]], "en") == {}
    assert get_metric("squad2").chance([["Bern"], []], "en")["f1"] == Chance(None, 50)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_without_items_has_no_chance(name: str) -> None:
    assert not any(chance.level for chance in get_metric(name).chance([], "en", None).values())


@pytest.mark.parametrize(
    "low, value, high, chance, found",
    [
        (30, 35, 40, Chance(33.3, 34), AT_CHANCE),
        (35, 40, 45, Chance(33.3, 34), ""),
        (20, 25, 33.3, Chance(33.3), AT_CHANCE),
        (20, 25, 30, Chance(33.3), BELOW_CHANCE),
        (None, 34, None, Chance(33.3, 34), AT_CHANCE),
        (None, 20, None, Chance(33.3, 34), AT_CHANCE),
        (None, 35, None, Chance(33.3, 34), ""),
        (0, 0, 0, Chance(), ""),
        (0, 0, 0, None, ""),
    ],
)
def test_a_score_is_at_chance_if_its_interval_holds_it_and_below_if_the_interval_ends_before(
    low, value, high, chance, found
) -> None:
    assert chance_mark(low, value, high, chance) == found


def test_the_mean_of_chance_needs_every_language() -> None:
    assert mean_chance([Chance(50, 60), Chance(50, 50)], [1, 3]) == Chance(50, 52.5)
    assert mean_chance([Chance(50, 60), Chance(None, 50)]) == Chance(None, 55)
    assert mean_chance([Chance(50, 60), None]) is None
    assert mean_chance([]) is None


@pytest.mark.parametrize(
    "gold, predicted, found",
    [
        (["a", "b"], ["a", "a"], "a"),
        (["a", "a"], ["a", "a"], None),
        (["a", "b"], ["a", "b"], None),
        (["a"], ["a"], None),
        ([["O", "B-PER"], ["O"]], [["O", "O"], ["O"]], "O"),
        ([["O", "B-PER"], ["O"]], [["O", "B-PER"], ["O"]], None),
        ([["x"], ["y"]], [["z", "y"], ["z", "y"]], "z"),
        ([["a"], ["b"]], ["", ""], ""),
        ([["a"], ["b"]], [None, None], None),
        ([0, 1], [3, 3], "3"),
        ([True, False], [True, True], None),
        ([], [], None),
    ],
)
def test_one_answer_to_everything_is_found(gold, predicted, found) -> None:
    assert constant_answer(gold, predicted) == found


class Sure(Metric):
    """A metric of a third party, which says what chance gives."""

    name = "sure"
    primary = ("share",)
    level: object = Chance(random=25.0)

    def compute(self, gold, predicted, language):
        return {"share": 100 * sum(map(str.__eq__, gold, predicted)) / len(gold)}

    def chance(self, gold, language, choices=None):
        return {"share": self.level}


def scored(metric: Metric, folder: Path, gold: str, predicted: str, **options):
    (folder / "l.tsv").write_text(gold)
    (folder / "p.tsv").write_text(predicted)
    return score_unit("mine", metric, Labels(), "en", folder / "p.tsv", folder / "l.tsv", (), **options)


def test_a_metric_of_a_plugin_says_what_chance_gives(tmp_path: Path) -> None:
    unit = scored(Sure(), tmp_path, "a\nb\nc\nd\n", "a\na\na\na\n")
    assert unit.metrics["share"].chance == Chance(random=25.0) and unit.metrics["share"].chance_mark
    assert unit.constant == "a"
    assert UnitScore.from_dict(json.loads(json.dumps(unit.to_dict()))) == unit


def test_a_metric_whose_chance_is_no_chance_is_named(tmp_path: Path) -> None:
    metric = Sure()
    metric.level = 25
    with pytest.raises(
        PluginError, match="the metric 'sure' failed: chance: TypeError: share: expected a Chance, not int"
    ):
        scored(metric, tmp_path, "a\n", "a\n")


def test_the_number_of_choices_makes_the_score_of_random_answers(tmp_path: Path) -> None:
    unit = scored(get_metric("accuracy"), tmp_path, "a\nb\n", "a\nb\n", choices=4)
    assert unit.metrics["accuracy"].chance == Chance(25, 50)


def test_a_unit_scored_before_there_was_chance_is_read() -> None:
    plain = {"n": 3, "metrics": {"f1": {"value": 1.0}}, "warnings": []}
    unit = UnitScore.from_dict(plain)
    assert unit.metrics["f1"] == Estimate(1.0) and not unit.metrics["f1"].chance_mark and unit.constant is None
