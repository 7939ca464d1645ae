"""Several seeds of one system: mean and standard deviation of every score."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import UsageError
from harness.core.files import read_text, write_atomic
from harness.runs.scored_files import inside

if TYPE_CHECKING:
    from harness.types.record import ScoresRecord

SUMMARY = "seeds.json"
"""The file of means over seeds, next to the runs."""
_NOTHING: Mapping[str, Any] = {"metrics": {}}
SEEDLESS = "baseline:majority"
"""The model in which nothing is random."""


def check_seeds(seeds: Sequence[int], model: object) -> None:
    """Refuses a seed that is given twice, and several for ``model``, a reference, that does not depend on them."""
    if len(set(seeds)) != len(seeds):
        raise UsageError(f"seeds {', '.join(map(str, seeds))}: each seed once")
    if len(seeds) > 1 and str(model) == SEEDLESS:
        raise UsageError(f"{model}: gives the same answers with every seed", hint="leave --seeds out")


def seed_folder(folder: Path, seed: int) -> Path:
    """The run folder of one seed."""
    return folder / f"seed-{seed}"


def seed_of(folder: Path) -> int:
    """The seed of a folder that :func:`seed_folder` named."""
    return int(folder.name.removeprefix("seed-"))


def summarise(tables: Sequence[ScoresRecord], seeds: Sequence[int]) -> dict[str, Any]:
    """Mean and sample standard deviation over seeds: overall, by task, and by task and language (its main score).

    ``tables`` are the scores of the runs as records have them, one a seed. A score that a seed lacks has no mean; where
    all lack it, ``partial`` is about the means over the languages that were scored.
    With one seed there is no deviation, and ``"single_seed"`` says so.
    """
    tasks = {
        task: {
            **({"scale": score["scale"]} if "scale" in score else {}),
            "score": _over([table["tasks"][task]["score"] if task in table["tasks"] else None for table in tables]),
            **_partial([table["tasks"].get(task, {}) for table in tables]),
            "metrics": {
                metric: {
                    **({"scale": known["scale"]} if "scale" in known else {}),
                    "average": _over([_at(table, task, metric, None) for table in tables]),
                    **_partial([table["tasks"].get(task, _NOTHING)["metrics"].get(metric, {}) for table in tables]),
                    "languages": {
                        language: _over([_at(table, task, metric, language) for table in tables])
                        for language in known["languages"]
                    },
                }
                for metric, known in score["metrics"].items()
            },
        }
        for task, score in tables[0]["tasks"].items()
    }
    return {
        "benchmark": tables[0].get("benchmark"),
        "seeds": list(seeds),
        "single_seed": len(tables) == 1,
        "overall": _over([table["overall"] for table in tables]),
        "tasks": tasks,
    } | ({"missing": tables[0]["missing"]} if tables[0].get("missing") else {})


def write_summary(summary: dict[str, Any], folder: Path) -> Path:
    """Writes ``seeds.json`` next to the runs of the seeds."""
    path = folder / SUMMARY
    write_atomic(path, json.dumps(summary, indent=1) + "\n")
    return path


def run_folders(folder: Path) -> list[Path]:
    """The run folder itself, or those of its seeds where ``harness eval --seeds`` wrote it; DataError if it is torn."""
    path = folder / SUMMARY
    if (folder / "record.json").is_file() or not path.is_file():
        return [folder]
    with border(f"{path}: not a summary of seeds", hint="the same `harness eval` writes it again"):
        return [inside(folder, f"seed-{int(seed)}") for seed in json.loads(read_text(path))["seeds"]]


def _at(scores: ScoresRecord, task: str, metric: str, language: str | None) -> float | None:
    found = scores["tasks"][task]["metrics"].get(metric) if task in scores["tasks"] else None
    if found is None:
        return None
    return found["average"] if language is None else found["languages"].get(language)


def _partial(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The means over some of the languages, where every seed has one, of the same languages."""
    values = [entry.get("partial") for entry in entries]
    covered = {tuple(entry["languages"]) for entry in entries if "languages" in entry}
    return {"partial": _over(values)} if None not in values and len(covered) < 2 else {}


def _over(values: Sequence[float | None]) -> dict[str, float | int | None]:
    there = [value for value in values if value is not None]
    complete = len(there) == len(values)
    return {
        "mean": statistics.fmean(there) if complete else None,
        "sd": statistics.stdev(there) if complete and len(there) > 1 else None,
        "n": len(there),
    }
