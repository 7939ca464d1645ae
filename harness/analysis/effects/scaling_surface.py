"""Scaling laws in the amount of data and the size of the model together, over several models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analysis.effects.fitting import fit
from harness.analysis.effects.scaling import ENOUGH, Curve, aicc, positive_amounts
from harness.analysis.effects.scaling_forms import SCALE
from harness.core.arrays import FloatArray

FEW_SIZES = 3
"""Sizes of models from which the logarithmic law is fitted; one that levels off needs one more."""

Predict = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class SurfaceFit:
    """A law of data n and size N: its parameters, AICc on the cells, and errors when a largest value is left out.

    ``left_out_data`` is the mean absolute error at the largest amount, ``left_out_size`` that of the largest model; None
    where too little is left to fit the law.
    """

    name: str
    law: str
    parameters: Mapping[str, float]
    aicc: float | None
    left_out_data: float | None
    left_out_size: float | None


@dataclass(frozen=True)
class _Cells:
    """Cells of all models: amounts, parameters and numbers, of shape (cells,) each."""

    data: FloatArray
    size: FloatArray
    values: FloatArray

    def where(self, chosen: NDArray[np.bool_]) -> _Cells:
        return _Cells(self.data[chosen], self.size[chosen], self.values[chosen])


def surface_fits(curves: Mapping[str, Curve], sizes: Mapping[str, float]) -> list[SurfaceFit]:
    """Laws fitted to the curves of all models of known size, on the same cells, the least AICc first.

    ``sizes`` are the models' parameters. [] with fewer than three sizes or three amounts above zero.
    """
    cells = _cells(curves, sizes)
    if cells is None:
        return []
    found = [
        _fitted(cells, "logarithmic", "a + b ln(1 + n/1000) + c ln N + d ln(1 + n/1000) ln N", _logarithmic, "abcd")
    ]
    if len(np.unique(cells.size)) > FEW_SIZES and len(np.unique(cells.data)) >= ENOUGH:
        found.append(_fitted(cells, "power", "S - B (n + n1)^-p - C N^-q", _power, ("S", "B", "n1", "p", "C", "q")))
    return sorted(found, key=lambda each: float("inf") if each.aicc is None else each.aicc)


def _cells(curves: Mapping[str, Curve], sizes: Mapping[str, float]) -> _Cells | None:
    data, size, values = [], [], []
    for model, parameters in sizes.items():
        if model in curves:
            curve = positive_amounts(curves[model])
            cells = curve.cells
            data.append(np.tile(curve.amounts, len(cells)))
            size.append(np.full(cells.size, parameters))
            values.append(cells.ravel())
    if not values:
        return None
    cells_ = _Cells(np.concatenate(data), np.concatenate(size), np.concatenate(values))
    few = len(np.unique(cells_.size)) < FEW_SIZES or len(np.unique(cells_.data)) < FEW_SIZES
    return None if few else cells_


def _logarithmic(free: FloatArray, data: FloatArray, size: FloatArray) -> FloatArray:
    n, big = np.log1p(data / SCALE), np.log(size / 1e8)
    a, b, c, d = (free[..., index : index + 1] for index in range(4))
    return np.asarray(a + b * n + c * big + d * n * big)


def _power(free: FloatArray, data: FloatArray, size: FloatArray) -> FloatArray:
    level, fall, start, p, cost, q = (np.clip(free[..., index : index + 1], -200, 200) for index in range(6))
    by_data = fall - np.exp(np.clip(p, -6, 4)) * np.log((data + np.exp(np.clip(start, -5, 20))) / SCALE)
    by_size = cost - np.exp(np.clip(q, -6, 3)) * np.log(size / 1e8)
    return np.asarray(level - np.exp(np.clip(by_data, -60, 40)) - np.exp(np.clip(by_size, -60, 40)))


def _ranges(cells: _Cells, parameters: int) -> list[tuple[float, float]]:
    width = max(float(np.ptp(cells.values)), 1e-3)
    end = float(cells.values.max())
    if parameters == 4:
        return [(end - 2 * width, end), (-width, width), (-width, width), (-width, width)]
    log = float(np.log(width))
    return [
        (end, end + width),
        (log - 2, log + 2),
        (0.0, float(np.log(cells.data.max()))),
        (-3.0, 0.7),
        (log - 3, log + 1),
        (-3, 0),
    ]


def _named(names: Sequence[str], free: FloatArray) -> dict[str, float]:
    """The parameters of the law as it is written, with ln N of N itself."""
    values = [float(value) for value in free]
    if len(values) == 4:
        a, b, c, d = values
        shift = float(np.log(1e8))
        values = [a - c * shift, b - d * shift, c, d]
    else:
        level, fall, start, p, cost, q = values
        steep, slow = float(np.exp(p)), float(np.exp(q))
        values = [
            level,
            float(np.exp(fall + steep * np.log(SCALE))),
            float(np.exp(start)),
            steep,
            float(np.exp(cost + slow * np.log(1e8))),
            slow,
        ]
    return dict(zip(names, values, strict=True))


def _fitted(cells: _Cells, name: str, law: str, predict: Predict, names: Sequence[str]) -> SurfaceFit:
    count = len(names)
    free = _best(cells, predict, count)
    residuals = cells.values - predict(free, cells.data, cells.size)
    largest_data, largest_size = cells.data == cells.data.max(), cells.size == cells.size.max()
    return SurfaceFit(
        name,
        law,
        _named(names, free),
        aicc(float((residuals**2).sum()), len(cells.values), count + 1),
        _left_out(cells, largest_data, predict, count),
        _left_out(cells, largest_size, predict, count),
    )


def _best(cells: _Cells, predict: Predict, parameters: int) -> FloatArray:
    return fit(lambda free: predict(free, cells.data, cells.size), cells.values, _ranges(cells, parameters))[
        0
    ].parameters


def _left_out(cells: _Cells, largest: NDArray[np.bool_], predict: Predict, parameters: int) -> float | None:
    rest = cells.where(~largest)
    kinds = len(np.unique(rest.size)), len(np.unique(rest.data))
    if min(kinds) < (2 if parameters == 4 else 3):
        return None
    free = _best(rest, predict, parameters)
    held = cells.where(largest)
    places: dict[tuple[float, float], list[float]] = {}
    for n, size, value in zip(held.data.tolist(), held.size.tolist(), held.values.tolist(), strict=True):
        places.setdefault((n, size), []).append(value)
    errors = [
        abs(float(predict(free, np.array([n]), np.array([size]))[0]) - float(np.mean(values)))
        for (n, size), values in places.items()
    ]
    return float(np.mean(errors))
