"""Words for effects: no difference is denied unless an equivalence test passed, and what could be seen is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.analysis.comparison._significance import holm
from harness.analysis.effects.findings import Effect
from harness.analysis.effects.power import ALPHA


def corrected(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """The effects with Holm's correction over the primary ones that have a p-value."""
    primary = [index for index, each in enumerate(effects) if each.primary and each.p is not None]
    values = holm([p for index in primary if (p := effects[index].p) is not None])
    found = list(effects)
    for index, value in zip(primary, values, strict=True):
        found[index] = replace(found[index], p_corrected=value)
    return tuple(found)


def deciding_p(effect: Effect) -> float | None:
    """The p-value that an effect is judged by: the corrected one of a primary effect."""
    return effect.p if effect.p_corrected is None else effect.p_corrected


def shown_to_differ(effect: Effect, sign: int = 0) -> bool:
    """Tells whether an effect was found to differ from zero at 5%, in the direction of ``sign`` where it is not 0."""
    p = deciding_p(effect)
    return p is not None and p < ALPHA and effect.estimate * sign >= 0


def numbers(effect: Effect) -> str:
    """An estimate with its interval and p-value: "+1.20 points (95% interval +0.31 to +2.09, p = 0.012, corrected)"."""
    interval = f"95% interval {effect.low:+.2f} to {effect.high:+.2f}"
    if effect.p is None:
        return f"{effect.estimate:+.2f} {effect.unit}"
    p = probability(effect.p)
    if effect.p_corrected is not None:
        p = f"{probability(effect.p_corrected)} after Holm's correction"
    return f"{effect.estimate:+.2f} {effect.unit} ({interval}, {p})"


def probability(p: float) -> str:
    """A p-value in words: "p = 0.031", "p < 0.001"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def verdict(effect: Effect, differs: str, alike: str = "no worthwhile difference") -> str:
    """A sentence on an effect: ``differs`` where it was found, ``alike`` where equivalence was shown, else neither."""
    margin = next((name for name, passed in effect.equivalent.items() if passed), None)
    said = numbers(effect)
    label = f"{effect.hypothesis}, {effect.name}" if effect.hypothesis else effect.name
    if shown_to_differ(effect):
        small = f", though smaller than {margin} {effect.unit}" if margin else ""
        return f"{label}: {differs}{small}: {said}."
    if margin is not None:
        return f"{label}: {alike}: {said}; the 90% interval lies within ±{margin} {effect.unit}."
    if effect.p is None:
        return f"{label}: {said}; too few languages and seeds to say more."
    reach = ""
    if effect.detectable is not None:
        reach = f"; an effect would have to be {effect.detectable:.2f} {effect.unit} to be found in four of five such studies"
    margins = " or ".join(f"±{name}" for name in effect.equivalent)
    open_ = f", and equivalence within {margins} was not shown either" if margins else ""
    return f"{label}: no evidence of a difference{open_}: {said}{reach}."
