"""Scores at every layer (``--layer all``): the curves of a run, and a table of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from harness.report.table import Cell, Table, Value, columns, number, report_table
from harness.results.run_view import RunView, language_of, sort_codes
from harness.scoring.scale import PERCENT, Scale, common_scale


@dataclass(frozen=True)
class LayerCurves:
    """The scores of a task at hidden states 0, 1, ... in each language, and the layer that was taken there.

    ``scale`` is that of the metric.
    """

    task: str
    split: str
    metric: str
    values: Mapping[str, Sequence[float]]
    taken: Mapping[str, int]
    scale: Scale = PERCENT

    @property
    def mean(self) -> list[float]:
        """Means over the languages."""
        return [fmean(each) for each in zip(*self.values.values(), strict=True)]

    @property
    def chosen(self) -> bool:
        """Tells whether the layer was chosen by these scores: those of dev data are there for that, others never are."""
        return self.split == "dev"


def layer_curves(run: RunView) -> Iterator[LayerCurves]:
    """The curves of every task that has them in languages with equally many layers."""
    for task in run.tasks.values():
        facts = {code: found for code, unit in task.units.items() if "curve" in (found := unit.record.get("facts", {}))}
        curves = {code: found["curve"] for code, found in facts.items() if found["curve"]["values"]}
        if curves and len({len(curve["values"]) for curve in curves.values()}) == 1:
            first = next(iter(curves.values()))
            values = {code: curve["values"] for code, curve in curves.items()}
            taken = {code: int(facts[code]["layer"]) for code in curves}
            metrics = (unit.metrics.get(first["metric"], unit.score) for unit in task.units.values())
            scale = common_scale(metric.scale for metric in metrics)
            yield LayerCurves(task.name, first["split"], first["metric"], values, taken, scale)


def by_layer(runs: Sequence[RunView]) -> Iterator[Table]:
    """A table for each run and task that has curves: languages by layers; ``*`` is the layer that was taken."""
    for run in runs:
        for curves in layer_curves(run):
            layers = range(len(curves.mean))
            rows: list[list[Cell]] = [["mean", *(Value(value, scale=curves.scale) for value in curves.mean)]]
            for code in sort_codes(set(curves.values)):
                marked = ["*" if layer == curves.taken[code] else "" for layer in layers]
                values = zip(curves.values[code], marked, strict=True)
                scores = [Value(value, None, mark, curves.scale) for value, mark in values]
                rows.append([language_of(code).name, *scores])
            where = f"{run.name}: " if len(runs) > 1 else ""
            head = columns("language", *(number(str(layer)) for layer in layers))
            title = f"{where}{curves.task} by layer ({curves.metric} on {curves.split})"
            yield report_table("by-layer", title, head, rows, [layer_note(curves)])


def layer_note(curves: LayerCurves) -> str:
    """Says what the mark means, and by which data the layer was chosen."""
    if curves.chosen:
        return "*: the layer that is scored: the best one on the language's dev data"
    return f"*: the layer that is scored; it was not chosen by these scores, which are of the {curves.split} set"
