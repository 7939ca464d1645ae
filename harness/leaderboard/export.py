"""A run as a leaderboard row, refused where it is partial, from a changed checkout, or of weights that are not public."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, UsageError
from harness.core.private import publishable
from harness.data.resources import union
from harness.leaderboard._seeds import mean_cells, seed_runs
from harness.leaderboard._setting import setting
from harness.leaderboard.schema import SCHEMA, Row
from harness.results.run_view import RunView, unit_score
from harness.runs.identity import without_seed
from harness.runs.recorded_objectives import scored_objectives
from harness.runs.sessions import sessions_of
from harness.scoring.chance import Chance, mean_chance
from harness.scoring.scale import PERCENT
from harness.scoring.scores import Estimate
from harness.training.run_resources import run_resources
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.record import ModelRecord, RunRecord, RunResourcesRecord, StageRecord

_STAGE = (
    "key",
    "name",
    "parent",
    "tasks",
    "options",
    "dtype",
    "head",
    "inputs",
    "language_adapters",
    "steps",
    "selected_step",
    "dev_score",
    "fingerprint",
    "lineage",
    "resources",
)


def caveats(run: RunView) -> dict[str, list[str]]:
    """Lists reasons why a run's numbers are not those of a complete, clean and pinned run; empty where there are none.

    "partial": other data or less than the benchmark's; "incomplete": units without a score, and languages that were not
    selected; "dirty": the harness's own
    checkout had changes; "unpinned": the weights have no public revision.
    """
    record = run.record
    incomplete = [f"{key}: no data" for key in run.missing] + [f"{key}: failed" for key in run.failed]
    if run.benchmark is None:
        incomplete.append("selected tasks, no whole benchmark")
    if run.coverage:
        incomplete.append(run.coverage)
    if run.finished is None:
        incomplete.append("the run is not finished")
    states = [session["harness"].get("git") for session in sessions_of(record)]
    dirty = [
        f"the harness was run from a changed checkout of {git['commit']}" for git in states if git and git["dirty"]
    ]
    return {
        "partial": [reason for reason in run.partial if reason != run.coverage],
        "incomplete": incomplete,
        "dirty": list(dict.fromkeys(dirty)),
        "unpinned": [f"the model {run.reference!r} {reason}" for reason in _unpinned(record["model"])],
    }


def refuse(run: RunView, *, partial: bool = False, dirty: bool = False, unpinned: bool = False) -> None:
    """:class:`DataError` for a run with caveats that are not allowed, naming the option that allows them."""
    found = caveats(run)
    kinds = (("partial", partial), ("incomplete", partial), ("dirty", dirty), ("unpinned", unpinned))
    reasons = [(kind, found[kind]) for kind, allowed in kinds if found[kind] and not allowed]
    if reasons:
        shown = "; ".join(f"{kind}: {texts[0]}{_more(texts)}" for kind, texts in reasons)
        flags = dict.fromkeys(f"--allow-{'partial' if kind == 'incomplete' else kind}" for kind, _ in reasons)
        raise DataError(
            f"{run.folder}: not exported, {shown}", hint=f"{' '.join(flags)} exports it, and the row says so"
        )


def export_row(
    folders: Path | Sequence[Path],
    registry: Registry,
    *,
    name: str | None = None,
    allow_partial: bool = False,
    allow_dirty: bool = False,
    allow_unpinned: bool = False,
) -> Row:
    """The row of a run folder, or of several that are seeds of one system: then means and standard deviations.

    It goes under ``name`` (the model's reference, with ``+`` and its language adapters, intermediate tasks,
    languages of training and objectives, if None). No absolute path of this machine is in it.

    :class:`DataError` for what :func:`refuse` refuses, for prediction or label files that were changed after scoring, and
    for seeds scored on different data; :class:`UsageError` for runs that are not seeds of one system.
    """
    folders = [folders] if isinstance(folders, Path) else list(folders)
    runs = seed_runs(folders)
    for run in runs:
        refuse(run, partial=allow_partial, dirty=allow_dirty, unpinned=allow_unpinned)
        check_files(run)
        if not run.units or run.scores is None:
            raise UsageError(f"{run.folder}: nothing was scored", hint="finish it with the same `harness eval`")
    first = runs[0]
    objectives = [f"objective {name}" for name in scored_objectives(first.record)]
    adapters = ["language adapters"] if first.record["options"].get("language_adapters") else []
    languages = [f"trained on {text}" for text in first.train_on]
    if first.record["options"].get("test_on") == "translated":
        languages.append("translated test text")
    system = name or " + ".join([first.reference, *adapters, *first.via, *languages, *objectives])
    benchmark = first.benchmark
    used = _resources(runs, registry)
    row: Row = {
        "schema": SCHEMA,
        "id": "",
        "kind": "run",
        "system": system,
        "benchmark": benchmark,
        "benchmark_version": registry.benchmark(benchmark).version if benchmark else None,
        "setting": setting(first.record, used),
        "split": first.split,
        "selection": _selection(first.record),
        "model": {key: first.record["model"].get(key) for key in _MODEL},
        "caveats": _all_caveats(runs),
        "run": {**_provenance(runs), "resources": used},
        "cells": list(_cells(first)) if len(runs) == 1 else mean_cells([_cells(run) for run in runs]),
    }
    row = publishable(row)
    digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:8]
    slug = re.sub(r"[^A-Za-z0-9]+", "-", row["system"]).strip("-").lower()[:80] or "run"
    row["id"] = ".".join([slug, *([benchmark] if benchmark else []), digest])
    return row


_MODEL = ("reference", "revision", "parameters", "fingerprint", "architecture")


def check_files(run: RunView) -> None:
    """:class:`DataError` where a prediction or label file is not the one that was scored."""
    for unit in run.units.values():
        run.files(unit)


def _more(texts: list[str]) -> str:
    return f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""


def _unpinned(model: ModelRecord) -> Iterator[str]:
    if model.get("kind") == "baseline":
        return
    if not re.fullmatch(r"[0-9a-f]{40}", str(model.get("revision") or "")):
        yield "has no revision that others can download"


def _resources(runs: Sequence[RunView], registry: Registry) -> RunResourcesRecord:
    """Resources that any of the runs used: as recorded or, in older runs, as derived from their stages."""
    found = [run.record.get("resources") or run_resources(run.record, registry) for run in runs]
    return {**union(found), "intermediate": found[0]["intermediate"]}


def _selection(record: RunRecord) -> str:
    """Names the data that chose the checkpoints, in the words of the published rows."""
    if not record["stages"]:
        return "none"
    if record["options"].get("select_on"):
        return "target_dev"
    translated = any(stage["options"].get("select_on_translated") for stage in record["stages"])
    return "translated_english_dev" if translated else "english_dev"


def _all_caveats(runs: Sequence[RunView]) -> dict[str, list[str]]:
    """Lists what any of the runs has to say, once."""
    found = [caveats(run) for run in runs]
    return {kind: list(dict.fromkeys(text for each in found for text in each[kind])) for kind in found[0]}


def _provenance(runs: Sequence[RunView]) -> dict[str, Any]:
    """Sources of the numbers; of several seeds, the stages of all of them and what tells their runs apart."""
    run, record = runs[0], runs[0].record
    tasks = {Unit.of(key).task: unit for key, unit in run.units.items()}
    stages = {stage["key"]: stage for each in runs for stage in each.stages}
    options: dict[str, Any] = {**record["options"]}
    if len(runs) > 1:
        options["overrides"] = without_seed(options.get("overrides"))
    found: dict[str, Any] = {
        "date": max(_date(each) for each in runs),
        "command": list(record["command"]),
        "seeds": sorted({seed for each in runs for seed in each.seeds}),
        "lineage": [_described(stage) for stage in stages.values()],
        "options": options,
        "harness": dict(record["harness"]),
        "environment": dict(record["environment"]),
        "tasks": {
            name: {"version": unit["task_version"], "provider": unit["provider"]} for name, unit in tasks.items()
        },
        "data": {key: {**unit["data"], "examples": unit["examples"]} for key, unit in run.units.items()},
    }
    if len(runs) > 1:
        found["seed_runs"] = [
            {"seeds": each.seeds, "date": _date(each), "command": list(each.record["command"])} for each in runs
        ]
    return found


def _described(stage: StageRecord) -> dict[str, Any]:
    plain: Mapping[str, Any] = stage
    return {key: plain[key] for key in _STAGE if key in plain}


def _date(run: RunView) -> str:
    return run.finished or run.record["created"]


def _cells(run: RunView) -> Iterator[dict[str, Any]]:
    """Every language's numbers with n and interval; then averages, task scores, groups and the overall score.

    Averages of a benchmark are over all of its languages. Those of selected tasks name the languages that they are over.
    """
    scores = run.scores
    assert scores is not None  # which export_row has seen to
    intervals = scores.get("intervals", {})
    official = "benchmark" if run.benchmark else None
    for name, task in scores["tasks"].items():
        own = intervals.get(name, {})
        for metric, values in task["metrics"].items():
            estimates = {}
            for code in values["languages"]:
                unit = unit_score(run.units[Unit(name, code, run.split).key])
                estimates[code] = Estimate.from_dict(unit["metrics"][metric])
                ends = {key: getattr(estimates[code], key) for key in ("stderr", "low", "high")}
                found: dict[str, Any] = {key: end for key, end in ends.items() if end is not None}
                found |= _level(estimates[code].chance) | _scale(values)
                yield {**_cell(name, metric, code, values["languages"][code], None), "n": unit["n"], **found}
            codes = official or sorted(values["languages"])
            chance = mean_chance(estimate.chance for estimate in estimates.values())
            average = values["average"] if official else values.get("partial", values["average"])
            yield from _average(name, metric, average, codes, own.get(metric, {}).get("average"), chance, values)
        if len(task["metrics"]) != 1:
            codes = official or sorted(next(iter(task["metrics"].values()))["languages"])
            chance = run.tasks[name].chance()
            average = task["score"] if official else task.get("partial", task["score"])
            yield from _average(name, "score", average, codes, own.get("score", {}).get("average"), chance, task)
    for group, value in scores["groups"].items():
        yield from _average(f"group:{group}", "score", value, official, intervals.get("groups", {}).get(group))
    yield from _average("overall", "score", scores["overall"], official, intervals.get("overall"))


def _cell(task: str, metric: str, language: str, value: float, languages: Any) -> dict[str, Any]:
    cell = {"task": task, "metric": metric, "language": language}
    return cell | ({"languages": languages} if language == "avg" else {}) | {"value": value, "status": "measured"}


def _average(
    task: str,
    metric: str,
    value: float | None,
    languages: Any,
    interval: list[float] | None,
    chance: Chance | None = None,
    of: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[dict[str, Any]]:
    if value is not None:
        ends = {"low": interval[0], "high": interval[1]} if interval else {}
        yield _cell(task, metric, "avg", value, languages) | ends | _level(chance) | _scale(of)


def _scale(of: Mapping[str, Any]) -> dict[str, Any]:
    """The scale of a metric or task of the record as a part of a cell, where it is not 0-100."""
    return {"scale": of["scale"]} if of.get("scale", PERCENT) != PERCENT else {}


def _level(chance: Chance | None) -> dict[str, float]:
    """The level of chance as a part of a cell; {} where there is none."""
    return {"chance": chance.level} if chance is not None and chance.level is not None else {}
