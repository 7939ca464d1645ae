"""Slots of captions of made scenes (kind, colour, size, relation, count), scored against all that is true of the picture.

"A is to the left of B" and "B is to the right of A" are both true. So a caption is compared with that one of the true
captions of its form which it is nearest to. What chance gives, and what is the most that a model can get that fills in all
gaps at once, follow exactly from the facts of the scenes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.data.scenes.captions import fitting_values
from harness.data.scenes.claims import VALUES, Facts, Slot, read_facts, true_claims
from harness.data.scenes.slots import read_slots
from harness.scoring.chance import Chance
from harness.scoring.metrics.base import AdditiveMetric, percent

_NAMES = tuple(VALUES)
_SCORED = ("kind", "colour", "size", "relation")
Truths = tuple[dict[Slot, str], ...]
Odds = tuple[tuple[tuple[int, float], ...], ...]
"""For each slot the values that may be said, as they are numbered, -1 for all that are never true; with probabilities."""


class SceneSlots(AdditiveMetric):
    """Gold is what :class:`~harness.scoring.formats.captions.Captions` gives, with the facts of a made scene.

    A slot counts as right if it is right in the true caption that the predicted one agrees with most; of several, in the
    one that was written. Slots that were given, and slots that the caption does not have, do not count.
    """

    name = "scene_slots"
    primary = _SCORED

    def statistics(
        self, gold: Sequence[Mapping[str, Any]], predicted: Sequence[str | None], language: str
    ) -> FloatArray:
        """Columns: right slots of each name, slots of each name, a true caption, 1, and expected right slots at best."""
        table = np.zeros((len(gold), 3 * len(_NAMES) + 2))
        for row, (known, caption) in zip(table, zip(gold, predicted, strict=True), strict=True):
            facts = read_facts(known["facts"])
            found = read_slots(caption, known["language"], known["caption"]) if caption is not None else {}
            best = _nearest(_truths(facts, found), found)
            for place, name in enumerate(_NAMES):
                slots = [slot for slot in best if slot[0] == name and slot not in facts.given]
                row[place] = sum(found.get(slot) == best[slot] for slot in slots)
                row[len(_NAMES) + place] = len(slots)
            row[2 * len(_NAMES) :] = (found == best, 1, *_ceiling(facts))
        return table

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """A value for each name of a slot; "exact_match", captions that are true; "ceiling", of the mean of the first four.

        The ceiling is that of a model that sees everything and fills in all gaps at once, each with the likeliest word. One
        that fills them in one after the other can get 100.
        """
        count = len(_NAMES)
        right, total, best = sums[..., :count], sums[..., count : 2 * count], sums[..., 2 * count + 2 :]
        values = {name: percent(right[..., place], total[..., place]) for place, name in enumerate(_NAMES)}
        ceilings = [percent(best[..., place], total[..., place]) for place in range(len(_SCORED))]
        exact = percent(sums[..., 2 * count], sums[..., 2 * count + 1])
        return {**values, "exact_match": exact, "ceiling": np.mean(ceilings, axis=0)}

    def chance(
        self, gold: Sequence[Mapping[str, Any]], language: str, choices: float | None = None
    ) -> Mapping[str, Chance]:
        """Random words in every gap, each as likely as the others of its kind that fit the rest of the caption.

        What stays tells something: "a" is before no word in a plural, and "to the ... of" before left and right alone.
        """
        right, total, exact = np.zeros(len(_NAMES)), np.zeros(len(_NAMES)), 0.0
        for known in gold:
            facts = read_facts(known["facts"])
            fitting = fitting_values(facts.said, known["language"], known["caption"])
            expected, whole = _of_names(facts, _at_random(facts, fitting))
            open_slots = [name for name, _ in facts.said.slots().keys() - {*facts.given}]
            right += expected
            total += [open_slots.count(name) for name in _NAMES]
            exact += whole
        shares = percent(right, total)
        found = {name: Chance(float(shares[_NAMES.index(name)])) for name in _SCORED if total[_NAMES.index(name)]}
        return found | {"exact_match": Chance(100 * exact / len(gold))} if gold else {}


def _truths(facts: Facts, found: Mapping[Slot, str]) -> Truths:
    """All true captions of the form of the one that was written, which is the first; those that agree with what is given.

    A model that wrote the whole caption may have begun with another shape: then it has given itself that.
    """
    said = facts.said.slots()
    true = [said, *(claim.slots() for claim in true_claims(facts.shapes, facts.said.form) if claim != facts.said)]
    agreeing = [claim for claim in true if all(claim[slot] == found.get(slot) for slot in facts.given)]
    return tuple(agreeing or true)


def _nearest(truths: Truths, found: Mapping[Slot, str]) -> dict[Slot, str]:
    """The one that agrees with most of the slots, the first of several."""
    return max(truths, key=lambda claim: sum(found.get(slot) == value for slot, value in claim.items()))


def _open(facts: Facts) -> tuple[list[Slot], list[list[str]], tuple[tuple[int, ...], ...]]:
    """The slots that are to be filled in, their true values, and their numbers among these in each true caption."""
    said = facts.said.slots()
    slots = [slot for slot in said if slot not in facts.given]
    truths = _truths(facts, {slot: said[slot] for slot in facts.given})
    values = [list(dict.fromkeys(claim[slot] for claim in truths)) for slot in slots]
    found = (tuple(own.index(claim[slot]) for own, slot in zip(values, slots, strict=True)) for claim in truths)
    return slots, values, tuple(found)


def _at_random(facts: Facts, fitting: Mapping[Slot, Sequence[str]]) -> Odds:
    """Every fitting value of each slot by itself, equally likely."""
    slots, values, _ = _open(facts)
    odds = []
    for slot, true in zip(slots, values, strict=True):
        share = 1 / len(fitting[slot])
        right = tuple((number, share) for number, value in enumerate(true) if value in fitting[slot])
        rest = 1 - share * len(right)
        odds.append((*right, (-1, rest)) if rest > 1e-9 else right)
    return tuple(odds)


def _at_best(facts: Facts) -> Odds:
    """The likeliest value of each slot by itself, where all true captions are equally likely."""
    odds = []
    for column in zip(*_open(facts)[2], strict=True):
        most = max(map(column.count, column))
        values = sorted({value for value in column if column.count(value) == most})
        odds.append(tuple((value, 1 / len(values)) for value in values))
    return tuple(odds)


@lru_cache(maxsize=1 << 14)
def _ceiling(facts: Facts) -> tuple[float, ...]:
    return tuple(_of_names(facts, _at_best(facts))[0])


def _of_names(facts: Facts, odds: Odds) -> tuple[list[float], float]:
    """The expected number of right slots of each name, and how probable a true caption is."""
    slots, _, truths = _open(facts)
    expected, exact = _expected(truths, odds)
    return [sum(e for e, (what, _) in zip(expected, slots, strict=True) if what == name) for name in _NAMES], exact


@lru_cache(maxsize=1 << 12)
def _expected(truths: tuple[tuple[int, ...], ...], odds: Odds) -> tuple[tuple[float, ...], float]:
    """The probability of each slot to be right, and of all together, where they are said independently."""
    said = np.array(list(product(*([value for value, _ in each] for each in odds))))
    probability = np.prod(list(product(*([share for _, share in each] for each in odds))), axis=1)
    right = said[None] == np.array(truths)[:, None]
    credit = right[right.sum(axis=2).argmax(axis=0), np.arange(len(said))]
    return tuple(probability @ credit), float(probability @ credit.all(axis=1))
