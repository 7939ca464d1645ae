"""The content of a study's report: its design, its runs and units, what the analysis found, its plan and its costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.analysis.effects.findings import Findings
from harness.analysis.effects.observations import Observation
from harness.types.studies import Arm, Study

RunState = Literal["finished", "unfinished", "failed", "unreadable", "not started"]
UnitState = Literal["scored", "failed", "missing", "not reached"]


@dataclass(frozen=True)
class StudyRun:
    """One run of the grid: a model in an arm with a seed, its folder (within the study's), and how far it has come.

    ``reason`` says why it failed, or cannot be read. ``partial`` are the reasons why its scores are not the benchmark's.
    """

    model: str
    arm: str
    seed: int
    folder: str
    state: RunState
    reason: str = ""
    partial: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``tiny, mnli, seed 1``."""
        return f"{self.model}, {self.arm}, seed {self.seed}"


@dataclass(frozen=True)
class StudyUnit:
    """One unit of one run: a task in a language, plain or perturbed, with its observation where it was scored.

    ``reason`` says why there is no score. ``low`` and ``high`` are the 95% interval over its items, ``metrics`` the
    primary ones that the score is the mean of, ``checkpoint`` the key of the stage that predicted it.
    """

    run: StudyRun
    task: str
    language: str
    perturbation: str = ""
    state: UnitState = "not reached"
    reason: str = ""
    observation: Observation | None = None
    low: float | None = None
    high: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    checkpoint: str = ""

    @property
    def score(self) -> float | None:
        """The score, 0-100; None where there is none."""
        return self.observation.score if self.observation else None


@dataclass(frozen=True)
class PlanState:
    """The frozen plan: its checksum and date ("" where nothing was frozen), and the deviations from it, in words.

    ``exploratory`` names the contrasts that it does not have. ``detectable`` is the smallest effect that each contrast was
    planned to find.
    """

    checksum: str = ""
    frozen: str = ""
    changes: tuple[str, ...] = ()
    exploratory: tuple[str, ...] = ()
    detectable: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """A part of what the study cost: number of trainings or units, hours on the clock, tokens and FLOPs if known."""

    name: str
    count: int | None
    hours: float
    tokens: int | None = None
    flops: float | None = None


@dataclass(frozen=True)
class StudyReport:
    """A study, what its runs hold, and what its analysis found. ``folder`` is the study's, as the user gave it.

    ``arms`` are all of them, those made from ``via`` too. ``searches`` are the entries of ``search.json``. ``versions``
    are facts about what computed the runs and the statistics, ``commands`` those that make all of it again, ``titles``
    the names that people use of tasks.
    """

    study: Study
    arms: tuple[Arm, ...]
    size: str
    folder: str
    runs: tuple[StudyRun, ...]
    units: tuple[StudyUnit, ...]
    findings: Findings
    plan: PlanState = field(default_factory=PlanState)
    costs: tuple[Cost, ...] = ()
    searches: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The study and its size: "size-robustness, smoke"."""
        return f"{self.study.name}, {self.size}" if self.size else self.study.name

    @property
    def scored(self) -> list[StudyUnit]:
        """The units with a score."""
        return [unit for unit in self.units if unit.observation is not None]

    @property
    def complete(self) -> bool:
        """Tells whether every run is finished and every unit has its score."""
        return bool(self.units) and len(self.scored) == len(self.units)

    @property
    def tasks(self) -> list[str]:
        """The tasks of all units, in their order."""
        return list(dict.fromkeys(unit.task for unit in self.units))

    def cells(self) -> dict[tuple[str, str], list[StudyRun]]:
        """The runs of each model and arm, in the order of the grid."""
        found: dict[tuple[str, str], list[StudyRun]] = {}
        for run in self.runs:
            found.setdefault((run.model, run.arm), []).append(run)
        return found

    def by_cell(self, *, perturbation: str = "") -> dict[tuple[str, str, str], list[StudyUnit]]:
        """The units of each model, arm and task."""
        found: dict[tuple[str, str, str], list[StudyUnit]] = {}
        for unit in self.units:
            if unit.perturbation == perturbation:
                found.setdefault((unit.run.model, unit.run.arm, unit.task), []).append(unit)
        return found


def counts(units: Sequence[StudyUnit]) -> tuple[int, int]:
    """The number of units with a score, and that of all."""
    return sum(unit.observation is not None for unit in units), len(units)
