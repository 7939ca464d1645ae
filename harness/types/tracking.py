"""Trackers: what a plugin implements to follow a run, as TensorBoard and Weights & Biases do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.files import read_text, write_atomic
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.types.record import RunRecord, UnitRecord

MEMORY = "trackers.json"
"""Keeps what trackers remember of a run, in its folder."""


@dataclass(frozen=True)
class TrackedRun:
    """A run, or the training of a checkpoint, as a tracker sees it.

    ``folder`` is where a tracker may write: that of the run, or ``NAME.tracking`` beside a checkpoint. ``config`` are the
    model, the options and the units, without paths of this machine and secrets. ``memory`` is what the tracker remembered
    of this run when the same command ran before. ``offline``: nothing may be sent.
    """

    name: str
    folder: Path
    config: Mapping[str, Any]
    tracker: str
    offline: bool = False
    memory: dict[str, str] = field(default_factory=dict)

    def remember(self, **values: str) -> None:
        """Keeps values for the time when the run is continued: its id, say."""
        path = self.folder / MEMORY
        self.memory.update(values)
        known = json.loads(read_text(path)) if path.is_file() else {}
        write_atomic(path, json.dumps({**known, self.tracker: self.memory}, indent=1) + "\n")

    @property
    def flat_config(self) -> dict[str, str]:
        """The config as texts by dotted names (``overrides.lr``); what is not set is left out."""
        return dict(_flat(self.config))


class RunTracker:
    """Follows one run, from its start or its continuation to its end. Every method may be left as it is.

    An exception ends the tracking, with one warning, and never the run.
    """

    def __init__(self, run: TrackedRun) -> None:
        self.run = run

    def step(self, stage: str, step: int, total: int, loss: float) -> None:
        """Some training steps of a stage were made: the last of them, of how many, and the mean loss since the last call."""

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """A unit has its result; ``cached``: it had it before. Its numbers are :func:`unit_numbers`."""

    def finish(self, record: RunRecord) -> None:
        """The run has ended and its record is complete: :func:`run_numbers`, and the lineage in ``record["stages"]``."""

    def close(self, *, failed: bool) -> None:
        """Called last, in any case; ``failed``: the run was stopped or raised, and may be continued."""


def unit_numbers(unit: Unit, entry: UnitRecord) -> dict[str, float]:
    """The metrics of a unit by name: ``{"test/xnli/accuracy/sw": 71.2}``; none without gold labels."""
    metrics = entry["score"]["metrics"] if entry["score"] else {}
    return {f"{unit.split}/{unit.task}/{name}/{unit.language}": found["value"] for name, found in metrics.items()}


def run_numbers(record: RunRecord) -> dict[str, float]:
    """The averages of a finished run and the dev scores of its stages: ``score/xnli``, ``score/overall``, ``dev/mnli``.

    A mean over some of the languages that count is ``partial/xnli``.
    """
    scores = record["scores"]
    some = {f"partial/{name}": task.get("partial") for name, task in scores["tasks"].items()} if scores else {}
    tasks = {name: task["score"] for name, task in scores["tasks"].items()} if scores else {}
    overall = {"overall": scores["overall"]} if scores else {}
    dev = {f"dev/{stage['name']}": stage.get("dev_score") for stage in record["stages"]}
    found = {**{f"score/{name}": value for name, value in {**tasks, **overall}.items()}, **some, **dev}
    return {name: value for name, value in found.items() if value is not None}


def lineage(record: RunRecord) -> list[dict[str, Any]]:
    """The trainings that led to a run: name, key, parent, seed, steps and the fingerprint of the weights."""
    names = ("name", "key", "parent", "steps", "selected_step", "dev_score", "fingerprint", "lineage")
    return [
        {**{name: stage[name] for name in names if name in stage}, "seed": stage["options"]["seed"]}  # type: ignore[literal-required]
        for stage in record["stages"]
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{name}.")
        elif value not in (None, "", [], ()):
            found.append((prefix + name, value if isinstance(value, str) else json.dumps(value)))
    return found
