"""How a cost grows with the size of the work: cost = fixed + slope * size^exponent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
LEAST, MOST = 0.05, 4.0
EXPONENTS = np.linspace(LEAST, MOST, 791)  # steps of 0.005


@dataclass(frozen=True)
class Growth:
    """The best curve through measured costs, and the exponents between which the true one lies (95%).

    An interval that reaches from ``LEAST`` to ``MOST`` says that the sizes do not determine the exponent; one from
    ``LEAST`` on, that they do not tell what is fixed from what grows.
    """

    fixed: float
    slope: float
    exponent: float
    low: float
    high: float

    def at(self, size: float) -> float:
        """The cost at a size."""
        return float(self.fixed + self.slope * size**self.exponent)

    @property
    def determined(self) -> bool:
        """Whether the measurements say anything about the exponent."""
        return self.low > LEAST or self.high < MOST


def fit_growth(sizes: Sequence[float], costs: Sequence[float]) -> Growth:
    """Least squares of the relative errors, a process a point: noise of timings grows with the time.

    For a given exponent the curve is linear in ``fixed`` and ``slope``, which are solved for exactly, neither below 0;
    the exponent is searched on a grid (variable projection, Golub and Pereyra 1973). Its interval holds all exponents
    whose sum of squares is not worse than the least one by more than the F distribution allows (profile likelihood,
    Bates and Watts 1988, section 6.1). The smallest work must be nearly nothing, so that what is fixed is measured.
    """
    from scipy.optimize import nnls
    from scipy.stats import f

    x, y = np.asarray(sizes, np.float64), np.asarray(costs, np.float64)
    if len(np.unique(x)) < 2 or (x <= 0).any() or (y <= 0).any():
        raise ValueError("two different sizes expected, sizes and costs above 0")
    scaled = x / x.max()
    solved = [nnls(np.stack([1 / y, scaled**exponent / y], axis=1), np.ones(len(y))) for exponent in EXPONENTS]
    squares = np.array([residual**2 for _, residual in solved])
    best = int(squares.argmin())
    (fixed, rise), exponent = solved[best][0], float(EXPONENTS[best])
    free = len(y) - 3
    low, high = LEAST, MOST
    if free > 0:
        allowed = squares[best] * (1 + f.ppf(0.95, 1, free) / free) + 1e-18
        inside = EXPONENTS[squares <= allowed]
        low, high = float(inside[0]), float(inside[-1])
    return Growth(float(fixed), float(rise / x.max() ** exponent), exponent, low, high)
