"""Runs a study: the grid of models, intermediate stages and seeds that a plugin names, one run after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api import evaluate_seeds
from harness.models.reference import parse_model
from harness.runs.naming import system_name
from harness.types.options import EvalOptions
from harness.types.tasks import Study

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.run import Run
    from harness.types.progress import ProgressListener


@dataclass(frozen=True)
class Cell:
    """One model after one sequence of stages, with all seeds; its runs lie in ``folder``."""

    model: str
    via: tuple[str, ...]
    folder: Path

    @property
    def name(self) -> str:
        """The model and its stages: "xlm-roberta-base via mnli > squad"."""
        return f"{self.model} via {' > '.join(self.via)}" if self.via else self.model


def cells(study: Study, out: Path) -> Iterator[Cell]:
    """The grid in its order, models first."""
    for model in study.models:
        for via in study.via:
            yield Cell(model, via, out / system_name(parse_model(model), via))


def run_study(
    study: Study,
    out: Path,
    *,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    reporter: ProgressListener | None = None,
) -> list[tuple[Cell, list[Run]]]:
    """Every run of the grid, in ``out/<model>[-via-<stages>]/seed-<n>``; what is done already is kept.

    All runs share their stages, in ``out/stages``. ``options`` has data folder, device and limits; stages, recipe and
    seed are the study's. Raises :class:`~harness.core.errors.HarnessError`.
    """
    base = replace(options or EvalOptions(), recipe=study.recipe, stages_dir=str(out / "stages"))
    found = []
    for cell in cells(study, out):
        more: dict[str, Any] = {"registry": registry, "reporter": reporter}
        runs = evaluate_seeds(
            cell.model,
            study.seeds,
            study.tasks,
            out=cell.folder,
            options=replace(base, via=cell.via),
            benchmark=study.benchmark or None,
            languages=study.languages,
            **more,
        )
        found.append((cell, runs))
    return found
