"""Power: the smallest effect that a design can find, and the margin within which it can show equivalence."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

POWER = 0.8
ALPHA = 0.05


def unit_detectable(changed: float, n: int) -> float:
    """The smallest difference in points that ``n`` paired items of one unit find with 80% power, two-sided at 5%.

    ``changed`` is the share of items whose outcome differs between the two systems. A difference of paired proportions
    has the standard error sqrt(changed / n) where it is small, as in McNemar's test (Connor 1987, Biometrics 43).
    """
    return 100 * _reach(ALPHA) * sqrt(changed / n)


def macro_error(language_deviation: float, seed_deviation: float, languages: int, seeds: int) -> float:
    """Standard error of a macro gain: SE^2 = tau^2 / L + 2 u^2 / S.

    ``language_deviation`` (tau) is the standard deviation of gains over languages, ``seed_deviation`` (u) that of scores
    over seeds, which counts twice because a gain is a difference of two runs.
    """
    return sqrt(language_deviation**2 / languages + 2 * seed_deviation**2 / seeds)


def detectable(error: float, alpha: float = ALPHA) -> float:
    """The smallest effect found with 80% power by a two-sided test at ``alpha``, from its standard error."""
    return _reach(alpha) * error


def equivalence_reach(error: float) -> float:
    """The smallest margin within which TOST at 5% shows a true zero to be equivalent, with 80% power.

    Both one-sided tests must pass, hence the 90% quantile for the power (Schuirmann 1987; Julious 2004, section 4).
    """
    normal = NormalDist()
    return error * (normal.inv_cdf(1 - ALPHA) + normal.inv_cdf((1 + POWER) / 2))


def equivalence_error(margin: float) -> float:
    """The greatest standard error at which TOST at 5% can show equivalence within ``margin`` with 80% power."""
    return margin / equivalence_reach(1.0)


def _reach(alpha: float) -> float:
    """Number of standard errors between zero and an effect that a two-sided test finds with 80% power: 2.80 at 5%."""
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)
