"""The objectives that a run's own stages were trained with, read from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.types.record import RunRecord


def scored_objectives(record: RunRecord, *, methods: bool = True) -> list[str]:
    """Those of the stages of the tasks that are scored, as ``--set objective`` takes them; none for plain training.

    Without ``methods``, only those in which something else than a training method is: a control, for example. Those of the
    stages before them are in the names of these stages (``mnli@shuffled``).
    """
    resources = record.get("resources")
    earlier = len(resources["intermediate"]) if resources else 0
    found = {
        "@".join(objective["name"] for objective in task["objective"])
        for stage in record["stages"]
        if len(stage.get("lineage", ())) > earlier
        for task in stage["tasks"]
        if task.get("objective") and (methods or not all(each.get("method") for each in task["objective"]))
    }
    return sorted(found)
