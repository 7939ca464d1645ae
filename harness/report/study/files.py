"""The files of a study's analysis besides the page: every unit, every number, and each table in three formats."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from harness.analysis.effects.findings import Chart
from harness.core.sealed import sealed
from harness.report.csv import table_csv
from harness.report.latex import latex_fragment
from harness.report.markdown import titled_tables
from harness.report.names import titled
from harness.report.study.charts import forest_charts, language_charts
from harness.report.study.content import StudyReport, StudyUnit
from harness.report.study.tables import main_effects, study_tables

SCHEMA = "harness-study/1"


def unit_rows(report: StudyReport) -> Iterator[dict[str, Any]]:
    """A row a unit of the design, scored or not: all that the statistics start from, and where it comes from."""
    for unit in report.units:
        yield _row(report, unit)


def results_jsonl(report: StudyReport) -> str:
    """The rows of :func:`unit_rows`, a line each."""
    return "".join(json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n" for row in unit_rows(report))


def stats(report: StudyReport) -> dict[str, Any]:
    """All that was found as plain values, with the plan, what computed it, and how complete it is; sealed by its sha256.

    A number that is not finite is null.
    """
    finished = sum(run.state == "finished" for run in report.runs)
    found = {
        "schema": SCHEMA,
        "study": report.study.name,
        "version": report.study.version,
        "size": report.size or None,
        "provider": report.study.provider,
        "question": report.study.question,
        "complete": report.complete,
        "runs": {"finished": finished, "planned": len(report.runs)},
        "units": {"scored": len(report.scored), "planned": len(report.units)},
        "plan": report.plan,
        "versions": report.versions,
        "margins": report.study.margins,
        "effects": report.findings.effects,
        "conclusions": report.findings.conclusions,
        "warnings": report.findings.warnings,
        "tables": report.findings.tables,
        "charts": report.findings.charts,
        "costs": report.costs,
        "commands": report.commands,
    }
    return sealed(plain(found))


def stats_json(report: StudyReport) -> str:
    """:func:`stats` as text."""
    return json.dumps(stats(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def table_files(report: StudyReport) -> Iterator[tuple[str, str]]:
    """Name and content of each table's files: Markdown, CSV with numbers in full, and LaTeX to ``\\input``."""
    with titled(report.titles):
        tables = study_tables(report)
        stems = file_stems(table.name for table in tables)
        for stem, table in zip(stems, tables, strict=True):
            yield f"{stem}.md", titled_tables([table], table.notes)
            yield f"{stem}.csv", table_csv(table)
            yield f"{stem}.tex", latex_fragment(table)


def all_charts(report: StudyReport) -> list[Chart]:
    """The charts of the analysis and those that every study has, each with a name of its own."""
    with titled(report.titles):
        return [
            *forest_charts(main_effects(report)),
            *report.findings.charts,
            *(chart for _, chart in language_charts(report)),
        ]


def file_stems(names: Iterable[str]) -> list[str]:
    """Names fit for files, each once: what is not a letter, a digit, "_", "." or "-" becomes a hyphen."""
    found: dict[str, None] = {}
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.")[:80] or "unnamed"
        number, free = 1, stem
        while free.casefold() in (each.casefold() for each in found):
            number += 1
            free = f"{stem}-{number}"
        found[free] = None
    return list(found)


def plain(value: Any) -> Any:
    """A value as JSON holds it: dataclasses and mappings as objects, numbers of NumPy as numbers, NaN and infinity as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is not None and not isinstance(value, str | int | float) and hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _row(report: StudyReport, unit: StudyUnit) -> dict[str, Any]:
    seen = unit.observation
    return {
        "study": report.study.name,
        "size": report.size or None,
        "run": unit.run.folder,
        "model": unit.run.model,
        "arm": unit.run.arm,
        "seed": unit.run.seed,
        "task": unit.task,
        "language": unit.language,
        "perturbation": unit.perturbation,
        "state": unit.state,
        "reason": unit.reason,
        "score": unit.score,
        "n": seen.n if seen else None,
        "low": unit.low,
        "high": unit.high,
        "chance": seen.chance if seen else None,
        "metrics": unit.metrics,
        "english_dev": seen.english_dev if seen else None,
        "dev_loss": seen.dev_loss if seen else None,
        "degenerate": seen.degenerate if seen else None,
        "checkpoint": unit.checkpoint or None,
        "factors": seen.factors if seen else {},
        "exploratory": seen.exploratory if seen else None,
    }
