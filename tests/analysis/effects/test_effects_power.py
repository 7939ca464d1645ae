"""Power of a study: the numbers that its design was chosen by."""

from __future__ import annotations

import pytest

from harness.analysis.effects.observations import Observation
from harness.analysis.effects.power import (
    detectable,
    equivalence_error,
    equivalence_reach,
    macro_error,
    unit_detectable,
)


@pytest.mark.parametrize(("n", "points"), [(5010, 1.25), (2000, 2.0), (500, 4.0)])
def test_a_unit_with_a_tenth_of_its_answers_changed(n: int, points: float) -> None:
    assert unit_detectable(0.1, n) == pytest.approx(points, rel=0.02)


@pytest.mark.parametrize(("languages", "seeds", "points"), [(8, 3, 1.35), (15, 5, 1.0), (40, 5, 0.84)])
def test_a_macro_gain(languages: int, seeds: int, points: float) -> None:
    assert detectable(macro_error(1.0, 0.4, languages, seeds)) == pytest.approx(points, rel=0.015)


def test_equivalence_needs_small_errors() -> None:
    assert equivalence_error(0.5) == pytest.approx(0.17, abs=0.005)
    assert equivalence_error(1.0) == pytest.approx(0.34, abs=0.005)
    assert macro_error(1.0, 0.4, 15, 5) == pytest.approx(0.36, abs=0.005)
    assert macro_error(1.0, 0.4, 40, 5) == pytest.approx(0.30, abs=0.005)
    assert equivalence_reach(equivalence_error(0.7)) == pytest.approx(0.7)


def test_power_is_what_it_says() -> None:
    """statsmodels' power of a z test, of which the effect size is a z of one observation."""
    from statsmodels.stats.power import normal_power

    assert normal_power(detectable(0.3) / 0.3, nobs=1, alpha=0.05) == pytest.approx(0.8, abs=1e-4)
    assert normal_power(detectable(0.3, alpha=0.05 / 6) / 0.3, nobs=1, alpha=0.05 / 6) == pytest.approx(0.8, abs=1e-4)


def test_a_run_that_learned_nothing_is_degenerate() -> None:
    seen = Observation("m", "none", "xnli", "de", 1, 34.0, chance=33.3, english_dev=36.0)
    assert seen.degenerate
    assert not Observation("m", "none", "xnli", "de", 1, 34.0, chance=33.3, english_dev=60.0).degenerate
    assert not Observation("m", "none", "xnli", "de", 1, 34.0, english_dev=1.0).degenerate
