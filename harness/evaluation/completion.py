"""Completes the record of a run: averages, what makes it incomparable, what it used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.core.clock import now
from harness.evaluation._unit_record import ScoredFiles
from harness.registry.registry import load_part
from harness.runs.folder import RunFolder
from harness.runs.recorded_scores import aggregated, by_item, primaries, recorded_score, selection
from harness.scoring.mixed_pairs import mixed_means
from harness.scoring.robustness import Scored, losses
from harness.scoring.scores import BenchmarkScore, UnitScore
from harness.training.run_resources import run_resources
from harness.types.benchmarks import Benchmark
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.evaluation.plan import PlannedUnit
    from harness.registry.registry import Registry
    from harness.types.record import RunRecord


def finish(
    folder: RunFolder,
    registry: Registry,
    benchmark: str | None,
    planned: list[PlannedUnit],
    scored_here: Mapping[str, ScoredFiles],
) -> tuple[RunRecord, BenchmarkScore]:
    """Aggregates the units of the plan and completes the record; returns the record and the scores.

    The items of units that were ``scored_here`` are in memory, those of others are read from their files.
    """
    record = folder.refresh()
    clean = [entry for entry in planned if entry.unit.plain]
    chosen = registry.benchmark(benchmark) if benchmark else adhoc_benchmark(clean, registry)
    scored: dict[str, dict[str, UnitScore]] = {}
    units: dict[tuple[str, str, str], Scored] = {}
    for entry in planned:
        unit = record["units"].get(entry.unit.key)
        if unit is not None and unit["score"] is not None and entry.present:
            known = scored_here.get(entry.unit.key)
            score = (
                known.score
                if known is not None and known.is_of(unit)
                else recorded_score(folder.path, registry, entry.unit, unit)
            )
            units[entry.unit.task, entry.unit.language, entry.unit.split] = Scored(unit, score)
            if entry.unit.plain:
                scored.setdefault(entry.unit.task, {})[entry.unit.language] = score
    scores = aggregated(chosen, scored, registry)
    with folder.changing() as record:
        record["benchmark"] = benchmark
        record["primary"] = {name: list(task.primary) for name, task in scores.tasks.items()}
        record["by_item"] = [name for name in by_item(chosen, registry) if name in scores.tasks]
        some = scores.coverage
        record["partial"] = [
            *partial_reasons(record, clean),
            *smaller_pools(registry, clean),
            *([some] if some else []),
        ]
        record["scores"] = scores.to_dict()
        record["resources"] = run_resources(record, registry)
        record["robustness"] = losses(units, primaries(chosen, registry))
        split = record["options"].get("split", "test")
        record["mixed_pairs"] = mixed_means(units, mixed_matrices(planned), split, primaries(chosen, registry))
        record["finished"] = now()
    return record, scores


def mixed_matrices(planned: list[PlannedUnit]) -> dict[str, list[str]]:
    """The languages of each task's matrix of mixed pairs, in the order of the plan.

    One of an earlier command is among them if all of its pairs with the others are.
    """
    pairs = {(entry.unit.task, *entry.unit.languages) for entry in planned if entry.unit.mixed}
    found: dict[str, list[str]] = {}
    for entry in planned:
        for code in entry.unit.languages if entry.unit.mixed else ():
            codes = found.setdefault(entry.unit.task, [])
            others = ((entry.unit.task, *pair) for other in codes for pair in ((code, other), (other, code)))
            if code not in codes and all(pair in pairs for pair in others):
                codes.append(code)
    return found


def adhoc_benchmark(planned: list[PlannedUnit], registry: Registry) -> Benchmark:
    """The selected tasks, each in all of its languages, without an overall score."""
    tasks: dict[str, tuple[str, ...]] = {}
    for entry in planned:
        tasks[entry.unit.task] = (*tasks.get(entry.unit.task, ()), entry.unit.language)
    return selection(tasks, registry, planned[0].unit.split if planned else "test")


def smaller_pools(registry: Registry, planned: list[PlannedUnit]) -> list[str]:
    """Tasks whose languages are scored together, for each holds candidates of the others, and have not all been."""
    chosen: dict[str, list[PlannedUnit]] = {}
    for entry in planned:
        chosen.setdefault(entry.unit.task, []).append(entry)
    reasons = []
    for name, entries in chosen.items():
        task = entries[0].task
        codes = [code for code, splits in task.languages.items() if entries[0].unit.split in splits]
        present = [entry.unit.language for entry in entries if entry.present]
        joins = task.pool is None and load_part(registry.family(task.family), "implementation").joins
        if joins and 0 < len(present) < len(codes):
            reasons.append(
                f"{name}: candidates and answers of {len(present)} of its {len(codes)} languages ({', '.join(present)})"
            )
    return reasons


def _without_translation(record: RunRecord) -> list[str]:
    """Units in other languages than English of which a model for pairs read texts without their English, and how many."""
    found = []
    for key, unit in record["units"].items():
        alone = unit.get("facts", {}).get("pairs", {}).get("self", 0)
        if alone and Unit.of(key).language != "en":
            found.append(f"{key} ({alone:,} of {unit['examples']:,})")
    return found


def partial_reasons(record: RunRecord, planned: list[PlannedUnit]) -> list[str]:
    """Lists reasons why a run's scores are not comparable with the benchmark's."""
    reasons = []
    options = record["options"]
    if copy := record["model"].get("copy"):
        reasons.append(f"the model is a {copy}")
    if options["limit"]:
        reasons.append(f"at most {options['limit']} examples a unit (--limit)")
    if options["train_limit"]:
        reasons.append(f"at most {options['train_limit']} training examples (--train-limit)")
    if options.get("select_on"):
        reasons.append(f"not zero-shot: checkpoints were selected on dev data in {', '.join(options['select_on'])}")
    if alone := _without_translation(record):
        reasons.append(f"texts without a translation are paired with themselves: {', '.join(alone)} (--pair-missing)")
    if options["split"] != "test":
        reasons.append(f"scored on the {options['split']} split")
    states = {entry.status.state for entry in planned if entry.status is not None}
    if "sample" in states:
        return [*reasons, "the data are the harness's sample corpus, not the benchmark's"]
    excerpts = [
        f"{entry.unit.key} ({entry.status.rows:,} of {entry.status.expected:,})"
        for entry in planned
        if entry.status is not None and entry.status.state == "excerpt" and entry.status.expected is not None
    ]
    if excerpts:
        reasons.append("other row counts than the official release: " + ", ".join(excerpts))
    short = [
        f"{part['task']} {name} ({data['rows']:,} of {data['expected']:,})"
        for stage in record["stages"]
        for part in stage["tasks"]
        for name, data in part["data"].items()
        if data["expected"] is not None and data["rows"] != data["expected"]
    ]
    if short:
        reasons.append("trained on other row counts than the official release: " + ", ".join(short))
    return reasons
