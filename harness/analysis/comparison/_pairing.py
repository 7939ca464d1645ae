"""Pairing: the units that several runs can be compared on, and their items, paired by example id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import DataError, UsageError
from harness.registry.registry import Registry
from harness.registry.select import Selectable, choose
from harness.results.run_view import RunView
from harness.scoring.bootstrap import Items
from harness.scoring.files import TaskScorer
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.types.record import UnitRecord

_REASON = "scores of unlike {what} are not compared"


@dataclass(frozen=True)
class Common:
    """The units that all runs have, by task and language, and for the others why they are left out."""

    units: Mapping[str, Mapping[str, Unit]]
    left_out: Mapping[str, str]


def common_units(
    runs: Sequence[tuple[str, RunView]], registry: Registry, tasks: Sequence[str], languages: Sequence[str]
) -> Common:
    """The scored units that all runs (each with the name of its system) share, narrowed by selectors.

    :class:`DataError` where shared units have other task versions, providers, data or labels in another run.
    """
    keys = [set(run.units) for _, run in runs]
    shared = set.intersection(*keys)
    if not shared:
        raise UsageError(_nothing_shared(runs), hint="run `harness eval` on the same tasks, languages and split")
    ordered = [key for key in runs[0][1].units if key in shared]
    found: dict[str, dict[str, Unit]] = {}
    for unit in map(Unit.of, ordered):
        known = found.setdefault(unit.task, {})
        if unit.language in known:
            raise UsageError(
                f"the runs share several splits of {unit.task}: {known[unit.language].split}, {unit.split}"
            )
        known[unit.language] = unit
    chosen = _narrowed(registry, found, tasks, languages)
    for units in chosen.values():
        for unit in units.values():
            _refuse_unlike(unit, runs, registry)
    left_out = {}
    for key in sorted(set.union(*keys) - shared):
        having = dict.fromkeys(name for name, run in runs if key in run.units)
        left_out[key] = f"only in {', '.join(having)}"
    return Common(chosen, left_out)


def paired_items(scorer: TaskScorer, unit: Unit, runs: Sequence[RunView]) -> Items:
    """The unit's items with the statistics of all runs side by side, shape (n, runs * k).

    The label files are equal, so the items are, too, except in mining, where a pair counts that any run found: a pair
    that a run did not find is nothing at all for it, and its statistics are zero.
    """
    found = []
    for run in runs:
        paths = run.files(run.units[unit.key])
        items = scorer.items(paths[0], paths[1], unit.language)
        assert items is not None
        found.append(items)
    first = found[0]
    if all(list(items.ids) == list(first.ids) for items in found):
        return Items(first.metric, first.ids, np.concatenate([items.statistics for items in found], 1), first.clusters)
    rows: dict[str, int] = {}
    for items in found:
        for name in items.ids:
            rows.setdefault(name, len(rows))
    width = first.statistics.shape[1]
    statistics = np.zeros((len(rows), width * len(found)))
    for index, items in enumerate(found):
        places = [rows[name] for name in items.ids]
        statistics[places, index * width : (index + 1) * width] = items.statistics
    return Items(first.metric, list(rows), statistics)


def _narrowed(
    registry: Registry, found: Mapping[str, Mapping[str, Unit]], tasks: Sequence[str], languages: Sequence[str]
) -> dict[str, dict[str, Unit]]:
    if not tasks and not languages:
        return {name: dict(units) for name, units in found.items()}
    entries = {
        name: Selectable(registry.task(name).family, tuple(units), tuple(units)) for name, units in found.items()
    }
    chosen = choose(registry, entries, tasks, languages, "what these runs share")
    return {name: {code: found[name][code] for code in codes if code in found[name]} for name, codes in chosen.items()}


def _refuse_unlike(unit: Unit, runs: Sequence[tuple[str, RunView]], registry: Registry) -> None:
    (name, run), *others = runs
    mine = run.units[unit.key]
    installed = registry.task(unit.task).version
    if mine["task_version"] != installed:
        raise DataError(
            f"{unit.key}: {name} was scored by version {mine['task_version']} of {unit.task}, "
            f"but version {installed} is installed",
            hint="install the release that scored it, or run `harness eval` again",
        )
    for other_name, other in others:
        for what, look in _ALIKE.items():
            left, right = look(mine), look(other.units[unit.key])
            if left != right:
                raise DataError(
                    f"{unit.key}: {name} and {other_name} have different {what} ({left}, {right}): "
                    + _REASON.format(what=what),
                    hint=_HINTS[what],
                )


_ALIKE: dict[str, Callable[[UnitRecord], object]] = {
    "task versions": lambda unit: unit["task_version"],
    "task plugins": lambda unit: unit["provider"],
    "numbers of examples": lambda unit: unit["examples"],
    "data fingerprints": lambda unit: (unit["data"].get("in_place_of") or unit["data"]["fingerprint"])[:12],
    "labels": lambda unit: unit["labels"] and unit["labels"]["sha256"][:12],
}
_HINTS = {
    "task versions": "score both with one release of the harness",
    "task plugins": "two plugins define this task; score both runs with one of them",
    "numbers of examples": "the runs had another --limit or another copy of the data; run both on the same",
    "data fingerprints": "the runs read different copies or rows of the data; run both with the same --data-dir and --limit",
    "labels": "the label files differ; run both on the same data",
}


def _nothing_shared(runs: Sequence[tuple[str, RunView]]) -> str:
    units = [list(map(Unit.of, run.units)) for _, run in runs]
    splits = {name: sorted({unit.split for unit in own}) for (name, _), own in zip(runs, units, strict=True)}
    without_split = [{(unit.task, unit.language) for unit in own} for own in units]
    empty = [name for name, run in runs if not run.units]
    if empty:
        return f"{empty[0]} has no scored unit to compare"
    if set.intersection(*without_split) and len({tuple(names) for names in splits.values()}) > 1:
        shown = ", ".join(f"{name}: {'/'.join(names)}" for name, names in splits.items())
        return f"the runs were scored on different splits ({shown}): " + _REASON.format(what="splits")
    return "the runs have no scored unit in common"
