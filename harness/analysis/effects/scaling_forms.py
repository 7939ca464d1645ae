"""Forms of scaling laws: a number as a function of the amount of data, and of the size of the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.core.arrays import FloatArray

SCALE = 1000.0
"""Examples n0 at which the logarithmic form turns from flat to steep."""

Predict = Callable[[FloatArray, FloatArray], FloatArray]
Ranges = Callable[[FloatArray, FloatArray], list[tuple[float, float]]]


@dataclass(frozen=True)
class Form:
    """A law f(n).

    ``predict`` takes its free parameters, shape (..., k), and the amounts n, shape (sizes,), and gives (..., sizes). The
    free parameters are unbounded: those that must be positive are logarithms. ``ranges`` are where random starts are
    drawn, from amounts and values; ``named`` are the parameters by their names in the law. ``lowest`` is the smallest
    amount that it is used at; a law of positive values has ``positive`` set.
    """

    name: str
    law: str
    parameters: int
    predict: Predict
    ranges: Ranges
    named: Callable[[FloatArray], dict[str, float]]
    positive: bool = False


def logarithmic() -> Form:
    """s = a + b ln(1 + n / n0), with n0 = 1,000 examples."""

    def predict(free: FloatArray, n: FloatArray) -> FloatArray:
        return np.asarray(free[..., :1] + free[..., 1:2] * np.log1p(n / SCALE))

    def ranges(n: FloatArray, values: FloatArray) -> list[tuple[float, float]]:
        width = max(float(np.ptp(values)), 1e-3)
        return [(float(values.min()) - width, float(values.max())), (-width, width)]

    return Form(
        "logarithmic",
        "a + b ln(1 + n/1000)",
        2,
        predict,
        ranges,
        lambda free: {"a": float(free[0]), "b": float(free[1])},
    )


def power(rising: bool = True) -> Form:
    """s = S - B (n + n1)^-p, a score that levels off at S; B, n1 and p are positive.

    Falling: E + B (n + n1)^-p.
    """
    sign = -1.0 if rising else 1.0

    def predict(free: FloatArray, n: FloatArray) -> FloatArray:
        fall = free[..., 1:2] - np.exp(_bounded(free[..., 3:4], -6, 4)) * np.log(
            (n + np.exp(_bounded(free[..., 2:3], -5, 20))) / SCALE
        )
        return np.asarray(free[..., :1] + sign * np.exp(_bounded(fall, -60, 40)))

    def ranges(n: FloatArray, values: FloatArray) -> list[tuple[float, float]]:
        width = max(float(np.ptp(values)), 1e-3)
        end = values.max() if rising else values.min()
        low, high = sorted((float(end), float(end) - sign * width))
        return [(low, high), (np.log(width) - 2, np.log(width) + 2), (0.0, float(np.log(n.max()))), (-3.0, 0.7)]

    def named(free: FloatArray) -> dict[str, float]:
        p = float(np.exp(free[3]))
        level = "S" if rising else "E"
        return {
            level: float(free[0]),
            "B": float(np.exp(free[1] + p * np.log(SCALE))),
            "n1": float(np.exp(free[2])),
            "p": p,
        }

    law = "S - B (n + n1)^-p" if rising else "E + B (n + n1)^-p"
    return Form("power", law, 4, predict, ranges, named)


def log_law(lowest: float) -> Form:
    """f = (log(A n^alpha))^beta, of a score (Isik et al. 2025, section 3); alpha, beta and log(A n^alpha) are positive.

    The logarithm is positive from ``lowest`` on: its value there is a free parameter.
    """
    start = float(np.log(lowest))

    def predict(free: FloatArray, n: FloatArray) -> FloatArray:
        at_start, alpha, beta = (np.exp(_bounded(free[..., i : i + 1], -12, 12)) for i in range(3))
        inside = at_start + alpha * (np.log(n) - start)
        return np.asarray(np.exp(_bounded(beta * np.log(np.maximum(inside, 1e-12)), -60, 40)))

    def ranges(n: FloatArray, values: FloatArray) -> list[tuple[float, float]]:
        return [(-1.0, 4.0), (-4.0, 2.0), (-1.5, 1.5)]

    def named(free: FloatArray) -> dict[str, float]:
        at_start, alpha, beta = (float(np.exp(value)) for value in free)
        return {"log A": at_start - alpha * start, "alpha": alpha, "beta": beta}

    return Form("log law", "(log(A n^alpha))^beta", 3, predict, ranges, named, positive=True)


def loss_law(lowest: float) -> Form:
    """L = E + A / n^alpha, of a cross-entropy (Isik et al. 2025, section 3); all three are positive."""
    start = float(np.log(lowest))

    def predict(free: FloatArray, n: FloatArray) -> FloatArray:
        floor, above, alpha = (np.exp(_bounded(free[..., i : i + 1], -20, 12)) for i in range(3))
        return np.asarray(floor + above * np.exp(_bounded(-alpha * (np.log(n) - start), -60, 40)))

    def ranges(n: FloatArray, values: FloatArray) -> list[tuple[float, float]]:
        end, width = max(float(values.min()), 1e-3), max(float(np.ptp(values)), 1e-3)
        return [(np.log(end) - 3, np.log(end)), (np.log(width) - 1, np.log(width) + 1), (-4.0, 1.0)]

    def named(free: FloatArray) -> dict[str, float]:
        floor, above, alpha = (float(np.exp(value)) for value in free)
        return {"E": floor, "A": float(np.exp(np.log(above) + alpha * start)), "alpha": alpha}

    return Form("loss law", "E + A / n^alpha", 3, predict, ranges, named, positive=True)


def _bounded(values: FloatArray, low: float, high: float) -> FloatArray:
    """Values within bounds that no sensible fit meets, so that a wild step gives a number."""
    return np.clip(values, low, high)
