"""Units: a task, a language and a split, their examples, and their predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.types.examples import Example

_AND = "~"
"""Stands between the parts of a name: two languages, or a split and its perturbation."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The atom of work: one split of one language of one task.

    The language of pairs whose texts are in two languages is both of them: "en~sw" has the first text of each row in
    English and the second in Swahili. The split of a perturbed test set is "test~drop".
    """

    task: str
    language: str
    split: str

    @property
    def key(self) -> str:
        """``"xnli/sw/test"``."""
        return f"{self.task}/{self.language}/{self.split}"

    @property
    def languages(self) -> tuple[str, ...]:
        """The language of its texts; of pairs of mixed languages, that of the first text and that of the second."""
        return tuple(self.language.split(_AND))

    @property
    def mixed(self) -> bool:
        """Tells whether its pairs are of two languages."""
        return _AND in self.language

    @property
    def plain(self) -> bool:
        """Tells whether it is a test set as it was released, which averages are of: neither perturbed nor mixed."""
        return not (self.mixed or split_of(self.split)[1])

    @classmethod
    def of(cls, key: str) -> Unit:
        """The unit of a key; ValueError for anything else, such as a part that is empty or all dots."""
        parts = key.split("/")
        if len(parts) != 3 or not all(part.strip(".") for part in parts):
            raise ValueError(f"{key!r} is not of the form task/language/split")
        unit = cls(*parts)
        codes = unit.languages
        if unit.mixed and (len(codes) != 2 or codes[0] == codes[1] or not all(code.strip(".") for code in codes)):
            raise ValueError(f"{key!r}: {unit.language!r} is neither a language nor two different ones, such as en~sw")
        return unit


@dataclass(frozen=True)
class UnitExamples:
    """The examples of one unit (task, language, split).

    With them come those of its dev split, where a family learns from them, and the pool that its queries search.
    ``languages`` has that of each example where they are not all in ``language`` (dev data in several languages), and
    ``pool_languages`` that of each member of the pool, where it is known. ``other`` has the same examples in a second
    language, for models that read both.
    """

    task: str
    language: str
    split: str
    examples: Sequence[Example]
    dev: Sequence[Example] = ()
    pool: Sequence[Example] = ()
    languages: Sequence[str] = ()
    pool_languages: Sequence[str] = ()
    other: Sequence[Example] = ()

    @property
    def language_of_each(self) -> Sequence[str]:
        """The language of each example."""
        return self.languages or [self.language] * len(self.examples)


@dataclass(frozen=True)
class Prediction:
    """The predictions of one unit, one for each example that the family predicts, and facts worth recording."""

    unit: UnitExamples
    predictions: Sequence[Any]
    facts: Mapping[str, Any]


MIXED = "mixed"
MIXED_PAIRS = "mixed-pairs"
"""Name of the loss of pairs of mixed languages in studies, beside those of perturbations."""
CHECKLIST = "checklist"
"""The kind of input of MultiCheckList, in a study's analysis."""
PERTURBATIONS = ("drop", "repeat", "swap", "case", "diacritics", MIXED)
"""Perturbations of test sets; :mod:`harness.data.perturb` makes them."""


def mixed_languages(first: str, second: str) -> str:
    """The language of pairs with the first text in one language and the second in another: "en~sw"."""
    return f"{first}{_AND}{second}"


def split_name(split: str, kind: str) -> str:
    """The split of perturbed units: "test~drop"."""
    return f"{split}{_AND}{kind}"


def split_of(split: str) -> tuple[str, str]:
    """A split and the perturbation of its units, "" for none: ("test", "drop")."""
    clean, _, kind = split.partition(_AND)
    return clean, kind
