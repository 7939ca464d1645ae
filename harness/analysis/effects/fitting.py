"""Least squares with Huber's loss, of many data sets or from many starts at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness.core.arrays import FloatArray

STARTS = 64
KEPT = 3
_SEED = 20240209
_STEP = 1e-5
_FINISH = 25


@dataclass(frozen=True)
class Optimum:
    """Parameters, shape (k,), and the cost there."""

    parameters: FloatArray
    cost: float


def fit(
    predict: Callable[[FloatArray], FloatArray],
    values: FloatArray,
    ranges: list[tuple[float, float]],
    delta: float = 1.0,
    starts: int = STARTS,
) -> list[Optimum]:
    """The three best distinct optima of ``predict`` (..., k) -> (..., n) to values (n,), the best first.

    Random starts are drawn from ``ranges`` and brought to an optimum together; the best is finished by scipy's
    ``least_squares`` with Huber's loss (Huber 1964), which is quadratic up to ``delta`` and linear beyond.
    """
    from scipy.optimize import least_squares

    generator = np.random.default_rng(_SEED)
    low, high = np.array(ranges).T
    begin = low + (high - low) * generator.random((starts, len(ranges)))
    near, costs = refit(predict, np.broadcast_to(values, (starts, len(values))), begin, delta, rounds=40)
    found: list[Optimum] = []
    for index in np.argsort(costs):
        if len(found) == KEPT or not np.isfinite(costs[index]):
            break
        if not any(abs(costs[index] - known.cost) < 1e-3 * max(known.cost, 1e-6) for known in found):
            found.append(Optimum(near[index], float(costs[index])))
    if found:
        first = found[0]
        done = least_squares(
            lambda free: predict(free) - values, first.parameters, loss="huber", f_scale=delta, max_nfev=_FINISH
        )
        cost = float(_cost(predict(done.x) - values, delta))
        if cost < first.cost:
            found[0] = Optimum(np.asarray(done.x), cost)
    return found


def refit(
    predict: Callable[[FloatArray], FloatArray],
    values: FloatArray,
    begin: FloatArray,
    delta: float = 1.0,
    rounds: int = 25,
) -> tuple[FloatArray, FloatArray]:
    """Parameters (sets, k) and costs (sets,) of the data sets ``values`` (sets, n), from the starts ``begin`` (sets, k).

    Levenberg and Marquardt's method, all sets at once, with the weights of Huber's loss renewed in every round.
    """
    free = np.array(begin, dtype=np.float64)
    damping = np.full(len(free), 1e-2)
    apart = predict(free) - values
    cost = _cost(apart, delta)
    for _ in range(rounds):
        slopes = np.stack(
            [(predict(free + step) - predict(free - step)) / (2 * _STEP) for step in np.eye(free.shape[1]) * _STEP],
            axis=2,
        )
        weights = np.minimum(1.0, delta / np.maximum(np.abs(apart), 1e-300))
        weighted = slopes * weights[:, :, None]
        normal = np.einsum("snk,snj->skj", weighted, slopes)
        downhill = np.einsum("snk,sn->sk", weighted, apart)
        size = np.einsum("skk->sk", normal)
        ridge = damping[:, None] * size + 1e-9 * (size.max(axis=1, keepdims=True) + 1e-12)
        normal = normal + ridge[:, :, None] * np.eye(free.shape[1])
        step = -np.linalg.solve(normal, downhill[:, :, None])[:, :, 0]
        tried = free + np.clip(step, -3.0, 3.0)
        new = predict(tried) - values
        new_cost = _cost(new, delta)
        better = new_cost < cost
        free, apart = np.where(better[:, None], tried, free), np.where(better[:, None], new, apart)
        settled = bool((np.abs(np.where(better, cost - new_cost, 0.0)) < 1e-9 * (cost + 1e-12)).all())
        cost = np.where(better, new_cost, cost)
        damping = np.clip(np.where(better, damping / 4, damping * 6), 1e-9, 1e9)
        if settled and bool((damping > 1e3).all() or better.all()):
            break
    return free, cost


def _cost(apart: FloatArray, delta: float) -> FloatArray:
    """Huber's loss of residuals, summed over the last axis."""
    size = np.abs(apart)
    return np.asarray(np.where(size <= delta, size**2, 2 * delta * size - delta**2).sum(axis=-1) / 2)
