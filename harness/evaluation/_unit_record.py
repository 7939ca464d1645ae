"""A predicted unit on disk and in the record: the official files, their score, and where everything came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.hashing import file_sha256
from harness.evaluation._preparation import PreparedUnit
from harness.inference.timing import Timings
from harness.runs.folder import RunFolder
from harness.scoring.files import score_unit
from harness.scoring.metrics import get_metric
from harness.scoring.scores import UnitScore
from harness.types.units import Prediction

if TYPE_CHECKING:
    from harness.families.base import Predictor
    from harness.scoring.formats.base import Format
    from harness.types.record import FileRecord, UnitRecord


@dataclass(frozen=True)
class ScoredFiles:
    """The score, with its items, of two files that were written here: their names and sha256."""

    predictions: FileRecord
    labels: FileRecord | None
    score: UnitScore

    def is_of(self, record: UnitRecord) -> bool:
        """Tells whether the record of a unit is about these files."""
        return (record["predictions"], record["labels"]) == (self.predictions, self.labels)


def told_now(record: UnitRecord, ready: PreparedUnit) -> UnitRecord:
    """The record of a unit with what is said of its data now, of which the key is none: an ``about.toml`` may be another."""
    provenance = [part.to_dict() for part in ready.data.provenance]
    said = {**record["data"], "notes": list(ready.data.notes), "provenance": provenance}
    return {**record, "data": said, "resources": ready.resources}  # type: ignore[typeddict-item]


def keep_unit(
    run: RunFolder,
    format_: Format,
    ready: PreparedUnit,
    prediction: Prediction,
    family: Predictor,
    phases: Timings,
) -> tuple[UnitRecord, ScoredFiles | None]:
    """The record of a unit, and its score with the items, None where there are no labels.

    Its predictions and labels are on disk then, in the task's own format.
    """
    planned, unit = ready.planned, ready.planned.unit
    task = planned.task
    predictions = run.file("predictions", unit, format_.extension)
    labels = run.file("labels", unit, format_.extension)
    with phases("write"):
        format_.write_predictions(predictions, ready.examples.examples, prediction.predictions)
        labelled = format_.write_labels(labels, ready.examples.examples)
    record: UnitRecord = {
        "key": ready.key,
        "checkpoint": ready.checkpoint,
        "task_version": task.version,
        "provider": task.provider,
        "examples": len(ready.examples.examples),
        "data": {
            "rows": ready.data.rows,
            "expected": ready.data.expected,
            "fingerprint": ready.data.fingerprint,
            "source": ready.data.source,
            "state": planned.status.state if planned.status else None,
            "notes": list(ready.data.notes),
            "provenance": [part.to_dict() for part in ready.data.provenance],
        },
        "resources": ready.resources,
        "predictions": _file_record(run, predictions),
        "labels": _file_record(run, labels) if labelled else None,
        "facts": {**prediction.facts, **ready.facts},
        "score": None,
    }
    if ready.data.in_place_of:
        record["data"]["in_place_of"] = ready.data.in_place_of
    scored = None
    if labelled:
        name = family.metric_name(task.metric)
        if name != task.metric:
            record["metric"] = name
        with phases("score"):
            metric = get_metric(name)
            choices = family.choices(prediction.unit)
            scored = score_unit(task.name, metric, format_, unit.language, predictions, labels, task.labels, choices)
        record["score"] = scored.to_dict()
    return record, None if scored is None else ScoredFiles(record["predictions"], record["labels"], scored)


def _file_record(run: RunFolder, path: Path) -> FileRecord:
    return {"file": path.relative_to(run.path).as_posix(), "sha256": file_sha256(path)}
