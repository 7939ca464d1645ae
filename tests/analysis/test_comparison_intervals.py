"""Intervals hold what they promise: 95% of them cover the truth, on simulated data."""

from __future__ import annotations

import numpy as np
import pytest

from harness.scoring.aggregate import aggregate
from harness.scoring.bootstrap import Items, joint_sums, mean_replicates, owners
from harness.scoring.files import estimate
from harness.scoring.intervals import wilson
from harness.scoring.metrics import get_metric
from harness.scoring.scores import Estimate, UnitScore
from harness.types.benchmarks import Benchmark

ACCURACY = get_metric("accuracy")
F1 = get_metric("ner_f1")


def covered(hits):
    """The share of intervals that hold the truth, and whether 95% is within four standard errors of it."""
    share = float(np.mean(hits))
    return share, 4 * (0.95 * 0.05 / len(hits)) ** 0.5


@pytest.mark.parametrize("n", [47, 500])
@pytest.mark.parametrize("truth", [0.1, 0.5, 0.97])
def test_wilson_intervals_cover_the_true_share(n, truth):
    right = np.random.default_rng(n).binomial(n, truth, size=4000)
    hits = []
    for count in right:
        low, high = wilson(count / n, n)
        hits.append(low <= truth <= high)
    share, tolerance = covered(hits)
    # counts are whole numbers, so coverage swings a little around 95% with n and the truth
    assert abs(share - 0.95) < tolerance + 0.02


def sentences(generator, n):
    """Entities per sentence in both, predicted, gold; the true F1 is 2 * 1.2 / (1.6 + 2)."""
    gold = generator.poisson(2.0, n)
    hits = generator.binomial(gold, 0.6)
    spurious = generator.poisson(0.4, n)
    words = gold + 5
    return np.stack([hits, hits + spurious, gold, words, words], axis=1).astype(float)


def test_bootstrap_intervals_of_f1_cover_the_true_value():
    generator = np.random.default_rng(1)
    hits = []
    for _ in range(400):
        found = estimate(F1, sentences(generator, 150), None)["f1"]
        hits.append(found.low <= 100 * 2.4 / 3.6 <= found.high)
    share, tolerance = covered(hits)
    assert abs(share - 0.95) < tolerance


def test_the_cluster_bootstrap_covers_where_the_plain_one_does_not():
    """Questions of one passage are hard together."""
    generator = np.random.default_rng(2)
    clusters = np.repeat(np.arange(60), 8).tolist()
    hits, plain = [], []
    for _ in range(300):
        chance = np.clip(np.repeat(generator.beta(1, 1, 60), 8), 0, 1)
        right = (generator.random(480) < chance).astype(float)
        statistics = np.stack([right, np.ones(480)], axis=1)
        for kept, groups in ((hits, clusters), (plain, None)):
            found = estimate(ACCURACY, statistics, groups)["accuracy"]
            kept.append(found.low <= 50 <= found.high)
    assert abs(np.mean(hits) - 0.95) < 0.05
    assert np.mean(plain) < 0.85


def answers(generator, difficulty, n):
    right = (generator.random(n) < difficulty).astype(float)
    return np.stack([right, np.ones(n)], axis=1)


def unit(metric, items):
    values = metric.finish(items.statistics.sum(axis=0))
    return UnitScore(len(items.ids), {name: Estimate(float(value)) for name, value in values.items()}, (), items)


def interval_of_average(units):
    scores = {"t": {code: unit(ACCURACY, items) for code, items in units.items()}}
    found = aggregate(Benchmark("", 0, "", {"t": tuple(units)}, {}, ""), scores, {"t": ("accuracy",)})
    return found.tasks["t"].interval


def test_intervals_of_averages_over_parallel_languages_cover_the_true_value():
    """One sentence in eight languages: as hard in one as in another. Languages drawn apart would be far too narrow."""
    generator = np.random.default_rng(3)
    n, codes = 150, "abcdef"
    hits, apart = [], []
    for trial in range(240):
        difficulty = generator.beta(1, 1, n)
        tables = {code: answers(generator, difficulty, n) for code in codes}
        ways = [(hits, lambda code: ""), (apart, lambda code: code)]
        for kept, ids in ways[: 1 + (trial < 80)]:
            units = {code: Items(ACCURACY, [f"{ids(code)}{i}" for i in range(n)], t) for code, t in tables.items()}
            found = interval_of_average(units)
            kept.append(found.low <= 50 <= found.high)
    assert abs(np.mean(hits) - 0.95) < 0.05
    assert np.mean(apart) < 0.85


def test_intervals_of_averages_over_independent_languages_cover_the_true_value():
    """Line numbers that mean nothing to each other, in languages of unequal size, do no harm."""
    generator = np.random.default_rng(4)
    sizes = {"a": 60, "b": 90, "c": 200, "d": 201}
    truth = {"a": 0.5, "b": 0.6, "c": 0.7, "d": 0.8}
    hits = []
    for _ in range(300):
        units = {
            code: Items(ACCURACY, [str(i) for i in range(n)], answers(generator, truth[code], n))
            for code, n in sizes.items()
        }
        found = interval_of_average(units)
        hits.append(found.low <= 65 <= found.high)
    assert abs(np.mean(hits) - 0.95) < 0.04


def test_intervals_of_averages_over_tasks_cover_the_true_value():
    generator = np.random.default_rng(5)
    benchmark = Benchmark("b", 1, "", {"t": ("a",), "u": ("a",)}, {"both": ("t", "u")}, "")
    hits = []
    for _ in range(300):
        scores = {}
        for name, statistics, metric in (
            ("t", answers(generator, 0.4, 120), ACCURACY),
            ("u", sentences(generator, 120), F1),
        ):
            items = Items(metric, [str(i) for i in range(120)], statistics)
            scores[name] = {"a": unit(metric, items)}
        found = aggregate(benchmark, scores, {"t": ("accuracy",), "u": ("f1",)})
        assert found.interval == found.group_intervals["both"]
        hits.append(found.interval.low <= (40 + 100 * 2.4 / 3.6) / 2 <= found.interval.high)
    assert abs(np.mean(hits) - 0.95) < 0.04


def test_items_of_one_id_or_one_passage_are_drawn_together():
    """By id over languages, by passage within one, and through both."""
    ones = np.ones((3, 2))
    plain, count = owners([Items(ACCURACY, ["x", "y", "z"], ones), Items(ACCURACY, ["y", "w", "x"], ones)])
    assert count == 4
    assert plain[0][1] == plain[1][0] and plain[0][0] == plain[1][2]
    first = Items(ACCURACY, ["q1", "q2", "q3"], ones, [0, 0, 1])
    second = Items(ACCURACY, ["q2", "q4", "q3"], ones, [7, 7, 8])
    joined, count = owners([first, second])
    assert count == 2
    assert joined[0].tolist() == [joined[0][0], joined[0][0], joined[0][2]]
    assert joined[1].tolist() == [joined[0][0], joined[0][0], joined[0][2]]


def test_draws_are_the_same_every_time_and_other_for_another_task():
    items = [Items(ACCURACY, [str(i) for i in range(50)], answers(np.random.default_rng(6), 0.5, 50))]
    first, again, other = (joint_sums(items, name, 40)[0] for name in ("t", "t", "u"))
    assert (first == again).all()
    assert (first != other).any()
    assert (first[:, 1] == 50).all()


def test_a_sample_without_any_item_of_a_language_counts_as_the_whole():
    units = [
        Items(ACCURACY, ["0"], np.array([[1.0, 1.0]])),
        Items(ACCURACY, ["0", "1", "2"], np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])),
    ]
    few, _ = joint_sums(units, "t", 200)
    assert (few[:, 0] == few[:, 1]).all() and (few[:, 1] > 0).all()


def test_no_interval_from_a_single_item_or_an_incomplete_task():
    one = {"a": Items(ACCURACY, ["0"], np.ones((1, 2)))}
    assert mean_replicates(one, "t", [1]) == {}
    items = Items(ACCURACY, ["0", "1"], np.ones((2, 2)))
    benchmark = Benchmark("b", 1, "", {"t": ("a", "b")}, {}, "")
    partial = aggregate(benchmark, {"t": {"a": unit(ACCURACY, items)}}, {"t": ("accuracy",)})
    assert partial.tasks["t"].interval is None and partial.interval is None
