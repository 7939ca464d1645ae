"""Percentiles of times and their intervals, against the binomial distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from harness.efficiency.percentiles import percentiles, ranks


@pytest.mark.parametrize("count", [20, 200, 2_000, 60_000])
@pytest.mark.parametrize("percent", [50, 90, 95, 99])
def test_ranks_enclose_the_percentile_with_95_percent_and_could_not_be_a_tail_shorter(count: int, percent: int) -> None:
    low, high = ranks(count, percent)
    below = binom(count, percent / 100)
    assert below.cdf(high - 1) - below.cdf(low - 1) >= 0.95
    assert below.cdf(low - 1) <= 0.025 < below.cdf(low)
    assert below.sf(high - 1) <= 0.025 < below.sf(high - 2)


def test_ranks_of_the_95th_percentile_of_200_calls() -> None:
    assert ranks(200, 95) == (184, 197)


def test_percentiles_are_times_that_were_measured_and_99_is_for_2000_calls() -> None:
    few = percentiles(range(1, 201)[::-1])
    assert [(each.percent, each.value) for each in few] == [(50, 100), (90, 180), (95, 190)]
    assert (few[2].low, few[2].high) == (184, 197)
    assert [each.percent for each in percentiles(range(1_999))] == [50, 90, 95]
    assert [each.percent for each in percentiles(range(2_000))] == [50, 90, 95, 99]


def test_few_calls_say_no_upper_end() -> None:
    assert percentiles(range(1, 21))[2].high is None
    assert percentiles([]) == ()


def test_intervals_cover_the_true_percentile() -> None:
    rng = np.random.default_rng(0)
    true = float(np.exp(0.5 * 1.6448536))  # the 95th percentile of a log-normal distribution
    found = [percentiles(rng.lognormal(0, 0.5, 400).tolist())[2] for _ in range(400)]
    inside = sum(each.low <= true <= each.high for each in found if each.low is not None and each.high is not None)
    assert 0.93 <= inside / 400 <= 0.995
