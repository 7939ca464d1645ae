"""Units: a task, a language and a split, their examples, and their predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.types.examples import Example


@dataclass(frozen=True, slots=True)
class Unit:
    """The atom of work: one split of one language of one task."""

    task: str
    language: str
    split: str

    @property
    def key(self) -> str:
        """``"xnli/sw/test"``."""
        return f"{self.task}/{self.language}/{self.split}"

    @classmethod
    def of(cls, key: str) -> Unit:
        """The unit of a key; ValueError for anything else, such as a part that is empty or all dots."""
        parts = key.split("/")
        if len(parts) != 3 or not all(part.strip(".") for part in parts):
            raise ValueError(f"{key!r} is not of the form task/language/split")
        return cls(*parts)


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
PERTURBATIONS = ("drop", "repeat", "swap", "case", "diacritics", MIXED)
"""Perturbations of test sets; :mod:`harness.data.perturb` makes them."""


def split_name(split: str, kind: str) -> str:
    """The split of perturbed units: "test~drop"."""
    return f"{split}~{kind}"


def split_of(split: str) -> tuple[str, str]:
    """A split and the perturbation of its units, "" for none: ("test", "drop")."""
    clean, _, kind = split.partition("~")
    return clean, kind
