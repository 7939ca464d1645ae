"""A measurement as one self-contained page: cautions, charts, tables, and the machine."""

from __future__ import annotations

from typing import Any

from harness.analysis.effects.findings import Chart as FoundChart
from harness.core.counted import counted
from harness.efficiency.result import Efficiency
from harness.efficiency.tables import digits, efficiency_tables
from harness.report.names import task_name
from harness.report.pages.chart_data import Chart, series
from harness.report.pages.shell import render_page
from harness.report.study.charts import page_chart, series_of

FRONT, BEHIND = "on the front: no other run is as quick and as accurate", "behind it"


def efficiency_page(found: Efficiency) -> str:
    """The page. Every text on it is escaped; its policy allows its own scripts only, and nothing from outside."""
    charts: list[Chart] = []
    drawn = []
    for chart in (pareto_chart(found), latency_chart(found)):
        made = page_chart(chart)
        if made is not None:
            names = series_of(chart)
            legend = [(series(index), name) for index, name in enumerate(names)] if len(names) > 1 else []
            drawn.append((chart.title, len(charts), str(made["label"]), chart.caption, legend))
            charts.append(made)
    models, languages = counted(len(found.models), "model"), counted(len(found.languages), "language")
    values = {
        "title": f"Efficiency on {task_name(found.task)}",
        "what": f"{models} on {found.device}, {languages} in equal shares",
        "cautions": list(found.cautions()),
        "drawn": drawn,
        "tables": list(efficiency_tables(found)),
        "facts": _facts(found),
    }
    return render_page("efficiency.html", values, charts=charts)


def pareto_chart(found: Efficiency) -> FoundChart:
    """The score of each run against the median latency of its model."""
    points = tuple(
        {
            "x": run.milliseconds,
            "y": run.score,
            "series": FRONT if run.front else BEHIND,
            "label": f"{run.run}\n{run.model}: {digits(run.milliseconds)} ms, score {run.score:.1f}"
            f" over {counted(len(run.languages), 'language')}",
        }
        for run in sorted(found.scores, key=lambda run: (not run.front, run.milliseconds))
    )
    caption = f"Scores of {task_name(found.task)}, the mean over languages that all runs have."
    return FoundChart("scatter", "pareto", "Accuracy and latency", "ms, median", "score", points, caption)


def latency_chart(found: Efficiency) -> FoundChart:
    """The median latency of each model with its interval, end to end and of the forward pass alone."""
    points = []
    for model in found.models:
        for name, times in (("from text to prediction", model.latency.total), ("forward pass", model.latency.forward)):
            median = times[0]
            points.append({"y": model.name, "x": median.value, "low": median.low, "high": median.high, "series": name})
    return FoundChart("dots", "latency", "Latency at batch 1", "ms, median", "", tuple(points), "")


def _facts(found: Efficiency) -> list[tuple[str, str]]:
    """The machine and the protocol in pairs of a name and a text."""
    hardware, protocol = found.hardware, found.protocol
    gpu: dict[str, Any] = hardware["gpu"] or {}
    packages = found.environment["packages"]
    loads = [
        f"{state.load_before:.1f} to {state.load_after:.1f}"
        for state in found.sessions
        if state.load_before is not None and state.load_after is not None
    ]
    facts = {
        "processor": f"{hardware['processor']}, {hardware['cores']} cores",
        "GPU": str(gpu.get("name", "")),
        "threads": str(found.threads),
        "precision": ", ".join(dict.fromkeys(model.dtype for model in found.models)),
        "attention": ", ".join(dict.fromkeys(model.attention for model in found.models)),
        "compiled": "torch.compile" if found.compiled else "",
        "power": hardware["power_source"] or "",
        "governor": hardware["governor"] or "",
        "energy by": found.energy or "",
        "load average": "; ".join(loads),
        "calls": f"{protocol.calls} or more and {protocol.seconds:g} s or more, in {protocol.sessions} sessions",
        "seed": str(protocol.seed),
        "versions": ", ".join(
            f"{name} {packages[name]}" for name in ("torch", "transformers", "tokenizers") if packages.get(name)
        ),
        "python": f"{found.environment['python']}, {found.environment['platform']}",
    }
    return [(name, value) for name, value in facts.items() if value]
