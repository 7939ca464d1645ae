"""Cost of a perturbation: the clean score minus the perturbed one, with intervals over the same test items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from harness.scoring.bootstrap import Items
from harness.scoring.intervals import cluster_sums, percentiles, resampled_sums
from harness.scoring.scores import UnitScore
from harness.types.units import split_of

if TYPE_CHECKING:
    from harness.types.record import LossRecord, TaskLossRecord, UnitRecord


@dataclass(frozen=True)
class Scored:
    """A unit's record and its score, with items where the metric has them."""

    record: UnitRecord
    score: UnitScore


def losses(
    units: Mapping[tuple[str, str, str], Scored], primaries: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, TaskLossRecord]]:
    """``{kind: {task: {"loss": mean over languages, "languages": {code: {...}}}}}`` of units by (task, language, split).

    A language's entry has "clean", "perturbed" and "loss" (points of the mean of the primary metrics), "low" and "high"
    (95% interval of the loss, paired by item; None where the items differ), "n" and "changed" (examples that the
    perturbation changed). The mean is over the languages in which it changed any.
    """
    found: dict[str, dict[str, TaskLossRecord]] = {}
    for (task, code, split), perturbed in units.items():
        clean_split, kind = split_of(split)
        clean = units.get((task, code, clean_split))
        if not kind or clean is None:
            continue
        names = primaries[task]
        values = [_value(scored.score, names) for scored in (clean, perturbed)]
        low, high = _interval(clean.score.items, perturbed.score.items, names)
        facts = perturbed.record.get("facts", {})
        loss: LossRecord = {
            "clean": values[0],
            "perturbed": values[1],
            "loss": values[0] - values[1],
            "low": low,
            "high": high,
            "n": perturbed.record["examples"],
            "changed": facts["perturbed"],
        }
        if "with" in facts:
            loss["with"] = facts["with"]
        of_task = found.setdefault(kind, {}).setdefault(task, {"loss": None, "languages": {}})
        of_task["languages"][code] = loss
    for tasks in found.values():
        for whole in tasks.values():
            counting = [each["loss"] for each in whole["languages"].values() if each["changed"]]
            whole["loss"] = fmean(counting) if counting else None
    return found


def _value(score: UnitScore, names: Sequence[str]) -> float:
    return fmean(score.metrics[name].value for name in names)


def _interval(clean: Items | None, perturbed: Items | None, names: Sequence[str]) -> tuple[float | None, float | None]:
    if clean is None or perturbed is None or list(clean.ids) != list(perturbed.ids) or len(clean.ids) < 2:
        return None, None
    both = np.concatenate([clean.statistics, perturbed.statistics], axis=1)
    sums = resampled_sums(cluster_sums(both, clean.clusters))
    width = clean.statistics.shape[1]
    sides = [clean.metric.finish(part) for part in (sums[:, :width], sums[:, width:])]
    difference = np.mean([sides[0][name] - sides[1][name] for name in names], axis=0)
    _, low, high = percentiles(difference)
    return low, high
