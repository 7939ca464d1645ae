"""Rates of computing: measured on stages that were trained before, or assumed for a device."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median

from harness.core.damage import Damaged
from harness.core.errors import HarnessError, UsageError, did_you_mean
from harness.core.sealed import read_sealed
from harness.studies.cost import Rate, Work, operations
from harness.studies.model_shapes import Shape, shape_in
from harness.training.stage import SUMMARY

_TERA = 1e12
DEVICES: dict[str, tuple[tuple[float, float], ...]] = {
    "h100": ((2e8, 100 * _TERA), (1e9, 200 * _TERA), (math.inf, 350 * _TERA)),
    "cpu": ((math.inf, 5e10),),
}
"""Operations a second by the parameters of the layers, up to the first number. UNVERIFIED: sustained bf16 rates of one H100
as assumed for base, large and larger models, and fp32 of one processor core; ``python -m benchmarks.gpu`` measures."""


def assumed_rate(shape: Shape, device: str) -> Rate:
    """The rate of a device in :data:`DEVICES`; UsageError for another one."""
    if device not in DEVICES:
        raise UsageError(f"no rate is known of the device {device!r}", hint=did_you_mean(device, DEVICES))
    rate = next(rate for most, rate in DEVICES[device] if shape.parameters <= most)
    return Rate(rate, f"assumed for one {device}, unverified")


def measured_rate(shape: Shape, stages: Path) -> Rate | None:
    """The median rate of the stages in a folder of stages, of those whose models are nearest in size; None without any.

    It includes the time for scoring English dev. Stages of other machines do not say so: the folder must be this machine's.
    """
    found: dict[int, list[float]] = {}
    for path in sorted(stages.glob(f"*/{SUMMARY}")):
        measured = _of_stage(path)
        if measured is not None:
            found.setdefault(measured[0].parameters, []).append(measured[1])
    if not found or not shape.parameters:
        return None
    nearest = min(found, key=lambda size: abs(math.log(size / shape.parameters)))
    rates = found[nearest]
    what = f"measured on {len(rates)} stage{'s' * (len(rates) > 1)} in {stages}"
    other = "" if nearest == shape.parameters else f", of a model with {nearest:,} parameters in its layers"
    return Rate(median(rates), what + other, measured=True)


def _of_stage(path: Path) -> tuple[Shape, float] | None:
    """The shape of a stage's model, and its operations a second; None where they cannot be told."""
    try:
        summary = read_sealed(path)
        steps, batch = summary["steps"], summary["options"]["batch"]
        tokens, time = float(summary["tokens"]), float(summary["seconds"])
        recomputed = bool(summary["options"].get("gradient_checkpointing"))
        shape = shape_in(path.parent)
    except (Damaged, HarnessError, KeyError, TypeError, ValueError):
        return None
    if not (tokens > 0 and time > 0 and steps > 0 and shape.parameters):
        return None
    work = Work(trained=tokens, length=tokens / (steps * batch))
    return shape, operations(shape, work, recomputed=recomputed) / time
