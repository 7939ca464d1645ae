"""The ratio of two models' medians on made times, in which a machine slows down and calls have a heavy tail."""

from __future__ import annotations

import numpy as np
import pytest

from harness.efficiency.ratio import Ratio, ratio_of_medians, widened


def run(rng: np.random.Generator, rounds: int, slower: float) -> tuple[list[list[float]], list[list[float]]]:
    """Times of two models in ms: a state of the machine for each round, one for each block, and one for each call."""
    machine = np.exp(0.3 * rng.standard_normal((rounds, 1)))
    made = [
        10 * machine * np.exp(0.05 * rng.standard_normal((rounds, 1))) * rng.lognormal(0, 0.2, (rounds, 50))
        for _ in range(2)
    ]
    return (slower * made[0]).tolist(), made[1].tolist()


@pytest.mark.parametrize("rounds", [5, 20])
def test_a_model_against_itself_contains_1_in_18_of_20_runs(rounds: int) -> None:
    rng = np.random.default_rng(11)
    found = [ratio_of_medians(*run(rng, rounds, 1.0), seed=seed) for seed in range(20)]
    assert sum(each.low <= 1 <= each.high for each in found if each.low is not None and each.high is not None) >= 18


def test_a_model_that_takes_twice_as_long_has_the_ratio_2() -> None:
    rng = np.random.default_rng(3)
    found = [ratio_of_medians(*run(rng, 20, 2.0), seed=seed) for seed in range(20)]
    assert all(each.verdict == "slower" and 1.8 < each.value < 2.2 for each in found)
    assert sum(each.low <= 2 <= each.high for each in found if each.low is not None and each.high is not None) >= 18


def test_the_interval_does_not_depend_on_the_order_of_the_blocks_beyond_the_draws_and_is_drawn_by_the_seed() -> None:
    one, other = run(np.random.default_rng(5), 12, 1.0)
    assert ratio_of_medians(one, other, 1) == ratio_of_medians(one, other, 1)
    assert ratio_of_medians(one, other, 1) != ratio_of_medians(one, other, 2)


@pytest.mark.parametrize(
    ("low", "high", "verdict", "not_slower"),
    [
        (0.80, 0.95, "faster", True),
        (0.98, 1.04, "not slower", True),
        (0.98, 1.05, "undecided", False),
        (1.01, 1.04, "slower", True),
        (1.20, 1.30, "slower", False),
        (None, None, "too few blocks", None),
    ],
)
def test_verdicts(low: float | None, high: float | None, verdict: str, not_slower: bool | None) -> None:
    found = Ratio(1.0, low, high, 9)
    assert (found.verdict, found.not_slower) == (verdict, not_slower)


def test_few_blocks_widen_the_interval_and_fewer_than_4_give_none() -> None:
    assert widened(5) < widened(20) < widened(1_000) == pytest.approx(0.025, abs=2e-4)
    assert widened(5) == pytest.approx(0.00096, abs=3e-5)  # normal tail of sqrt(5/4) times the t of 4 degrees
    times = [[1.0, 2.0]] * 3
    assert ratio_of_medians(times, times) == Ratio(1.0, None, None, 3)


def test_blocks_that_only_one_model_has_are_left_out() -> None:
    times = [[1.0, 1.0]] * 6
    assert ratio_of_medians([*times, [9.0, 9.0]], times).blocks == 6
