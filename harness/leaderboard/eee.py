"""Results as Every Eval Ever stores them: a JSON record of schema 0.3.0 with uncertainty, and the items as JSON Lines.

The schema is that of https://github.com/evaleval/every_eval_ever.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from sys import float_info
from typing import Any

import numpy as np

from harness.core.errors import check_choice
from harness.leaderboard.formats import Export, LanguageResult, whole
from harness.results.examples import scored_examples
from harness.runs.model_card import unit_dataset
from harness.scoring.files import TaskScorer, item_statistics
from harness.scoring.formats.base import Aligned
from harness.scoring.intervals import RESAMPLES
from harness.scoring.metrics.base import AdditiveMetric
from harness.scoring.scale import ENDS, PERCENT, Scale

SCHEMA_VERSION = "0.3.0"
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")
_METRICS = {"accuracy": "accuracy", "f1": "f1", "exact_match": "exact-match"}
"""Metrics that other evaluations have under the same name; they are proportions from 0 to 1 there."""

_UNITS: dict[Scale, str] = {PERCENT: "percent", "0-1": "proportion", "-1-1": "correlation", "unbounded": "number"}


def eee_files(export: Export) -> dict[str, str]:
    """The record and, of a single run, its items, where Every Eval Ever's repository keeps them.

    The items hold the texts of the test data where they are available (``data_dir``), else only labels and predictions.
    """
    row, options = export.row, export.options
    check_choice("relationship", options.get("relationship", "other"), RELATIONSHIPS)
    developer, model = _model(row["model"]["reference"] or "unknown", options.get("developer", "unknown"))
    collection = row["benchmark"] or "xtreme-harness"
    digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()
    name = str(uuid.UUID(bytes=digest[:16], version=4))  # the same row keeps its name
    folder = f"data/{collection}/{developer}/{model}"
    time = str(int(datetime.fromisoformat(row["run"]["date"]).timestamp()))
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{collection}/{developer}_{model}/{time}-{digest.hex()[:8]}",
        "evaluation_timestamp": row["run"]["date"],
        "retrieved_timestamp": time,
        "source_metadata": _source(export),
        "eval_library": _library(export),
        "model_info": _model_info(export, developer, model),
        "evaluation_results": [
            *(_result(export, result, metric) for result in export.results for metric in result.cells),
            *(_average(export, cell) for cell in export.averages),
        ],
    }
    files = {}
    if len(export.runs) == 1:
        lines = [json.dumps(line, ensure_ascii=False, sort_keys=True) for line in _samples(export, record)]
        if lines:
            text = "\n".join(lines) + "\n"
            path = f"{folder}/{name}_samples.jsonl"
            files[path] = text
            record["detailed_evaluation_results"] = {
                "format": "jsonl",
                "file_path": path,
                "hash_algorithm": "sha256",
                "checksum": hashlib.sha256(text.encode()).hexdigest(),
                "total_rows": len(lines),
            }
    return {f"{folder}/{name}.json": json.dumps(record, indent=2, ensure_ascii=False) + "\n", **files}


def _model(reference: str, developer: str) -> tuple[str, str]:
    """Developer and name, each fit for a folder; ``developer`` is for a reference that does not name one."""
    names = [developer, *reference.partition("@")[0].split("/")]
    first, second = (re.sub(r"[^A-Za-z0-9._-]+", "-", name) for name in names[-2:])
    return first, second


def _source(export: Export) -> dict[str, Any]:
    options = export.options
    url = {"source_organization_url": options["organization_url"]} if "organization_url" in options else {}
    return {
        "source_name": "xtreme-harness",
        "source_type": "evaluation_run",
        "source_organization_name": options.get("organization", "unknown"),
        **url,
        "evaluator_relationship": options.get("relationship", "other"),
    }


def _library(export: Export) -> dict[str, Any]:
    run = export.row["run"]
    packages = run["environment"].get("packages") or {}
    details = {"setup": export.setup, "command": " ".join(run["command"])}
    return {
        "name": "xtreme-harness",
        "version": run["harness"]["version"],
        "additional_details": _texts({**details, **{f"package.{name}": value for name, value in packages.items()}}),
    }


def _model_info(export: Export, developer: str, model: str) -> dict[str, Any]:
    row = export.row
    known = row["model"]
    packages = row["run"]["environment"].get("packages") or {}
    stages = [
        {"name": stage["name"], "key": stage["key"], "seed": stage["options"]["seed"]}
        for stage in row["run"]["lineage"]
    ]
    details = {
        "deployment_type": "self_deployed",
        "model_availability": "open_weights" if known["revision"] else "unknown",
        "revision": known["revision"],
        "fingerprint": known["fingerprint"],
        "architecture": known.get("architecture"),
        "parameters": known["parameters"],
        "setting": row["setting"],
        "selection": row["selection"],
        "seeds": row["run"]["seeds"],
        "stages": stages,
        "recipe": row["run"]["options"].get("recipe"),
        "dtype": row["run"]["options"].get("dtype"),
    }
    version = {"version": packages["transformers"]} if packages.get("transformers") else {}
    return {
        "name": row["system"],
        "id": f"{developer}/{model}",
        "developer": developer,
        "inference_engine": {"name": "transformers", **version},
        "additional_details": _texts(details),
    }


def _result(export: Export, result: LanguageResult, metric: str) -> dict[str, Any]:
    data, cell = result.record["data"], result.cells[metric]
    dataset = unit_dataset(result.task, result.unit, result.record)
    details = {
        "source": data.get("source"),
        "fingerprint": data.get("fingerprint"),
        "config": dataset.config if dataset else None,
        "revision": dataset.revision if dataset else None,
        "language": result.unit.language,
        "licence": result.task.licence,
        "official_rows": data.get("expected"),
    }
    hub = {"hf_repo": dataset.repo, "hf_split": dataset.split, "samples_number": cell["n"]} if dataset else {}
    where = {
        "dataset_name": result.task.name,
        "source_type": "hf_dataset" if dataset else "other",
        **hub,
        "additional_details": _texts(details),
    }
    name = f"{result.task.name}.{result.unit.language}"
    return _entry(export, name, metric, cell, where, result.task.summary)


def _average(export: Export, cell: Mapping[str, Any]) -> dict[str, Any]:
    name = cell["task"].removeprefix("group:")
    languages = cell["languages"] if isinstance(cell["languages"], list) else ["all of the benchmark"]
    where = {
        "dataset_name": export.row["benchmark"] or name,
        "source_type": "other",
        "additional_details": _texts({"languages": languages, "part": cell["task"]}),
    }
    return _entry(export, f"{name}.mean", cell["metric"], cell, where, "mean over languages or tasks")


def _entry(
    export: Export, name: str, metric: str, cell: Mapping[str, Any], where: Mapping[str, Any], summary: str
) -> dict[str, Any]:
    known = _METRICS.get(metric)
    own: Scale = cell.get("scale", PERCENT)
    scale = whole(cell) if known else 1
    low, high = ENDS.get(own, (-float_info.max, float_info.max))  # the schema wants ends
    details = {
        **({"value_0_to_100": cell["value"]} if own == PERCENT else {"value": cell["value"], "scale": own}),
        "seeds": cell.get("seeds"),
        "seed_deviation": cell.get("seed_deviation"),
    }
    return {
        "evaluation_result_id": f"{name}:{metric}",
        "evaluation_name": name,
        "evaluation_timestamp": export.row["run"]["date"],
        "source_data": dict(where),
        "metric_config": {
            "evaluation_description": summary,
            "metric_id": known or f"xtreme-harness.{metric}",
            "metric_name": metric,
            "metric_unit": "proportion" if scale == 100 else _UNITS[own],
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": low / scale,
            "max_score": high / scale,
        },
        "score_details": {
            "score": cell["value"] / scale,
            "details": _texts(details),
            **({"uncertainty": found} if (found := _uncertainty(cell, scale)) else {}),
        },
    }


def _uncertainty(cell: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """Standard error and 95% interval over the test items, on the scale of the score."""
    plain = _is_share(cell)
    found: dict[str, Any] = {}
    if "stderr" in cell:
        found["standard_error"] = {"value": cell["stderr"] / scale, "method": "analytic" if plain else "bootstrap"}
    if "low" in cell and "high" in cell:
        ends = {"lower": cell["low"] / scale, "upper": cell["high"] / scale}
        method = "Wilson" if plain else "bootstrap, percentiles"
        found["confidence_interval"] = {**ends, "confidence_level": 0.95, "method": method}
    if found:
        found |= {"num_samples": cell["n"]} if "n" in cell else {}
        found |= {} if plain else {"num_bootstrap_samples": RESAMPLES}
    return found


def _is_share(cell: Mapping[str, Any]) -> bool:
    """Tells whether the standard error is that of a plain share of the items; any other comes from the bootstrap."""
    share = cell["value"] / whole(cell)
    known = "n" in cell and "stderr" in cell and 0 <= share <= 1
    return known and abs(cell["stderr"] / whole(cell) - (share * (1 - share) / cell["n"]) ** 0.5) < 1e-9


def _samples(export: Export, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A line for each item and each primary metric that has a value of its own for an item."""
    run = export.runs[0]
    for result in export.results:
        scorer = TaskScorer.of(export.registry, result.task.name)
        if not isinstance(scorer.metric, AdditiveMetric):
            continue
        predictions, labels = run.files(result.record)
        aligned, statistics = item_statistics(
            scorer.metric, scorer.format, result.unit.language, predictions, labels, scorer.labels
        )
        texts = _inputs(export, result, aligned)
        each = scorer.metric.finish(statistics)
        name = f"{result.task.name}.{result.unit.language}"
        for metric in result.primary:
            values = np.broadcast_to(each[metric], len(aligned.ids)) / whole(result.cells[metric])
            for item, value in enumerate(values):
                gold, predicted = _answers(aligned.gold[item]), _answers(aligned.predicted[item])
                raw = texts(item)
                content = json.dumps({"raw": raw, "reference": gold}, sort_keys=True, separators=(",", ":"))
                yield {
                    "schema_version": SCHEMA_VERSION,
                    "evaluation_id": record["evaluation_id"],
                    "model_id": record["model_info"]["id"],
                    "evaluation_name": name,
                    "evaluation_result_id": f"{name}:{metric}",
                    "sample_id": f"{result.task.name}/{result.unit.language}/{result.unit.split}/{aligned.ids[item]}",
                    **({"sample_hash": hashlib.sha256(content.encode()).hexdigest()} if raw else {}),
                    "interaction_type": "single_turn",
                    "input": {"raw": raw, "reference": gold},
                    "output": {"raw": predicted},
                    "answer_attribution": [
                        {
                            "turn_idx": 0,
                            "source": "output.raw",
                            "extracted_value": " ".join(predicted),
                            "extraction_method": "decoded by the family of the task",
                            "is_terminal": True,
                        }
                    ],
                    "evaluation": {"score": float(value), "is_correct": bool(value >= 1)},
                }


def _inputs(export: Export, result: LanguageResult, aligned: Aligned) -> Callable[[int], str]:
    """The text of each item, without its label; "" where the data are not there, or an item is no single example."""
    unit = result.unit
    if export.data_dir is None:
        return lambda item: ""
    examples = scored_examples(export.runs[0], unit.task, unit.language, export.registry, export.data_dir)
    kinds = {type(example) for example in examples}
    if len(kinds) != 1 or len(examples) != len(aligned.ids) or kinds.pop().in_file_order(examples) is not examples:
        return lambda item: ""
    return lambda item: "\n".join(text.replace("\n", " ") for text in examples[item].texts().values())


def _answers(value: Any) -> list[str]:
    """A label, or a list of answers or tags, as texts; none for a missing prediction."""
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """The values as texts, since details hold nothing else; what is not known is left out."""
    known = {name: value for name, value in values.items() if value not in (None, "", [])}
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in known.items()
    }
