"""Mixed models, regressions and tests of a study, against published examples, scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis.effects.gains import Values, by_place, gains
from harness.analysis.effects.label_permutation import permutation_p
from harness.analysis.effects.mixed_model import mixed_effect
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.regression import regression, regression_effect
from harness.analysis.effects.seed_spread import seed_scores, spread_effect
from harness.analysis.effects.trend import kendall, misalignments
from harness.analysis.effects.worst_languages import quantile_effect, worst_effect, worst_served
from harness.core.errors import UsageError

DYESTUFF = (
    "1545 1440 1440 1520 1580 1540 1555 1490 1560 1495 1595 1550 1605 1510 1560 "
    "1445 1440 1595 1465 1545 1595 1630 1515 1635 1625 1520 1455 1450 1480 1445"
)
"""Yields of six batches, five a batch (Davies and Goldsmith 1972); fitted in Bates et al. 2015, lme4."""

DYESTUFF2 = (
    "7.298 3.846 2.434 9.566 7.990 5.220 6.556 0.608 11.788 -0.892 0.110 10.386 13.434 5.510 8.166 "
    "2.212 4.852 7.092 9.288 4.980 0.282 9.014 4.458 9.446 7.198 1.722 4.782 8.106 0.758 3.758"
)
"""The same design with no variance between batches (Box and Tiao 1973)."""


def fitted(table: str):  # type: ignore[no-untyped-def]
    values = [float(number) for number in table.split()]
    columns = {"y": values, "language": [index // 5 for index in range(30)]}
    return mixed_effect(columns, "y ~ 1", "Intercept", "mean", random=("language",))


def test_the_mixed_model_of_a_published_example() -> None:
    found = fitted(DYESTUFF).effect
    assert found.estimate == pytest.approx(1527.5)
    assert (found.high - found.low) / (2 * 1.959964) == pytest.approx(19.38, abs=0.02)


def test_a_variance_at_zero_is_said() -> None:
    found = fitted(DYESTUFF2)
    assert found.effect.estimate == pytest.approx(5.6656, abs=1e-4)
    assert any("estimated at 0: the bootstrap decides" in note for note in found.notes)


def test_one_language_and_one_seed_are_nothing_to_fit_a_mixed_model_to() -> None:
    columns = {"gain": [1.0, 2.0], "task": ["a", "b"], "language": ["de", "de"], "seed": [1, 1]}
    found = mixed_effect(columns, "gain ~ 1 + C(task, Sum)", "Intercept", "mean")
    assert found.effect is None
    assert found.notes == (
        "one language and one seed: there is nothing to fit a mixed model to: the bootstrap decides",
    )


def test_a_regression_is_that_of_statsmodels_and_its_error_the_jackknife() -> None:
    import pandas
    from statsmodels.formula.api import ols

    generator = np.random.default_rng(1)
    languages = [f"l{index % 9}" for index in range(36)]
    frame = pandas.DataFrame({"x": generator.normal(size=36), "task": ["a", "b"] * 18, "language": languages})
    frame["y"] = 2 * frame.x + generator.normal(size=36)
    found = regression(frame.y.to_numpy(), frame.x.to_numpy(), languages, [list(frame.task)])
    assert found is not None
    assert found.estimate == pytest.approx(ols("y ~ x + C(task)", frame).fit().params["x"])
    without = [
        ols("y ~ x + C(task)", frame[frame.language != name]).fit().params["x"] for name in sorted(set(languages))
    ]
    assert found.error == pytest.approx(np.sqrt(8 / 9 * ((without - np.mean(without)) ** 2).sum()))
    said = regression_effect(found, "slope", "H4", "points", {"languages": 9})
    assert said.low < 2 < said.high and "without one language" in said.notes[0]
    assert regression(frame.y.to_numpy(), np.ones(36), languages, [list(frame.task)]) is None


def runs(models: dict[str, float], seeds: int, seed: int = 0) -> list[Observation]:
    """An arm whose deviation over seeds is that of its model."""
    generator = np.random.default_rng(seed)
    return [
        Observation(model, "arm", task, code, number, 60 + float(shift))
        for model, deviation in models.items()
        for task in ("a", "b")
        for number in range(seeds)
        for shift in [deviation * generator.normal()]
        for code in ("de", "sw")
    ]


def test_the_spread_over_seeds() -> None:
    from scipy.stats import levene

    sizes = {"small": 8.0, "middle": 9.0, "large": 10.0}
    alike = runs(dict.fromkeys(sizes, 1.0), 5)
    found = spread_effect(seed_scores(alike, "arm"), sizes, "spread", "H2")
    assert found is not None and found.p is not None and found.p > 0.05
    scores = seed_scores(alike, "arm")
    groups = [[(scores[m]["a"][s] + scores[m]["b"][s]) / 2 for s in range(5)] for m in sizes]
    assert f"p = {levene(*groups, center='median').pvalue:.3f}" in found.notes[0]
    falling = spread_effect(
        seed_scores(runs({"small": 3.0, "middle": 1.0, "large": 0.3}, 5), "arm"), sizes, "spread", "H2"
    )
    assert falling is not None and falling.p is not None and falling.p < 0.01
    assert falling.low < -68 < falling.high < 0  # a third for ten times the size
    assert spread_effect(seed_scores(runs({"small": 1.0}, 5), "arm"), sizes, "spread", "H2") is None
    assert spread_effect(seed_scores(runs(dict.fromkeys(sizes, 1.0), 1), "arm"), sizes, "spread", "H2") is None


def gained(seed: int, left_behind: float = 0.0) -> list[Observation]:
    """Two arms in twelve languages, the two worst of which gain less."""
    generator = np.random.default_rng(seed)
    found = []
    for index in range(12):
        gain = 3 + generator.normal() - left_behind * (index < 2)
        for arm, score in (("none", 40 + 3 * index), ("arm", 40 + 3 * index + gain)):
            found.append(Observation("m", arm, "t", f"l{index}", 1, float(score)))
    return found


def test_the_worst_served_languages_against_the_others_is_students_test() -> None:
    from scipy.stats import ttest_ind

    observations = gained(2)
    values = gains(by_place(observations), "arm", "none")
    served = worst_served(observations, values, "arm", "none")
    assert served is not None and served.worst["t"] == {"l0", "l1"}
    found = worst_effect(served, "worst", "H3", {})
    own = [values.numbers["m", "t", f"l{index}", 1] for index in range(12)]
    theirs = ttest_ind(own[:2], own[2:])
    assert found is not None and found.p == pytest.approx(theirs.pvalue)
    assert found.estimate == pytest.approx(np.mean(own[:2]) - np.mean(own))


def test_the_lowest_tenth_by_quantile_regression() -> None:
    found = quantile_effect(gained(4), "arm", "none", "lowest tenth")
    assert found is not None and found.low <= 3 <= found.high
    assert quantile_effect([], "arm", "none", "lowest tenth") is None


def test_permuting_labels_within_one_script_is_scipys_permutation_test() -> None:
    from scipy.stats import permutation_test

    slopes = {"de": -1.0, "es": 0.2, "fr": 0.4, "sw": -2.0, "yo": -1.5, "vi": 0.3, "id": -0.2, "fi": 0.1}
    group = {code: "low" if code in ("sw", "yo") else "high" for code in slopes}
    p, exact = permutation_p({"t": slopes}, group)
    low, high = ([slope for code, slope in slopes.items() if group[code] == kind] for kind in ("low", "high"))
    theirs = permutation_test((low, high), lambda x, y: abs(np.mean(x) - np.mean(y)), alternative="greater")
    assert exact and p == pytest.approx(theirs.pvalue)


def test_labels_are_not_permuted_across_scripts() -> None:
    slopes = {"ar": -3.0, "fa": -2.5, "de": 0.0, "es": 0.1}
    assert permutation_p({"t": slopes}, {"ar": "low", "fa": "low", "de": "high", "es": "high"}) == (None, False)


def test_kendalls_tau_of_a_worked_example() -> None:
    tau, p = kendall([1, 2, 3, 4, 5], [3, 1, 4, 2, 5])
    assert tau == pytest.approx(0.4)
    assert p == pytest.approx(0.4833, abs=1e-4)  # 58 of the 120 orders have |tau| >= 0.4


def test_loss_and_scores_that_part_ways() -> None:
    generator = np.random.default_rng(0)

    def seen(loss: float, score: float, arm: str) -> list[Observation]:
        return [
            Observation(
                "m", arm, "t", "de", seed, score + 0.05 * generator.normal(), dev_loss=loss + 0.001 * generator.normal()
            )
            for seed in range(4)
        ]

    amounts = {"small": 1000.0, "large": 4000.0}
    assert list(misalignments([*seen(0.9, 60.0, "small"), *seen(0.8, 61.0, "large")], amounts)) == []
    (said,) = misalignments([*seen(0.9, 60.0, "small"), *seen(0.8, 58.0, "large")], amounts)
    assert "from 1,000 to 4,000 examples" in said and "falls" in said


def test_two_observations_of_one_run_are_refused() -> None:
    twice = [Observation("m", "none", "xnli", "de", 1, 50.0)] * 2
    with pytest.raises(UsageError, match=r"two observations of m, arm none, xnli\[de\], seed 1"):
        by_place(twice)


def test_gains_need_both_arms() -> None:
    seen = [
        Observation("m", "none", "t", "de", 1, 50.0),
        Observation("m", "arm", "t", "de", 1, 52.0),
        Observation("m", "arm", "t", "sw", 1, 52.0),
    ]
    assert gains(by_place(seen), "arm", "none") == Values({("m", "t", "de", 1): 2.0}, unpaired=1)
