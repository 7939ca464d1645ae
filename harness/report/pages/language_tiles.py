"""A heat map of very many languages as tiles: those of a family, or of a script, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.report.pages.score_map import MapCell, ScoreMap
from harness.types.languages import Language

MANY = 60
"""More languages than this are shown as tiles, and as a table on demand; XTREME-R has 50."""


@dataclass(frozen=True)
class TileGroup:
    """The languages of a family or a script with their cells, the best first."""

    name: str
    tiles: tuple[tuple[Language, MapCell], ...]


@dataclass(frozen=True)
class TaskTiles:
    """The tiles of a task, grouped by family and by script, the largest group first."""

    task: str
    groupings: tuple[tuple[str, tuple[TileGroup, ...]], ...]


def language_tiles(shown: ScoreMap) -> tuple[TaskTiles, ...]:
    """The tiles of each task of a map; none where its languages fit a table."""
    return tuple(_tasks(shown)) if len(shown.rows) > MANY else ()


def _tasks(shown: ScoreMap) -> Iterator[TaskTiles]:
    for place, task in enumerate(shown.tasks):
        tiles = [(row.language, row.cells[place]) for row in shown.rows if row.cells[place].value is not None]
        yield TaskTiles(
            task.title,
            (
                ("family", _grouped([(language.family, (language, cell)) for language, cell in tiles])),
                ("script", _grouped([(language.script, (language, cell)) for language, cell in tiles])),
            ),
        )


def _grouped(named: list[tuple[str, tuple[Language, MapCell]]]) -> tuple[TileGroup, ...]:
    groups: dict[str, list[tuple[Language, MapCell]]] = {}
    for name, tile in named:
        groups.setdefault(name, []).append(tile)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return tuple(TileGroup(name, tuple(sorted(tiles, key=_best_first))) for name, tiles in ordered)


def _best_first(tile: tuple[Language, MapCell]) -> tuple[float, str]:
    language, cell = tile
    return -(cell.value or 0.0), language.code
