"""The objectives that a run's own stages were trained with, read from its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def scored_objectives(record: Mapping[str, Any]) -> list[str]:
    """Those of the stages of the tasks that are scored, as ``--set objective`` takes them; none for plain training.

    Those of the stages before them are in the names of these stages (``mnli@shuffled``).
    """
    earlier = len((record.get("resources") or {}).get("intermediate", ()))
    found = [
        "@".join(str(objective["name"]) for objective in task["objective"])
        for stage in record["stages"]
        if len(stage.get("lineage") or ()) > earlier
        for task in stage["tasks"]
        if task.get("objective")
    ]
    return sorted(set(found))
