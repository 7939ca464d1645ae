"""Charts of gains: a forest plot by task, dots by language, and a heat map of arms by language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from harness.analysis.effects.cluster import spread
from harness.analysis.effects.findings import Chart
from harness.analysis.effects.gains import Values, places_of, sample_of, sliced

if TYPE_CHECKING:
    from harness.analysis.effects.contrasts import Contrasted


def gains_by_task(found: Sequence[Contrasted]) -> Chart:
    """Forest plot of the contrasts by task."""
    points = [
        {**point, "y": task, "series": each.contrast.name}
        for each in found
        for task in places_of(each.values)[1]
        if (point := mean_point(sliced(each.values, task=task)))
    ]
    caption = "Mean over languages without English; bars are 95% intervals over languages and seeds."
    return Chart("forest", "gains-by-task", "Gains by task", "gain in points", "task", tuple(points), caption)


def gains_by_language(found: Sequence[Contrasted]) -> Iterator[Chart]:
    """Dots of each contrast's gains by language."""
    for number, each in enumerate(found, start=1):
        points = [
            {**point, "y": language, "series": ""}
            for language in places_of(each.values)[2]
            if (point := mean_point(sliced(each.values, language=language)))
        ]
        points.sort(key=lambda point: -point["x"])
        caption = "Mean over tasks and models; bars are 95% intervals over seeds, the test items being the same."
        title = f"Gains by language: {each.contrast.name}"
        yield Chart("dots", f"gains-by-language-{number}", title, "gain in points", "language", tuple(points), caption)


def mean_point(values: Values) -> dict[str, Any]:
    """The mean of values as a point of a chart, with the interval where there is one; {} where there are none."""
    from scipy.special import stdtrit

    sample = sample_of(values)
    if sample is None:
        return {}
    found = spread(sample)
    estimate, variance = float(found.estimate[0]), float(found.variance[0])
    if variance <= 0:
        return {"x": estimate}
    reach = float(stdtrit(found.freedom[0], 0.975)) * variance**0.5
    return {"x": estimate, "low": estimate - reach, "high": estimate + reach}
