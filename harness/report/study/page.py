"""A study as one self-contained page that is read from top to bottom, from the question to the commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.analysis.effects.findings import Chart as FoundChart
from harness.core.counted import counted
from harness.core.safe_text import sanitise
from harness.report.names import titled
from harness.report.pages.chart_data import Chart, series
from harness.report.pages.shell import render_page
from harness.report.study.charts import (
    KINDS,
    forest_charts,
    heat_grid,
    language_charts,
    page_chart,
    series_of,
    shown_names,
)
from harness.report.study.content import StudyReport
from harness.report.study.tables import (
    cost_table,
    coverage_table,
    degenerate_table,
    design_tables,
    effects_table,
    finding_table,
    lacking_table,
    language_table,
    main_effects,
    perturbed_table,
    power_table,
    searched_tables,
    task_tables,
)
from harness.report.table import Table
from harness.types.units import MIXED_PAIRS

MOST_ROWS = 2000
"""Rows of the table of languages that the page has room for; the files have all."""


def study_page(report: StudyReport) -> str:
    """The page. Every text on it is escaped; its policy allows its own scripts only, and nothing from outside."""
    with titled(report.titles):
        return _page(report)


def _page(report: StudyReport) -> str:
    drawn = _Drawn(report)
    study, findings = report.study, report.findings
    scored, planned = len(report.scored), len(report.units)
    main = main_effects(report)
    forests = [*forest_charts(main), *_own(report, "forest")]
    rates = [table for table in findings.tables if table.name.startswith("degenerate")]
    languages: dict[str, list[tuple[str, int, str]]] = {}
    for model, chart in language_charts(report):
        languages.setdefault(model, []).extend(drawn.add(chart))
    scores = language_table(report)
    finished = sum(run.state == "finished" for run in report.runs)
    values = {
        "title": study.question or report.title,
        "study": study,
        "report": report,
        "what": ", ".join(filter(None, (study.name, report.size, f"version {study.version}", study.provider))),
        "caveats": caveats(report),
        "tiles": [
            ("runs finished", f"{finished} of {len(report.runs)}"),
            ("units scored", f"{scored:,} of {planned:,}"),
            ("primary effects", str(sum(effect.primary for effect in findings.effects))),
            ("plan", "frozen" if report.plan.checksum else "not frozen"),
        ],
        "facts": _facts(report),
        "design": _filled(design_tables(report)),
        "coverage": coverage_table(report),
        "lacking": _one(lacking_table(report)),
        "forest": [each for chart in forests for each in drawn.add(chart)],
        "effects": _one(effects_table(report, main)),
        "beside": _one(effects_table(report, [effect for effect in findings.effects if effect not in main])),
        "gains": [each for chart in _own(report, "dots") for each in drawn.add(chart)],
        "languages": languages,
        "scores": scores if len(scores.rows) <= MOST_ROWS else None,
        "cut": len(scores.rows) > MOST_ROWS,
        "tasks": _filled(task_tables(report)),
        "searched": searched_tables(report),
        "perturbed": _one(perturbed_table(report)),
        "curves": [each for kind in ("lines", "scatter") for chart in _own(report, kind) for each in drawn.add(chart)],
        "grids": [heat_grid(chart) for chart in _own(report, "heat map") if chart.points],
        "changes": _alike(report.plan.changes),
        "answers": [*findings.conclusions, *_unsaid(report)],
        "unknown": [chart.title for chart in findings.charts if chart.kind not in KINDS],
        "tables": _filled(finding_table(table) for table in findings.tables if table not in rates),
        "rates": _filled(map(finding_table, rates)),
        "power": _one(power_table(report)),
        "degenerate": _one(degenerate_table(report)),
        "costs": _one(cost_table(report.costs)),
        "captions": drawn.captions,
        "legends": drawn.legends,
    }
    return render_page("study.html", values, charts=drawn.charts)


class _Drawn:
    """The charts of the page with their captions and legends, by number."""

    def __init__(self, report: StudyReport) -> None:
        self.charts: list[Chart] = []
        self.captions: dict[int, str] = {}
        self.legends: dict[int, list[tuple[int, str]]] = {}
        self._margins = report.study.margins

    def add(self, chart: FoundChart) -> list[tuple[str, int, str]]:
        """Caption, number and description of the chart, for the template; nothing where it has no points."""
        made = page_chart(chart, self._margins)
        if made is None:
            return []
        place = len(self.charts)
        self.charts.append(made)
        self.captions[place] = chart.caption
        names = list(shown_names(series_of(chart)).values())
        if len(names) > 1 and not made.get("many"):
            self.legends[place] = [(series(index), name) for index, name in enumerate(names)]
        return [(chart.title, place, str(made["label"]))]


def caveats(report: StudyReport) -> list[str]:
    """Lists what a reader has to know before any number: what is not there, was not registered, or is not a full run."""
    found = []
    unfinished = [run for run in report.runs if run.state != "finished"]
    scored, planned = len(report.scored), len(report.units)
    if not scored:
        found.append("No unit has been scored yet: the page shows the design, and no result.")
    elif unfinished or scored < planned:
        parts = []
        if unfinished:
            parts.append(f"{len(unfinished)} of {counted(len(report.runs), 'run')} are not finished")
        if scored < planned:
            parts.append(f"{planned - scored:,} of {counted(planned, 'unit')} have no score{_without_data(report)}")
        found.append(
            f"This study is not complete: {' and '.join(parts)}. Effects are over the pairs of units that are there, "
            "and may change; tables of means leave incomplete cells out."
        )
    if not report.plan.checksum:
        found.append("No plan was frozen before the analysis: every result is exploratory.")
    elif report.plan.exploratory or report.plan.changes:
        number = len(report.plan.exploratory) + len(report.plan.changes)
        found.append(f"The study deviates from its frozen plan in {counted(number, 'point')}: see below.")
    reasons = dict.fromkeys(sanitise(reason, 400) for run in report.runs for reason in run.partial)
    if reasons:
        found.append(f"Not benchmark scores: {'; '.join(reasons)}.")
    return found


def _unsaid(report: StudyReport) -> list[str]:
    """The contrasts that nothing could be found on, each with the number of the pairs of units that there are."""
    known = {effect.name for effect in report.findings.effects}
    found = []
    for contrast in report.study.contrasts:
        if contrast.name in known:
            continue
        places = [
            {(unit.run.model, unit.run.seed, unit.task, unit.language) for unit in report.scored if unit.run.arm == arm}
            for arm in (contrast.arm, contrast.against)
        ]
        pairs = len(places[0] & places[1])
        why = "none that counts: English and tasks of the same source are left out" if pairs else "no unit of both arms"
        found.append(f"{contrast.name}: nothing can be said; {counted(pairs, 'pair')} of units, {why}.")
    return found


def _alike(lines: Sequence[str]) -> list[str]:
    """The deviations, those that many cells share in one line: "limit is 24, planned 60, in 9 cells"."""
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(line.partition(": ")[2] or line, []).append(line)
    return [
        line
        for said, those in found.items()
        for line in ([f"{said}, in {len(those)} cells"] if len(those) > 3 else those)
    ]


def _without_data(report: StudyReport) -> str:
    """Says how many of the units without a score lack data, where some do."""
    count = sum(unit.state == "missing" for unit in report.units)
    return f" ({count:,} for want of data)" if count else ""


def _facts(report: StudyReport) -> list[tuple[str, str]]:
    """The design in pairs of a name and a text."""
    study = report.study
    scored_on = ", ".join(filter(None, (study.benchmark, *study.tasks)))
    search = study.search
    facts = {
        "scored on": scored_on + (f", only {', '.join(study.languages)}" if study.languages else ""),
        "recipe": study.recipe,
        "options": ", ".join(f"{name} = {value}" for name, value in study.options.items()),
        "limits": ", ".join(
            f"{name} {value}"
            for name, value in (("items per unit", study.limit), ("training examples", study.train_limit))
            if value is not None
        ),
        "perturbed": ", ".join([*study.perturb, *([MIXED_PAIRS] if study.mixed_pairs else [])]),
        "search": f"{search.option} among {', '.join(map(str, search.values))}, by English dev scores with seed {search.seed}"
        if search
        else "",
        "equivalence": " and ".join(f"±{margin:g}" for margin in study.margins) + " points, the first one primary",
        "same source": ", ".join(f"{stage} and {task}" for stage, task in study.same_source),
        "analysis": study.analysis or "the contrasts",
        "plan": f"frozen {report.plan.frozen}, sha256 {report.plan.checksum}" if report.plan.checksum else "not frozen",
        "source": study.source,
    }
    return [(name, value) for name, value in facts.items() if value]


def _own(report: StudyReport, kind: str) -> list[FoundChart]:
    """The charts of a kind that the analysis made."""
    return [chart for chart in report.findings.charts if chart.kind == kind]


def _one(table: Table) -> Table | None:
    return table if table.rows else None


def _filled(tables: Any) -> list[Table]:
    return [table for table in tables if table.rows]
