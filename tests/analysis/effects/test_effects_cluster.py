"""Variance over languages and seeds, and the bootstrap, against scipy's and statsmodels' tests of the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.effects.cluster import Sample, spread
from harness.analysis.effects.resample import bootstrapped, effect


def sample(values: np.ndarray, group: Mapping[str, str] | None = None, **weights: float) -> Sample:
    """A sample of one task and model from values (languages, seeds)."""
    languages, seeds = values.shape
    places = [(f"l{language}", seed) for language in range(languages) for seed in range(seeds)]
    rest = {"group": group, "group_weights": weights} if group else {}
    names, numbers = [name for name, _ in places], [seed for _, seed in places]
    return Sample(values.ravel(), ["m"] * len(places), ["t"] * len(places), names, numbers, **rest)


def drawn(shape: Sequence[int], seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(1.0, 2.0, shape)


def test_one_seed_is_the_t_test_over_languages() -> None:
    from scipy.stats import ttest_1samp

    values = drawn((12, 1))
    found = spread(sample(values))
    theirs = ttest_1samp(values[:, 0], 0.0)
    assert found.freedom[0] == pytest.approx(theirs.df)
    assert found.estimate[0] / found.variance[0] ** 0.5 == pytest.approx(theirs.statistic)


def test_one_language_is_the_t_test_over_seeds() -> None:
    from scipy.stats import ttest_1samp

    values = drawn((1, 5))
    found = spread(sample(values))
    theirs = ttest_1samp(values[0], 0.0)
    assert found.freedom[0] == pytest.approx(theirs.df)
    assert found.estimate[0] / found.variance[0] ** 0.5 == pytest.approx(theirs.statistic)


def test_two_groups_of_languages_are_welchs_test() -> None:
    from scipy.stats import ttest_ind

    values = drawn((9, 1))
    group = {f"l{index}": "low" if index < 3 else "high" for index in range(9)}
    found = spread(sample(values, group, low=1.0, high=-1.0))
    theirs = ttest_ind(values[:3, 0], values[3:, 0], equal_var=False)
    assert found.freedom[0] == pytest.approx(theirs.df)
    assert found.estimate[0] / found.variance[0] ** 0.5 == pytest.approx(theirs.statistic)


def test_crossed_languages_and_seeds_are_the_mean_squares_of_an_analysis_of_variance() -> None:
    import pandas
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    generator = np.random.default_rng(5)
    values = generator.normal(0, 1, (8, 1)) + generator.normal(0, 1, (1, 5)) + generator.normal(0, 0.3, (8, 5))
    frame = pandas.DataFrame({"y": values.ravel(), "l": np.repeat(range(8), 5), "s": np.tile(range(5), 8)})
    squares = anova_lm(ols("y ~ C(l) + C(s)", frame).fit())["mean_sq"]
    expected = (squares["C(l)"] + squares["C(s)"] - squares["Residual"]) / 40
    assert spread(sample(values)).variance[0] == pytest.approx(expected)


def test_the_interval_and_the_equivalence_tests_are_students() -> None:
    from scipy.stats import ttest_1samp
    from statsmodels.stats.weightstats import DescrStatsW

    for shift in (0.0, 0.25, 0.6):
        values = 0.3 * drawn((14, 1), 11)
        values += shift - values.mean()
        found = bootstrapped(spread(sample(values)))
        theirs = ttest_1samp(values[:, 0], 0.0)
        interval = theirs.confidence_interval()
        assert found.interval == pytest.approx((interval.low, interval.high), abs=0.05)
        assert found.p == pytest.approx(theirs.pvalue, abs=0.03)
        p = {margin: DescrStatsW(values[:, 0]).ttost_mean(-margin, margin)[0] for margin in (1.0, 0.5)}
        assert found.equivalent((1.0, 0.5)) == {str(margin): bool(value < 0.05) for margin, value in p.items()}


def test_the_detectable_effect_is_that_of_the_t_test() -> None:
    from statsmodels.stats.power import TTestPower

    values = drawn((30, 1))
    found = bootstrapped(spread(sample(values)))
    theirs = TTestPower().solve_power(nobs=30, alpha=0.05, power=0.8) * values.std(ddof=1)
    assert found.detectable == pytest.approx(theirs, rel=0.01)


def test_tasks_count_alike_however_many_languages_they_have() -> None:
    rows = [("big", f"l{index}", 1.0 + index % 2) for index in range(10)] + [("small", "l0", 7.0), ("small", "l1", 9.0)]
    task, language, value = (list(column) for column in zip(*rows, strict=True))
    found = spread(Sample(np.array(value), ["m"] * 12, task, language, [1] * 12))
    assert found.estimate[0] == pytest.approx((1.5 + 8.0) / 2)


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 4), st.floats(-50, 50), st.floats(0.1, 5))
def test_shifts_scales_and_the_order_of_rows(seed: int, languages: int, seeds: int, shift: float, scale: float) -> None:
    values = drawn((languages, seeds), seed)
    plain = sample(values)
    moved = spread(sample(shift + scale * values))
    found = spread(plain)
    assert moved.estimate[0] == pytest.approx(shift + scale * found.estimate[0], abs=1e-8)
    assert moved.variance[0] == pytest.approx(scale**2 * found.variance[0], rel=1e-6)
    order = np.random.default_rng(seed).permutation(languages * seeds)
    mixed = Sample(
        plain.values[order],
        *([column[index] for index in order] for column in (plain.model, plain.task, plain.language, plain.seed)),
    )
    assert spread(mixed).variance[0] == pytest.approx(found.variance[0])
    assert spread(mixed).freedom[0] == pytest.approx(found.freedom[0])


def test_an_effect_says_what_its_interval_is_about() -> None:
    assert effect(sample(drawn((5, 1))), "x").notes == ("one seed: the interval is about languages only",)
    assert effect(sample(drawn((1, 5))), "x").notes == ("one language: the interval is about seeds only",)
    single = effect(sample(drawn((1, 1))), "x")
    assert single.p is None and single.low == single.estimate and "nothing varies" in single.notes[0]


def test_false_positives_where_languages_and_seeds_are_few() -> None:
    """The t statistic of 2,000 simulated contrasts at once; benchmarks.planted_effects has more of them."""
    from scipy.special import stdtr

    generator = np.random.default_rng(17)
    count = 2000
    for languages, seeds in ((15, 5), (8, 3)):
        values = (
            generator.normal(0, 1.0, (languages, 1, count))
            + generator.normal(0, 0.4, (1, seeds, count))
            + generator.normal(0, 0.5, (languages, seeds, count))
        )
        found = spread(sample_of_many(values))
        p = 2 * stdtr(found.freedom, -np.abs(found.estimate) / np.sqrt(found.variance))
        assert 0.03 < float((p < 0.05).mean()) < 0.07


def sample_of_many(values: np.ndarray) -> Sample:
    plain = sample(values[:, :, 0])
    return Sample(values.reshape(-1, values.shape[2]), plain.model, plain.task, plain.language, plain.seed)
