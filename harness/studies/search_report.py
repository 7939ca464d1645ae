"""The searches of a study: the English dev scores of all values, what was chosen, and what it cost (``search.json``)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError
from harness.core.files import write_atomic
from harness.core.sealed import sealed
from harness.results.systems import load_run
from harness.studies.job import Choice
from harness.studies.search import RECIPE, chosen_values, english_dev, searched_tasks
from harness.types.plain import to_plain

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.studies.grid import Cell

FILE = "search.json"
SCHEMA = "harness-search/1"


@dataclass(frozen=True)
class SearchCost:
    """The cost of a search: its runs, the stages that they trained, each once, their tokens and seconds."""

    runs: int
    stages: int
    tokens: int
    seconds: float


@dataclass(frozen=True)
class SearchResult:
    """Result of the search of a model in an arm: English dev scores by task and value, and the value of each task.

    The recipe's own value is called "recipe", whatever it is for a task.
    """

    model: str
    arm: str
    option: str
    seed: int
    dev: Mapping[str, Mapping[str, float]]
    chosen: Mapping[str, str]
    runs: Mapping[str, str]
    cost: SearchCost


def search_results(cells: Iterable[Cell], registry: Registry) -> list[SearchResult]:
    """The searches of a grid whose runs are all finished."""
    known = list(cells)
    seeds = {cell.folder: cell.seeds[0] for cell in known if cell.tried}
    found = []
    for cell in known:
        if cell.choice is None:
            continue
        try:
            dev = english_dev(cell.choice)
        except DataError:
            continue
        chosen = chosen_values(cell.choice, searched_tasks(registry, cell.benchmark, cell.tasks))
        runs = {value or RECIPE: folder for value, folder in cell.choice.runs.items()}
        found.append(
            SearchResult(
                cell.model,
                cell.arm,
                cell.choice.option,
                seeds[Path(cell.choice.runs[""])],
                {task: {value or RECIPE: score for value, score in scores.items()} for task, scores in dev.items()},
                {task: value or RECIPE for task, value in chosen.items()},
                runs,
                _cost(cell.choice),
            )
        )
    return found


def write_search(results: Sequence[SearchResult], folder: Path) -> None:
    """Writes ``search.json`` into the folder of the runs; nothing where there are no results."""
    if results:
        content = {"schema": SCHEMA, "searches": [to_plain(result) for result in results]}
        write_atomic(folder / FILE, json.dumps(sealed(content), indent=1) + "\n")


def _cost(choice: Choice) -> SearchCost:
    """Stages that several of its runs share are counted once; those that other runs share are its own."""
    runs = [load_run(Path(folder)) for folder in choice.runs.values()]
    stages = {stage["key"]: stage for run in runs for stage in run.stages}
    scoring = sum(unit.get("seconds", 0.0) for run in runs for unit in run.units.values())
    return SearchCost(
        runs=len(runs),
        stages=len(stages),
        tokens=sum(stage.get("tokens", 0) for stage in stages.values()),
        seconds=round(scoring + sum(stage.get("seconds", 0.0) for stage in stages.values()), 1),
    )
