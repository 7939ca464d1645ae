"""Results of retrieval and mining as mteb stores them: ``<model>/<revision>/<Task>.json`` beside ``model_meta.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.core.errors import UsageError
from harness.leaderboard.formats import Export, LanguageResult, whole
from harness.runs.model_card import hub_task, unit_dataset
from harness.types.languages import language

RETRIEVAL = "sentence-similarity"
"""The Hub's name of the kind of tasks that mteb has a layout for."""
SAME_TASKS = {"tatoeba_mteb": "Tatoeba"}
"""Tasks that score what a task of mteb scores, in its direction and with its metrics."""
_ISO_639_3 = {"fa": "pes", "sw": "swh", "zh": "cmn"}
"""Individual languages, as mteb names them, where the code stands for a macrolanguage."""
_FORMAT = "2.0.0"
"""The version of mteb whose layout this is, which is what its reader wants to know."""


def mteb_files(export: Export) -> dict[str, str]:
    """A file for each task, with a list of languages; scores are proportions from 0 to 1, as mteb's are.

    A task that mteb has not, or scores in another way, keeps its own name with "-xtreme-harness" behind it, so that it
    never passes for mteb's. :class:`UsageError` where no task retrieves or mines.
    """
    by_task: dict[str, list[LanguageResult]] = {}
    for result in export.results:
        if hub_task(export.registry, result.task) == RETRIEVAL:
            by_task.setdefault(result.task.name, []).append(result)
    if not by_task:
        raise UsageError(
            "nothing that mteb has a layout for: no retrieval or mining was scored",
            hint="harness eval --task tatoeba_mteb scores what mteb's task Tatoeba scores",
        )
    model = export.row["model"]
    name, _, revision = (model["reference"] or "unknown").partition("@")
    revision = model["revision"] or revision or f"fingerprint-{(model['fingerprint'] or 'unknown')[:12]}"
    folder = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name.replace('/', '__'))}/{revision}"
    files = {
        f"{folder}/{_task_name(task)}.json": json.dumps(_task_result(export, task, results), indent=2) + "\n"
        for task, results in by_task.items()
    }
    return {**files, f"{folder}/model_meta.json": json.dumps(_model_meta(export, name, revision), indent=2) + "\n"}


def _task_name(task: str) -> str:
    return SAME_TASKS.get(task, f"{task}-xtreme-harness")


def _task_result(export: Export, task: str, results: list[LanguageResult]) -> dict[str, Any]:
    split = results[0].unit.split
    return {
        "dataset_revision": _revision(results),
        "task_name": _task_name(task),
        "mteb_version": _FORMAT,
        "scores": {split: [_scores(result) for result in results]},
        "evaluation_time": sum(result.record.get("seconds", 0.0) for result in results),
        "kg_co2_emissions": None,
        "notes": export.setup,
    }


def _scores(result: LanguageResult) -> dict[str, Any]:
    code = result.unit.language
    found = language(code)
    metrics = {name: cell["value"] / whole(cell) for name, cell in result.cells.items()}
    intervals = {
        f"{name}_{end}": cell[end] / whole(cell)
        for name, cell in result.cells.items()
        for end in ("low", "high")
        if end in cell
    }
    iso = _ISO_639_3.get(code, found.iso639_3)
    pair = {"hf_subset": f"{iso}-eng", "languages": [f"{iso}-{found.script}", "eng-Latn"]}
    return {**metrics, **intervals, "main_score": result.score["value"] / whole({"scale": result.scale}), **pair}


def _revision(results: list[LanguageResult]) -> str:
    """The commit of the data where one is known for all languages, else what says that it is none of mteb's."""
    datasets = [unit_dataset(result.task, result.unit, result.record) for result in results]
    revisions = {dataset.revision if dataset else "" for dataset in datasets}
    if len(revisions) == 1 and "" not in revisions:
        return revisions.pop()
    return f"not-of-mteb: {results[0].record['data'].get('source', 'unknown')}"


def _model_meta(export: Export, name: str, revision: str) -> Mapping[str, Any]:
    unknown = (
        "release_date languages memory_usage_mb max_tokens license open_weights public_training_code "
        "public_training_data use_instructions training_datasets"
    )
    return {
        "name": name,
        "revision": revision,
        "n_parameters": export.row["model"]["parameters"],
        "embed_dim": export.runs[0].record["model"].get("hidden_size"),
        "framework": ["PyTorch"],
        "similarity_fn_name": "cosine",
        **dict.fromkeys(unknown.split()),
    }
