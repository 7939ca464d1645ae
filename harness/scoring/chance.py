"""Chance: the scores of answers that do not depend on the question, and whether a score can be told from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.types.record import ChanceRecord

AT_CHANCE = "§"
"""The mark of a score at chance, in every output."""
BELOW_CHANCE = "¶"
"""The mark of a score that is surely below it: the answers depend on the question, and mostly the wrong way."""
MEANINGS = {
    AT_CHANCE: "at chance: no better than constant or random answers, within the 95% interval",
    BELOW_CHANCE: "below chance: worse than constant or random answers, with its whole 95% interval",
}
"""The meaning of each mark."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Chance:
    """The scores of random answers and of the best constant answer, on the metric's scale; None where there is none.

    ``random`` is the expected score of a draw among all possible answers, each as likely as the others. ``constant`` is the
    score of the one answer that, given to every item, scores best on these gold labels (the share of the majority class).
    """

    random: float | None = None
    constant: float | None = None

    @property
    def level(self) -> float | None:
        """The higher of the two, which a score has to exceed; None where there is neither."""
        return max((value for value in (self.random, self.constant) if value is not None), default=None)

    def to_dict(self) -> ChanceRecord:
        """Plain values, for JSON."""
        return {"random": self.random, "constant": self.constant}

    @classmethod
    def from_dict(cls, plain: ChanceRecord) -> Chance:
        """Reads what :meth:`to_dict` gave."""
        return cls(plain["random"], plain["constant"])


def mean_chance(found: Iterable[Chance | None], weights: Sequence[float] | None = None) -> Chance | None:
    """The mean over metrics or languages; None unless each of them has a level of chance."""
    each = list(found)
    known = [chance for chance in each if chance is not None and chance.level is not None]
    if not known or len(known) < len(each):
        return None
    return Chance(
        _mean([chance.random for chance in known], weights), _mean([chance.constant for chance in known], weights)
    )


def chance_mark(low: float | None, value: float, high: float | None, chance: Chance | None) -> str:
    """The mark of a score whose interval holds chance or ends below it; without an interval, of one that is not above it."""
    level = chance.level if chance is not None else None
    if level is None or (value if low is None else low) > level + _ROUNDING:
        return ""
    return BELOW_CHANCE if high is not None and high < level - _ROUNDING else AT_CHANCE


def chance_notes(texts: Iterable[str]) -> list[str]:
    """A note on each of the marks that occur in some texts."""
    found = "".join(texts)
    return [f"{mark} {meaning}" for mark, meaning in MEANINGS.items() if mark in found]


def constant_answer(gold: Sequence[Any], predicted: Sequence[Any]) -> str | None:
    """The one answer that all items got, as text, although they have different ones; None otherwise.

    Sequences of tags are constant if all their words have the same tag, rankings if all are the same.
    """
    given = _the_same(predicted)
    return None if given is None or isinstance(given, bool) or _the_same(gold) is not None else str(given)[:200]


def _the_same(items: Sequence[Any]) -> Any:
    """The value of all items, or of all words of all items; None where they differ, or where there is a single one."""
    if len(items) < 2 or items[0] is None:
        return None
    first = items[0]
    if not isinstance(first, list | tuple):
        return first if all(item == first for item in items) else None
    if not first:
        return None
    constant = all(item == first for item in items) or all(word == first[0] for word in chain.from_iterable(items))
    return first[0] if constant else None


def _mean(values: Sequence[float | None], weights: Sequence[float] | None) -> float | None:
    present = [value for value in values if value is not None]
    return fmean(present, weights) if len(present) == len(values) else None
