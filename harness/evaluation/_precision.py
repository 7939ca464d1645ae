"""Effect of half precision: some examples of every stream are predicted in single precision as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.families.base import HeadFamily
from harness.inference.forward import Forward
from harness.types.units import Prediction, UnitExamples

LEAST, SHARE, MOST = 16, 0.02, 64
"""Examples of a stream that are predicted twice: a fiftieth of it within these bounds. They take the longer way."""


@dataclass(frozen=True)
class Sample:
    """Places in a unit, evenly spread, and the predictions there in single precision."""

    places: Sequence[int]
    predictions: Sequence[Any]


def checked(
    family: HeadFamily, forward: Forward, units: Sequence[UnitExamples], predictions: Iterator[Prediction]
) -> Iterator[Prediction]:
    """The predictions with the fact ``against_fp32``: how many ``examples`` were compared, how many ``changed``."""
    samples = _single_precision(family, forward, units)
    for prediction in predictions:
        sample = samples[prediction.unit.language, prediction.unit.split, prediction.unit.task]
        pairs = zip(sample.places, sample.predictions, strict=True)
        changed = sum(bool(np.any(prediction.predictions[place] != single)) for place, single in pairs)
        facts = {**prediction.facts, "against_fp32": {"examples": len(sample.places), "changed": changed}}
        yield replace(prediction, facts=facts)


def _single_precision(
    family: HeadFamily, forward: Forward, units: Sequence[UnitExamples]
) -> Mapping[tuple[str, str, str], Sample]:
    total = sum(len(unit.examples) for unit in units)
    wanted = min(max(LEAST, SHARE * total), MOST)
    places, some = [], []
    for unit in units:
        count = min(len(unit.examples), max(1, round(wanted * len(unit.examples) / max(total, 1))))
        spread = np.linspace(0, len(unit.examples) - 1, count).astype(int).tolist()
        places.append(spread)
        chosen = [[given[place] for place in spread] if given else () for given in (unit.examples, unit.other)]
        some.append(replace(unit, examples=chosen[0], other=chosen[1]))
    single = replace(forward, dtype="fp32", progress=lambda rows: None)
    found = family.predict(single, some)
    return {
        (unit.language, unit.split, unit.task): Sample(spread, prediction.predictions)
        for unit, spread, prediction in zip(some, places, found, strict=True)
    }
