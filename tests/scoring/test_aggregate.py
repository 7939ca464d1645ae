"""The transfer gap where languages are few or missing."""

from __future__ import annotations

import pytest

from harness.scoring.aggregate import aggregate
from harness.scoring.scores import BenchmarkScore, Estimate, UnitScore
from harness.types.benchmarks import Benchmark


def scored(codes: tuple[str, ...], values: dict[str, dict[str, float]]) -> BenchmarkScore:
    """A benchmark of one task with these languages, and the metrics of those that were evaluated."""
    units = {code: UnitScore(10, {name: Estimate(v) for name, v in found.items()}) for code, found in values.items()}
    primary = tuple(next(iter(values.values())))
    return aggregate(Benchmark("b", 1, "", {"t": codes}, {}, ""), {"t": units}, {"t": primary})


def test_two_languages_are_enough_for_a_gap() -> None:
    found = scored(("en", "sw"), {"en": {"em": 90.0, "f1": 95.0}, "sw": {"em": 50.0, "f1": 65.0}})
    assert found.tasks["t"].gap == pytest.approx({"em": 40, "f1": 30, "score": 35})
    assert found.gap == pytest.approx(35)


@pytest.mark.parametrize("codes", [("en",), ("sw",), ("sw", "de")])
def test_a_task_without_english_or_without_another_language_has_no_gap(codes: tuple[str, ...]) -> None:
    found = scored(codes, {code: {"acc": 50.0} for code in codes})
    assert found.tasks["t"].score == 50 and found.tasks["t"].gap == {} and found.gap is None


@pytest.mark.parametrize("lacking", ["en", "sw", "de"])
def test_a_task_that_lacks_a_language_has_no_gap(lacking: str) -> None:
    codes = ("en", "sw", "de")
    found = scored(codes, {code: {"acc": 50.0} for code in codes if code != lacking})
    assert found.tasks["t"].partial == 50 and found.tasks["t"].gap == {} and found.gap is None


def test_one_metric_missing_in_one_language_leaves_no_gap_at_all() -> None:
    found = scored(("en", "sw"), {"en": {"em": 90.0, "f1": 95.0}, "sw": {"em": 50.0}})
    assert found.tasks["t"].score is None and found.tasks["t"].gap == {}


def test_the_average_gap_is_that_of_the_tasks_that_can_have_one() -> None:
    benchmark = Benchmark("b", 1, "", {"t": ("en", "sw"), "english": ("en",), "foreign": ("sw",)}, {}, "")
    units = {"t": {"en": 90.0, "sw": 50.0}, "english": {"en": 80.0}, "foreign": {"sw": 70.0}}
    scores = {
        name: {code: UnitScore(10, {"acc": Estimate(value)}) for code, value in found.items()}
        for name, found in units.items()
    }
    primary = ("acc",)
    assert aggregate(benchmark, scores, dict.fromkeys(units, primary)).gap == pytest.approx(40)
    del scores["t"]["sw"]
    assert aggregate(benchmark, scores, dict.fromkeys(units, primary)).gap is None
