"""Scaling laws: what is recovered, what is chosen, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.planted_effects import CURVES, HELD_OUT, band_results, made_curve
from harness.analysis.effects.cluster import Sample
from harness.analysis.effects.fitting import fit, refit
from harness.analysis.effects.scaling import Curve, aicc, on_logits, scaling
from harness.analysis.effects.scaling_forms import logarithmic, power
from harness.analysis.effects.scaling_surface import surface_fits

AMOUNTS = 1000.0 * 4.0 ** np.arange(6)


def curve(values: np.ndarray, falling: bool = False, delta: float = 1.0, noise: float = 0.0) -> Curve:
    generator = np.random.default_rng(0)
    rows = values + noise * generator.normal(size=(12, len(values)))
    places = [(f"l{index // 3}", index % 3) for index in range(12)]
    names, seeds = [name for name, _ in places], [seed for _, seed in places]
    drawn = Sample(rows, ["m"] * 12, ["t"] * 12, names, seeds)
    return Curve(AMOUNTS[: len(values)], drawn, falling, delta)


@pytest.mark.parametrize("name", CURVES)
def test_a_law_is_recovered_chosen_and_extrapolated(name: str) -> None:
    found = scaling(made_curve(name, np.random.default_rng(1), 8, 5, 0.5, 0.2))
    assert found.best is not None and found.best.form.name == name
    truth = float(CURVES[name](np.array([HELD_OUT]))[0])
    assert float(found.best.predict(np.array([HELD_OUT]))[0]) == pytest.approx(truth, abs=0.5)
    assert found.warnings == ()


def test_the_parameters_of_the_log_law_and_of_the_loss() -> None:
    scores = scaling(curve(np.log(3 * AMOUNTS**0.5) ** 2.0, noise=0.01))
    assert scores.best is not None
    assert scores.best.parameters == pytest.approx({"log A": np.log(3), "alpha": 0.5, "beta": 2.0}, rel=0.1)
    losses = scaling(curve(0.4 + 30 / AMOUNTS**0.6, falling=True, delta=0.1, noise=0.001))
    assert losses.best is not None and losses.best.form.name == "loss law"
    assert losses.best.parameters == pytest.approx({"E": 0.4, "A": 30, "alpha": 0.6}, rel=0.1)


def test_few_amounts_are_said_and_fitted_by_a_line_only() -> None:
    four = scaling(curve(50 + 3 * np.log1p(AMOUNTS[:4] / 1000), noise=0.1))
    assert [each.form.name for each in four.fits] == ["logarithmic"]
    assert "needs 5" in four.warnings[0]
    two = scaling(curve(np.array([1.0, 2.0]), noise=0.1))
    assert two.best is None and "none is fitted" in two.warnings[0]


def test_the_fit_is_that_of_scipy() -> None:
    from scipy.optimize import curve_fit

    values = 70 - 30 * (AMOUNTS / 1000 + 1) ** -0.6 + 0.2 * np.random.default_rng(2).normal(size=6)
    form = power()
    best = fit(lambda free: form.predict(free, AMOUNTS), values, form.ranges(AMOUNTS, values))[0]
    theirs, _ = curve_fit(lambda n, *free: form.predict(np.array(free), n), AMOUNTS, values, p0=best.parameters)
    assert form.predict(best.parameters, AMOUNTS) == pytest.approx(form.predict(theirs, AMOUNTS), abs=1e-3)


def test_one_wild_value_counts_by_its_size_only() -> None:
    from scipy.optimize import least_squares

    values = 50 + 3 * np.log1p(AMOUNTS / 1000)
    values[2] += 30
    form = logarithmic()
    free, cost = refit(lambda each: form.predict(each, AMOUNTS), values[None], np.array([[40.0, 1.0]]), rounds=200)
    theirs = least_squares(
        lambda each: form.predict(each, AMOUNTS) - values, [40.0, 1.0], loss="huber", ftol=1e-12, xtol=1e-12
    )
    assert free[0] == pytest.approx(theirs.x, abs=0.02)
    assert cost[0] == pytest.approx(theirs.cost, rel=1e-4)


def test_aicc_is_that_of_statsmodels_up_to_a_constant() -> None:
    from statsmodels.tools import eval_measures

    def theirs(squares: float, parameters: int) -> float:
        likelihood = -15 * (np.log(2 * np.pi * squares / 30) + 1)
        return float(eval_measures.aicc(likelihood, 30, parameters))

    mine = [aicc(squares, 30, parameters) for squares, parameters in ((4.0, 3), (3.5, 5))]
    assert mine[0] is not None and mine[1] is not None
    assert mine[0] - mine[1] == pytest.approx(theirs(4.0, 3) - theirs(3.5, 5))
    assert aicc(1.0, 5, 4) is None


def test_a_band_holds_the_truth() -> None:
    found = band_results("logarithmic", 0.5, 0.2, 20)
    assert found["largest error"] < 0.8
    assert found["covered"] >= 80


def test_a_law_of_data_and_size() -> None:
    sizes = {"small": 3e7, "base": 1e8, "large": 3e8, "xl": 3e9}
    rising = {
        model: curve(40 + 2 * np.log1p(AMOUNTS / 1000) + 1.5 * np.log(size / 1e8), noise=0.05)
        for model, size in sizes.items()
    }
    best, other = surface_fits(rising, sizes)
    assert best.name == "logarithmic" and other.name == "power"
    assert best.parameters["b"] == pytest.approx(2.0, abs=0.3) and best.parameters["c"] == pytest.approx(1.5, abs=0.1)
    assert best.left_out_data is not None and best.left_out_data < 0.3
    assert best.left_out_size is not None and best.left_out_size < 0.5
    level = {
        model: curve(70 - 20 * (AMOUNTS / 1000 + 1) ** -0.7 - 5 * (size / 1e8) ** -0.5, noise=0.05)
        for model, size in sizes.items()
    }
    assert surface_fits(level, sizes)[0].name == "power"
    assert surface_fits(level, {"small": 3e7, "base": 1e8}) == []


def test_scores_on_logits() -> None:
    found = on_logits(curve(np.linspace(60.0, 80.0, 6)))
    assert found is not None and np.all(np.diff(found.mean) > 0)
    assert on_logits(curve(np.linspace(80.0, 100.0, 6))) is None
