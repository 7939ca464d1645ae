"""Checks rows: against the schema, then what a schema cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import fmean
from typing import TYPE_CHECKING, Any

from harness.core.json_schema import schema_errors
from harness.data.resources import in_words, union
from harness.leaderboard._setting import translations
from harness.leaderboard.schema import Row
from harness.training.lineage import stage_resources

if TYPE_CHECKING:
    from harness.registry.registry import Registry

_ROUNDING = {"run": 1e-6, "published": 0.11}
"""Tolerated difference between an average and the mean of its languages: printed numbers are rounded."""


@dataclass(frozen=True)
class Problem:
    """Problem of a row. Warnings leave it valid: a stale score, for example."""

    text: str
    warning: bool = False


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of a row."""
    text = (files("harness_leaderboards") / "row.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def problems(row: Row, registry: Registry | None = None) -> list[Problem]:
    """Everything wrong with one row. With a registry, scores of other task versions than the installed are flagged."""
    found = list(_schema_problems(row))
    if found:
        return found
    found += _cell_problems(row)
    found += _mean_problems(row)
    if registry is not None and row["kind"] == "run":
        found += _stale(row, registry)
        found += _more_than_english(row, registry)
    return found


def _schema_problems(row: Row) -> Iterator[Problem]:
    from jsonschema_rs import Draft202012Validator

    found = schema_errors(Draft202012Validator(schema()), row)
    errors = sorted(found, key=lambda error: list(map(str, error.instance_path)))
    for error in errors[:20]:
        place = ".".join(map(str, error.instance_path)) or "the row"
        required = error.kind.as_dict().get("property")
        message = error.message if required is None else f"{required!r} is a required property"
        message = message if len(message) <= 200 else message[:197] + "..."
        yield Problem(f"{place}: {message}")


def _cell_problems(row: Row) -> Iterator[Problem]:
    seen = set()
    for cell in row["cells"]:
        name = describe(cell)
        key = (cell["task"], cell["metric"], cell["language"], json.dumps(cell.get("languages")))
        if key in seen:
            yield Problem(f"{name}: occurs twice")
        seen.add(key)
        low, high = cell.get("low"), cell.get("high")
        if (low is None) != (high is None):
            yield Problem(f"{name}: an interval has two ends")
        elif low is not None and high is not None and not low - 1e-9 <= cell["value"] <= high + 1e-9:
            # percentiles of a skewed bootstrap may leave the value outside; ends the wrong way round may not be
            yield Problem(f"{name}: {cell['value']} lies outside of its interval [{low}, {high}]", warning=low <= high)
        if row["kind"] == "run" and cell["status"] != "measured":
            yield Problem(f"{name}: a cell of a run is measured, not {cell['status']}")
        if row["kind"] == "published" and cell["status"] == "measured":
            yield Problem(f"{name}: a published cell is not measured by the harness")
        runs = len(row["run"].get("seed_runs", ())) if row["kind"] == "run" else 0
        if row["kind"] == "run" and ("seed_deviation" in cell, cell.get("seeds", 0)) != (runs > 0, runs):
            yield Problem(f"{name}: {cell.get('seeds', 0)} seeds, but the row is of {runs} seed_runs")
        if row["kind"] == "published" and cell.get("seen_in") not in row["source"]["seen"]:
            yield Problem(f"{name}: seen_in {cell.get('seen_in')!r} is not one of the places listed under source")


def _mean_problems(row: Row) -> Iterator[Problem]:
    single: dict[tuple[str, str, Any], dict[str, Any]] = {}
    for cell in row["cells"]:
        if cell["language"] != "avg":
            single.setdefault((cell["task"], cell["metric"], cell.get("table")), {})[cell["language"]] = cell
    for cell in row["cells"]:
        codes = cell.get("languages")
        values = single.get((cell["task"], cell["metric"], cell.get("table")), {})
        if isinstance(codes, list) and set(codes) <= set(values) and cell["status"] != "suspicious":
            parts = [values[code]["value"] for code in codes]
            items = [values[code].get("n", 1) for code in codes]  # some tasks are averaged over all their items
            means = (fmean(parts), fmean(parts, items))
            if min(abs(mean - cell["value"]) for mean in means) > _ROUNDING[row["kind"]]:
                text = f"{describe(cell)}: {cell['value']} is not the mean of its languages, {means[0]:.4f}"
                yield Problem(text, warning=row["kind"] == "published")


def _stale(row: Row, registry: Registry) -> Iterator[Problem]:
    known = registry.tasks()
    for name, task in row["run"]["tasks"].items():
        if name not in known:
            yield Problem(f"{name}: no such task is installed here", warning=True)
        elif known[name].version != task["version"]:
            text = f"{name}: scored by version {task['version']}, version {known[name].version} is installed: stale"
            yield Problem(text, warning=True)


def _more_than_english(row: Row, registry: Registry) -> Iterator[Problem]:
    """Rows that were exported before settings named translations; they keep the setting that they have."""
    run = row["run"]
    used = union([run.get("resources", {}), *(stage_resources(stage, registry) for stage in run["lineage"])])
    if row["setting"].startswith("zero_shot_en") and (translations(used) or set(used["labels"]) - {"en"}):
        text = f"the setting is {row['setting']!r}, but the system used {in_words(used)}: export the run again"
        yield Problem(text, warning=True)


def describe(cell: Mapping[str, Any]) -> str:
    """``xnli accuracy sw``."""
    return f"{cell['task']} {cell['metric']} {cell['language']}"
