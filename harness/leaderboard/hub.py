"""Results for the Hugging Face Hub: ``.eval_results/*.yaml`` and a model card with ``model-index``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from harness.core.errors import UsageError
from harness.leaderboard.formats import Export, LanguageResult
from harness.runs.model_card import CARD, TAGS, CardScore, hub_task, rounded, unit_dataset, write_card
from harness.scoring.scale import PERCENT, shown
from harness.training.card import data_table, dataset_names, hub_id, recorded_training

log = logging.getLogger(__name__)


def hub_files(export: Export) -> dict[str, str]:
    """The card, and for each task whose data are on the Hub a file of results.

    An entry's value is the score of a task in a language, 0-100, under the id ``xnli.sw``; the mean over the languages
    has the id ``xnli``. Its notes hold the metrics, the 95% interval, the number of items and the setting. Options are
    the ``license`` on the card, and the ``source_url`` that results link to, with its ``source_name``.
    """
    import yaml
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entries: dict[str, list[EvalResultEntry]] = {}
    options = export.options
    if "source_name" in options and "source_url" not in options:
        raise UsageError("--set source_name: it needs an address", hint="add --set source_url=https://...")
    source = {key: options[key] for key in ("source_url", "source_name") if key in options}
    means = {cell["task"]: cell for cell in _task_scores(export)}
    for result in export.results:
        dataset = unit_dataset(result.task, result.unit, result.record)
        if dataset is None:
            continue
        name = result.task.name
        same: dict[str, Any] = {"dataset_id": dataset.repo, "date": export.row["run"]["date"], **source}
        revision = dataset.revision or None
        if name not in entries and name in means:
            cell = means[name]
            value, notes = rounded(cell["value"]), f"{_interval(cell)}; {export.setup}"
            entries[name] = [EvalResultEntry(task_id=name, value=value, dataset_revision=revision, notes=notes, **same)]
        value, notes = rounded(result.score["value"]), f"{_metrics(result)}; {export.setup}"
        entries.setdefault(name, []).append(
            EvalResultEntry(
                task_id=f"{name}.{result.unit.language}", value=value, dataset_revision=revision, notes=notes, **same
            )
        )
    without = dict.fromkeys(result.task.name for result in export.results if result.task.name not in entries)
    if without:
        log.info("no .eval_results of %s: the data that were scored are not on the Hub", ", ".join(without))
    files = {}
    for name, found in entries.items():
        plain = eval_result_entries_to_yaml(found)
        files[f".eval_results/{name}.yaml"] = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    return {**files, CARD: _card(export)}


def _task_scores(export: Export) -> list[Mapping[str, Any]]:
    """The mean of each task over its languages: of its score or, where there is one metric, of that."""
    found = {}
    for cell in export.averages:
        if cell["task"] in export.runs[0].tasks and (
            cell["metric"] == "score" or (cell["metric"],) == export.runs[0].tasks[cell["task"]].primary
        ):
            found[cell["task"]] = cell
    return list(found.values())


def _metrics(result: LanguageResult) -> str:
    numbers = [f"{name} {_number(cell, 'value')}" for name, cell in result.cells.items()]
    score = {**result.score, "scale": result.scale}
    return f"{', '.join(numbers)}; {_interval(score)}; n={result.record['examples']}"


def _number(cell: Mapping[str, Any], which: str) -> str:
    """One of the numbers of a cell, with one decimal more than tables have."""
    return shown(cell[which], cell.get("scale", PERCENT), more=1, like=cell["value"])


def _interval(cell: Mapping[str, Any]) -> str:
    ends = f"95% interval {_number(cell, 'low')} to {_number(cell, 'high')}" if "low" in cell else "no interval"
    deviation = f", standard deviation over seeds {_number(cell, 'seed_deviation')}" if "seed_deviation" in cell else ""
    return ends + deviation


def _card(export: Export) -> str:
    row = export.row
    run = row["run"]
    scores = [score for result in export.results for score in _scores(export, result)]
    means = [_mean(export, cell) for cell in export.averages if cell["task"] in export.runs[0].tasks]
    training = list(recorded_training(run["lineage"], export.registry))
    facts = {
        "base_model": hub_id(row["model"]["reference"] or ""),
        "license": export.options.get("license", ""),
        "language": sorted({*run["resources"]["labels"], *(score.language for score in scores)}),
        "datasets": dataset_names(training),
        "library_name": "transformers",
        "tags": list(TAGS),
    }
    model = row["model"]
    lines = [
        f"Model: `{model['reference']}`" + (f" at `{model['revision']}`" if model["revision"] else ""),
        f"Setting: {row['setting']}; recipe {run['options'].get('recipe', {}).get('name', '?')}",
        f"Seeds: {', '.join(map(str, run['seeds'])) or 'nothing was trained'}",
        f"Stages: {', '.join(stage['name'] for stage in run['lineage']) or 'none'}",
        f"xtreme-harness {run['harness']['version']}, {run['date']}",
        f"Command: `{' '.join(run['command'])}`",
    ]
    overall = [cell for cell in export.averages if cell["task"] == "overall" or cell["task"].startswith("group:")]
    lines += [f"{cell['task'].removeprefix('group:')}: {_number(cell, 'value')}; {_interval(cell)}" for cell in overall]
    sections = {"System": _list(lines)}
    if training:
        sections["Training data"] = data_table(training)
    caveats = [f"{kind}: {text}" for kind, texts in row["caveats"].items() for text in texts]
    if caveats:
        sections["Not comparable with complete results"] = _list(caveats)
    sections["Test data"] = _test_data(export)
    return write_card(row["system"], facts, sections, [*means, *scores])


def _scores(export: Export, result: LanguageResult) -> list[CardScore]:
    dataset = unit_dataset(result.task, result.unit, result.record)
    return [
        CardScore(
            result.task.name,
            hub_task(export.registry, result.task),
            dataset,
            result.unit.split,
            metric,
            result.unit.language,
            cell["value"],
            cell.get("low"),
            cell.get("high"),
            cell.get("n"),
            result.record["data"].get("expected"),
            scale=cell.get("scale"),
        )
        for metric, cell in result.cells.items()
    ]


def _mean(export: Export, cell: Mapping[str, Any]) -> CardScore:
    task = export.registry.task(cell["task"])
    return CardScore(
        task.name,
        hub_task(export.registry, task),
        None,
        export.row["split"],
        cell["metric"],
        "",
        cell["value"],
        cell.get("low"),
        cell.get("high"),
        languages=len(export.runs[0].tasks[task.name].units),
        scale=cell.get("scale"),
    )


def _test_data(export: Export) -> str:
    tasks = {result.task.name: (result.task, result.record) for result in export.results}
    return _list(
        f"{name}: {record['data'].get('source', '?')}; {task.licence or 'licence not stated'}; {task.citation}".rstrip(
            "; "
        )
        for name, (task, record) in tasks.items()
    )


def _list(lines: Any) -> str:
    return "\n".join(f"- {line}" for line in lines)
