"""Laws of the amount of intermediate data: each model's curves, what predicts them, and the law of a pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.effects.data_series import Series, curve_of
from harness.analysis.effects.findings import Chart, TextTable
from harness.analysis.effects.fitting import fit
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.scaling import ENOUGH, Scaling, band, on_logits, scaling
from harness.analysis.effects.scaling_forms import Form, logarithmic, power
from harness.analysis.effects.scaling_surface import surface_fits
from harness.core.arrays import FloatArray


@dataclass(frozen=True)
class Law:
    """The laws of one curve: a model, a series, and what is measured.

    ``logit_error`` is the error at the largest amount of the law that is best on the scale of logits, in points.
    """

    model: str
    series: str
    measured: str
    found: Scaling
    logit_error: float | None = None


def laws_of(observations: Sequence[Observation], models: Sequence[str], series: Sequence[Series]) -> list[Law]:
    """The laws of each model's scores and losses in every series."""
    found = []
    for model in models:
        for each in series:
            for loss in (False, True):
                curve = curve_of(observations, model, each, loss=loss)
                if curve is None:
                    continue
                logits = None if loss else on_logits(curve)
                error = None
                if logits is not None and len(curve.amounts) > ENOUGH and (best := scaling(logits).best):
                    error = best.left_out
                measured = "dev loss" if loss else "score"
                found.append(Law(model, each.name, measured, scaling(curve), error))
    return found


def errors_of(
    observations: Sequence[Observation], pairs: Sequence[Sequence[str]], series: Sequence[Series]
) -> tuple[float, float] | None:
    """Root mean square error at the largest amount of laws for each model, and of one common to a pair.

    The laws are of gains over no data. None where no pair has four amounts above zero or more.
    """
    separate, common = [], []
    for pair in pairs:
        for each in series:
            curves = [curve_of(observations, model, each) for model in pair]
            gains = [curve.mean[curve.amounts > 0] - curve.mean[0] for curve in curves if curve is not None]
            if len(gains) < 2 or any(curve is None or curve.amounts[0] > 0 for curve in curves):
                continue
            amounts = [curve.amounts[curve.amounts > 0] for curve in curves if curve is not None]
            if len(amounts[0]) < 4 or list(amounts[0]) != list(amounts[1]):
                continue
            form = _gain_form(amounts[0], gains)
            middle = _extrapolated(form, amounts[0], (gains[0] + gains[1]) / 2)
            separate += [float(_extrapolated(form, amounts[0], gain) - gain[-1]) ** 2 for gain in gains]
            common += [float(middle - gain[-1]) ** 2 for gain in gains]
    if not separate:
        return None
    return float(np.sqrt(np.mean(separate))), float(np.sqrt(np.mean(common)))


def law_charts(laws: Sequence[Law], series: Sequence[Series]) -> Iterator[Chart]:
    """Curves of scores over data with their bands, one chart a series, and gains by data and model."""
    for each in series:
        points: list[dict[str, Any]] = []
        for law in laws:
            if law.series != each.name or law.measured != "score":
                continue
            points += _curve_points(law)
        title = f"Scores by intermediate data: {each.name}" if each.name else "Scores by intermediate data"
        stem = f"scores-by-data-{each.stem}".rstrip("-")
        caption = "Dots without bands are means over languages without English; bands are those of the best law."
        yield Chart("lines", stem, title, "intermediate examples", "score", tuple(points), caption)
        cells = tuple(
            {"x": f"{n:,.0f}", "y": law.model, "value": float(mean - law.found.curve.mean[0])}
            for law in laws
            if law.series == each.name and law.measured == "score"
            for n, mean in zip(law.found.curve.amounts, law.found.curve.mean, strict=True)
        )
        residuals = tuple(
            {"x": float(n), "y": float(mean - fitted), "series": law.model, "label": law.found.best.form.name}
            for law in laws
            if law.series == each.name and law.measured == "score" and law.found.best is not None
            for n, mean, fitted in zip(
                law.found.curve.amounts,
                law.found.curve.mean,
                law.found.best.predict(law.found.curve.amounts),
                strict=True,
            )
        )
        title = f"Means less the best law: {each.name}"
        yield Chart("scatter", f"{stem}-residuals", title, "intermediate examples", "points", residuals)
        title = f"Change from the smallest amount: {each.name}"
        yield Chart("heat map", f"{stem}-map", title, "intermediate examples", "model", cells)


def _gain_form(amounts: FloatArray, gains: Sequence[FloatArray]) -> Form:
    """The law of two curves of gains: one that levels off where it predicts their largest amounts better."""
    if len(amounts) <= ENOUGH:
        return logarithmic()

    def error(form: Form) -> float:
        return sum(abs(float(_extrapolated(form, amounts[:-1], gain[:-1]) - gain[-2])) for gain in gains)

    return min((logarithmic(), power()), key=error)


def _extrapolated(form: Form, amounts: FloatArray, values: FloatArray) -> float:
    """The value at the last amount by a law fitted to the others."""
    optima = fit(lambda free: form.predict(free, amounts[:-1]), values[:-1], form.ranges(amounts[:-1], values[:-1]))
    return float(form.predict(optima[0].parameters, amounts[-1:])[0])


def _curve_points(law: Law) -> Iterator[dict[str, Any]]:
    found = law.found
    curve = found.curve
    best = found.best
    low, high = band(curve, best, curve.amounts) if best else (None, None)
    for index, (n, mean) in enumerate(zip(curve.amounts, curve.mean, strict=True)):
        point: dict[str, Any] = {"x": float(n), "y": float(mean), "series": law.model, "label": f"{n:,.0f}"}
        if low is not None and high is not None:
            point |= {"low": float(low[index]), "high": float(high[index])}
        yield point


def law_table(laws: Sequence[Law]) -> TextTable:
    """The laws of every curve with their parameters, the best first."""
    head = ("model", "series", "of", "law", "parameters", "AICc", "error at the largest amount", "the same on logits")
    rows: list[tuple[Any, ...]] = []
    for law in laws:
        for fitted in law.found.fits:
            said = ", ".join(f"{name} = {value:.4g}" for name, value in fitted.parameters.items())
            rows.append(
                (
                    law.model,
                    law.series,
                    law.measured,
                    f"{fitted.form.name}: {fitted.form.law}",
                    said,
                    None if fitted.aicc is None else round(fitted.aicc, 1),
                    None if fitted.left_out is None else round(fitted.left_out, 2),
                    None if law.logit_error is None or fitted is not law.found.best else round(law.logit_error, 2),
                )
            )
    return TextTable("laws", "Laws of intermediate data, the best first", head, tuple(rows))


def law_warnings(laws: Sequence[Law]) -> Iterator[str]:
    """Sentences on curves with too few amounts, and on laws that fit best but predict worse."""
    for law in laws:
        yield from law.found.warnings
        best = law.found.best
        if best is not None and best.left_out is not None and len(law.found.fits) > 1:
            closest = min(
                (each for each in law.found.fits if each.left_out is not None), key=lambda each: each.left_out or 0.0
            )
            if closest is not best:
                yield (
                    f"{law.model}, {law.series}, {law.measured}: the {best.form.name} form fits best, "
                    f"but the {closest.form.name} form predicts the largest amount better"
                )


def size_charts(laws: Sequence[Law], series: Sequence[Series], sizes: Mapping[str, float]) -> Iterator[Chart]:
    """Lines of scores over the parameters of the models, one line an amount of data, for two sizes or more."""
    for each in series:
        own = [law for law in laws if law.series == each.name and law.measured == "score" and law.model in sizes]
        if len({sizes[law.model] for law in own}) < 2:
            continue
        points = tuple(
            {"x": sizes[law.model], "y": float(mean), "series": f"{n:,.0f}", "label": law.model}
            for law in sorted(own, key=lambda law: sizes[law.model])
            for n, mean in zip(law.found.curve.amounts, law.found.curve.mean, strict=True)
        )
        title = f"Scores by model size: {each.name}"
        yield Chart(
            "lines", f"scores-by-size-{each.stem}".rstrip("-"), title, "parameters without embeddings", "score", points
        )


def surface_table(
    laws: Sequence[Law], series: Sequence[Series], models: Mapping[str, Mapping[str, Any]], sizes: Mapping[str, float]
) -> TextTable:
    """Laws of data and size together, for multilingual and for English-only models."""
    rows: list[tuple[Any, ...]] = []
    for each in series:
        for multilingual in (True, False):
            curves = {
                law.model: law.found.curve
                for law in laws
                if law.series == each.name
                and law.measured == "score"
                and models[law.model].get("multilingual") is multilingual
            }
            for found in surface_fits(curves, sizes):
                said = ", ".join(f"{name} = {value:.4g}" for name, value in found.parameters.items())
                numbers = (found.aicc, found.left_out_data, found.left_out_size)
                kind = "multilingual" if multilingual else "English-only"
                shown = (None if number is None else round(number, 2) for number in numbers)
                rows.append((kind, each.name, f"{found.name}: {found.law}", said, *shown))
    head = (
        "models",
        "series",
        "law",
        "parameters",
        "AICc",
        "error at the largest amount",
        "error of the largest model",
    )
    return TextTable("laws-of-size", "Laws of intermediate data and model size, the best first", head, tuple(rows))
