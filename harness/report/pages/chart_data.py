"""The charts of the pages as plain values: what ``charts.js`` draws with Observable Plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.report.names import task_name
from harness.results.run_view import RunView, language_of
from harness.scoring.scale import decimals, shown

if TYPE_CHECKING:
    from harness.report.layers import LayerCurves
    from harness.types.record import StageRecord

SERIES = 6
"""Colours of runs, before they repeat."""
Chart = dict[str, Any]


def series(index: int) -> int:
    """The number of a run's colour, from 1."""
    return index % SERIES + 1


def languages_chart(name: str, runs: Sequence[RunView]) -> Chart:
    """A task's languages from the highest score of the first run to the lowest, with 95% intervals, and chance."""
    levels: dict[str, float] = {}
    ranked: dict[str, float] = {}
    points = []
    for index, run in enumerate(runs):
        for code, unit in run.tasks[name].units.items() if name in run.tasks else ():
            ranked.setdefault(code, unit.score.value)
            score, label = unit.score, language_of(code).name
            if score.chance is not None and score.chance.level is not None:
                levels.setdefault(label, score.chance.level)
            ends = [shown(end, score.scale, like=score.value) for end in (score.low, score.high) if end is not None]
            spread = "" if score.low is None else "\n95% interval " + " to ".join(ends)
            whose = f", {run.name}" if len(runs) > 1 else ""
            hint = f"{label}{whose}\n{shown(score.value, score.scale, more=1)}{spread}\nn = {unit.n:,}"
            points.append(
                {
                    "row": label,
                    "value": score.value,
                    "low": score.low,
                    "high": score.high,
                    "series": series(index),
                    "of": index,
                    "hint": hint,
                }
            )
    rows = [language_of(code).name for code in sorted(ranked, key=lambda code: -ranked[code])]
    label = f"Scores of {task_name(name)} by language with 95% intervals"
    chance = [{"row": row, "value": level} for row, level in levels.items()]
    return {"kind": "dots", "label": label, "rows": rows, "points": points, "runs": len(runs), "chance": chance}


def gap_chart(runs: Sequence[RunView]) -> Chart:
    """A bar a task and run: English minus the mean of the other languages."""
    bars = []
    for index, run in enumerate(runs):
        for name, task in run.tasks.items():
            if gap := task.gap():
                where = f"{task_name(name)}{f', {run.name}' if len(runs) > 1 else ''}"
                text = partial(shown, scale=task.scale, like=gap.english)
                ends = f"English {text(gap.english, more=1)}, other languages {text(gap.others, more=1)}"
                bars.append(
                    {
                        "row": task_name(name),
                        "value": gap.points,
                        "text": text(gap.points).replace("-", "−"),
                        "series": series(index),
                        "of": index,
                        "hint": f"{where}\ngap {text(gap.points, more=1).replace('-', '−')}: {ends}",
                    }
                )
    rows = list(dict.fromkeys(bar["row"] for bar in bars))
    label = "Transfer gap by task: English minus the mean of the other languages"
    return {"kind": "bars", "label": label, "rows": rows, "points": bars, "runs": len(runs)}


def training_chart(stage: StageRecord) -> Chart | None:
    """Training loss over steps, and the scores on English dev if there are several; None without any curve."""
    loss = [[float(step), float(value)] for step, value in stage.get("loss") or () if math.isfinite(value)]
    dev = [[float(each["step"]), float(each["score"])] for each in stage.get("dev") or ()]
    digits = decimals("unbounded", max((abs(value) for _, value in dev), default=0))
    panels = [("loss", loss, 3), ("English dev", dev, digits)]
    kept = [{"title": title, "points": points, "digits": most} for title, points, most in panels if len(points) > 1]
    if not kept:
        return None
    label = f"Training curves: {stage['name']}"
    return {"kind": "training", "label": label, "panels": kept, "chosen": stage.get("selected_step")}


def layer_chart(curves: LayerCurves, index: int) -> Chart:
    """Scores over layers: a faint line a language, a strong one for their mean, dots where layers were taken."""
    lines: Mapping[str, Sequence[float]] = curves.values
    return {
        "kind": "layers",
        "label": f"Scores of {task_name(curves.task)} by layer, {curves.metric} on {curves.split}",
        "lines": [
            {"name": language_of(code).name, "values": list(values), "taken": curves.taken[code]}
            for code, values in lines.items()
        ],
        "mean": curves.mean,
        "digits": decimals(curves.scale, max(map(abs, curves.mean))),
        "series": series(index),
    }
