"""The state of splits as plain values: which files are present, and whether they are sound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.core.border import border
from harness.core.errors import DataError
from harness.data._checks import lost_answers, shifted_answers
from harness.data.access import DataAccess
from harness.data.splits import TaskSplit


def split_states(splits: Iterable[TaskSplit], data: DataAccess, *, deep: bool = False) -> list[dict[str, Any]]:
    """Task, language, split, state, rows, expected rows, source, files and reason of each split.

    ``deep`` reads the data: damage that only reading shows changes the state, and examples and fingerprint are added.
    """
    return [_state(item, data, deep) for item in splits]


def _state(item: TaskSplit, data: DataAccess, deep: bool) -> dict[str, Any]:
    status = data.status(item.split)
    state = {
        "task": item.task.name,
        "language": item.language,
        "split": item.name,
        "state": status.state,
        "rows": status.rows,
        "expected": status.expected,
        "source": status.source,
        "files": [str(path) for path in status.files],
        "reason": status.reason,
    }
    return state | (_read(item, data) if deep and status.state not in ("missing", "damaged") else {})


def _read(item: TaskSplit, data: DataAccess) -> dict[str, Any]:
    """Changes that reading the split makes to its state."""
    try:
        loaded = data.load(item.task, item.split)
        with border(f"{item.task.name}: its answers cannot be checked"):
            lost, shifted = list(lost_answers(loaded.examples)), shifted_answers(loaded.examples)
    except DataError as error:
        return {"state": "damaged", "reason": str(error)}
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        return {"state": "damaged", "reason": f"{loaded.files[0]}: {lost[0]}{more}"}
    found: dict[str, Any] = {"examples": len(loaded.examples), "fingerprint": loaded.fingerprint}
    if shifted:
        found["reason"] = f"{shifted} answers are realigned: their offsets are off"
    return found
