"""Scaling laws of downstream scores and losses: fitted, compared, extrapolated, with bands over languages and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.effects.cluster import Sample, spread
from harness.analysis.effects.fitting import Optimum, fit, refit
from harness.analysis.effects.resample import drawn_deviations
from harness.analysis.effects.scaling_forms import Form, log_law, logarithmic, loss_law, power
from harness.core.arrays import FloatArray
from harness.core.counted import counted

ENOUGH = 5
"""Sizes from which a law of three parameters or more is fitted."""

DRAWS = 2_000
_CLOSE = 2.0
"""Difference of AICc under which two laws are about as good (Burnham and Anderson 2002, section 2.6)."""


@dataclass(frozen=True)
class Curve:
    """A number at several amounts of data: ``amounts`` (sizes,), rising, and the runs' numbers at each.

    ``sample`` has the values (rows, sizes) of the places that have them all. ``falling`` is set for a loss. ``delta`` is
    the residual up to which Huber's loss is quadratic, 1 point of a score.
    """

    amounts: FloatArray
    sample: Sample
    falling: bool = False
    delta: float = 1.0

    @property
    def mean(self) -> FloatArray:
        """The mean at each amount, shape (sizes,)."""
        return spread(self.sample).estimate

    @property
    def cells(self) -> FloatArray:
        """The mean over tasks and languages of each run's seed at each amount, shape (seeds, sizes)."""
        seeds = sorted(set(zip(self.sample.model, self.sample.seed, strict=True)))
        keys = list(zip(self.sample.model, self.sample.seed, strict=True))
        return np.array([spread(_rows(self.sample, [key == seed for key in keys])).estimate for seed in seeds])

    def until(self, count: int) -> Curve:
        """The curve of the first ``count`` amounts."""
        values = self.sample.values[:, :count]
        return replace(self, amounts=self.amounts[:count], sample=replace(self.sample, values=values))


@dataclass(frozen=True)
class Fit:
    """A law fitted to a curve.

    ``optima`` are the three best from the random starts. ``aicc`` is the small-sample information criterion on the cells
    (sizes x seeds), None with too few of them; ``left_out`` the error of predicting the largest amount from the others.
    """

    form: Form
    optima: tuple[Optimum, ...]
    aicc: float | None
    left_out: float | None

    @property
    def parameters(self) -> dict[str, float]:
        """The best parameters by their names in the law."""
        return self.form.named(self.optima[0].parameters)

    def predict(self, amounts: FloatArray) -> FloatArray:
        """The fitted numbers, shape (amounts,)."""
        return self.form.predict(self.optima[0].parameters, np.asarray(amounts, dtype=np.float64))


@dataclass(frozen=True)
class Scaling:
    """The laws fitted to one curve, the best first, and what to beware of."""

    curve: Curve
    fits: tuple[Fit, ...]
    warnings: tuple[str, ...]

    @property
    def best(self) -> Fit | None:
        """The law with the least AICc; of those within 2 of it the one that predicts the largest amount best."""
        return self.fits[0] if self.fits else None


def forms_for(curve: Curve) -> tuple[Form, ...]:
    """The laws that a curve has enough sizes for."""
    lowest = float(curve.amounts.min())
    if len(curve.amounts) < ENOUGH:
        return (logarithmic(),) if len(curve.amounts) > 2 else ()
    if curve.falling:
        return (logarithmic(), loss_law(lowest))
    forms = [logarithmic(), power()]
    if float(curve.mean.min()) > 0:
        forms.append(log_law(lowest))
    return tuple(forms)


def scaling(curve: Curve, forms: Sequence[Form] | None = None) -> Scaling:
    """Fits laws to the amounts above zero of a curve, all on the same cells, and ranks them.

    A law of three parameters needs five sizes; with fewer only the logarithmic one is fitted, and a warning says so.
    """
    curve = positive_amounts(curve)
    count = len(curve.amounts)
    warnings = []
    if count < ENOUGH:
        warnings.append(
            f"{counted(count, 'amount')} of data above zero: a law of three parameters needs {ENOUGH}, so that "
            + ("only the logarithmic one is fitted" if count > 2 else "none is fitted")
        )
    chosen = forms_for(curve) if forms is None else tuple(forms)
    fits = [_fitted(curve, form) for form in chosen]
    return Scaling(curve, tuple(_ranked([each for each in fits if each.optima])), tuple(warnings))


def positive_amounts(curve: Curve) -> Curve:
    """The curve without the amount 0, at which not every law has a value."""
    kept = curve.amounts > 0
    sample = replace(curve.sample, values=curve.sample.values[:, kept])
    return replace(curve, amounts=curve.amounts[kept], sample=sample)


def optima_of(curve: Curve, form: Form) -> list[Optimum]:
    """The best optima of a law on the cells of a curve."""
    cells = curve.cells
    amounts = np.tile(curve.amounts, len(cells))
    values = cells.ravel()
    ranges = form.ranges(curve.amounts, cells.mean(axis=0))
    return fit(lambda free: form.predict(free, amounts), values, ranges, curve.delta)


def left_out_error(curve: Curve, form: Form) -> float | None:
    """Absolute error of the largest amount, predicted from the others; None where too few are left to fit the law."""
    if len(curve.amounts) - 1 <= form.parameters - (form.parameters > 2):
        return None
    optima = optima_of(curve.until(-1), form)
    if not optima:
        return None
    predicted = form.predict(optima[0].parameters, curve.amounts[-1:])
    return abs(float(predicted[0]) - float(curve.mean[-1]))


def band(curve: Curve, found: Fit, amounts: FloatArray, draws: int = DRAWS) -> tuple[FloatArray, FloatArray]:
    """The 95% band of a law at the amounts, of shape (amounts,) each: case bootstrap over languages and seeds.

    Each draw takes languages and seeds with replacement, with all their amounts; the deviations of the mean curve are
    brought to its standard error as those of effects are, and the law is fitted again.
    """
    law = found.form.predict
    start = found.optima[0].parameters
    mean = curve.mean
    drawn = mean + drawn_deviations(spread(curve.sample), draws)
    values = np.concatenate([mean[None], drawn])
    begin = np.broadcast_to(start, (len(values), len(start)))
    free, _ = refit(lambda each: law(each, curve.amounts), values, begin, curve.delta)
    numbers = law(free, np.asarray(amounts, dtype=np.float64))
    low, high = np.percentile(numbers[1:] - numbers[0], (2.5, 97.5), axis=0)
    centre = found.predict(amounts)
    return centre + low, centre + high


def on_logits(curve: Curve) -> Curve | None:
    """The curve of logit(score / 100), in units of points at its mean; None where a score is at 0 or 100."""
    shares = curve.sample.values / 100
    if shares.min() <= 0 or shares.max() >= 1:
        return None
    middle = float(shares.mean())
    values = np.log(shares / (1 - shares)) * 100 * middle * (1 - middle)
    return replace(curve, sample=replace(curve.sample, values=values))


def _fitted(curve: Curve, form: Form) -> Fit:
    optima = tuple(optima_of(curve, form))
    criterion = None
    if optima:
        cells = curve.cells
        residuals = cells - form.predict(optima[0].parameters, curve.amounts)
        criterion = aicc(float((residuals**2).sum()), cells.size, form.parameters + 1)
    return Fit(form, optima, criterion, left_out_error(curve, form))


def aicc(squares: float, cells: int, parameters: int) -> float | None:
    """Akaike's criterion with Hurvich and Tsai's (1989) correction, from the sum of squared residuals."""
    if cells - parameters - 1 <= 0:
        return None
    fitted = cells * np.log(max(squares, 1e-12) / cells) + 2 * parameters
    return float(fitted + 2 * parameters * (parameters + 1) / (cells - parameters - 1))


def _ranked(fits: Sequence[Fit]) -> list[Fit]:
    known = [each for each in fits if each.aicc is not None]
    others = [each for each in fits if each.aicc is None]
    known.sort(key=lambda each: each.aicc if each.aicc is not None else 0.0)
    if known:
        least = known[0].aicc or 0.0
        close = [each for each in known if (each.aicc or 0.0) - least < _CLOSE]
        close.sort(key=lambda each: float("inf") if each.left_out is None else each.left_out)
        known = close + [each for each in known if each not in close]
    return known + others


def _rows(sample: Sample, chosen: Sequence[bool]) -> Sample:
    """Some rows of a sample."""
    picked = [index for index, take in enumerate(chosen) if take]
    return replace(
        sample,
        values=sample.values[picked],
        model=[sample.model[index] for index in picked],
        task=[sample.task[index] for index in picked],
        language=[sample.language[index] for index in picked],
        seed=[sample.seed[index] for index in picked],
    )
