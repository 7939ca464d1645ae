"""The resources of a run: those of all its stages and units, and of its model where the harness trained it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.resources import union
from harness.training.lineage import Before, before, stage_resources
from harness.training.via import parse_via

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.record import RunRecord, RunResourcesRecord


def run_resources(record: RunRecord, registry: Registry) -> RunResourcesRecord:
    """The union, with ``intermediate``: the stages, in order, that came before those of the tasks that are scored."""
    model = record["model"]
    known = before(Path(model["reference"]), registry) if model.get("kind") == "folder" else Before((), {})
    stages = [stage_resources(stage, registry) for stage in record["stages"]]
    units = [unit.get("resources", {}) for unit in record["units"].values()]
    return {
        **union([known.resources, *stages, *units]),
        "intermediate": [*_earlier(record, known), *_via(record)],
    }


def _earlier(record: RunRecord, known: Before) -> Sequence[str]:
    """The stages that the model had gone through; of one that is scored as it is, the last may be the task's own."""
    if record["options"].get("train") == "never":
        return ()
    first = next((stage for stage in record["stages"] if "model" in (stage.get("parent") or {})), None)
    return first["lineage"][:-1] if first is not None and "lineage" in first else known.stages


def _via(record: RunRecord) -> list[str]:
    """The stages of ``--via`` by their names, in which no blank counts."""
    return ["+".join(map(str, parse_via(text))) for text in record["options"].get("via") or ()]
