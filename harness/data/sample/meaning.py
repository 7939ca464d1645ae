"""Meanings: the language-independent content of sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Ref:
    """A participant, action, quality, place or time.

    ``kind`` is noun, person, pronoun, place, organisation, verb, adjective, day, year, shape or relation; ``keys`` are
    concepts of the lexicon: (given name, surname) of a person, either may be ""; (head, name) of an organisation; a year as
    a string; the gender of a pronoun; the kind, colour and size of a shape. ``count`` above zero says how many of a noun or
    a shape.
    """

    kind: str
    keys: tuple[str, ...]
    count: int = 0

    @property
    def key(self) -> str:
        """The first concept."""
        return self.keys[0]


@dataclass(frozen=True, slots=True)
class Fact:
    """A frame (a row of ``frames.tsv``) with its slots: A agent, V verb, O object, L place, T time, J quality."""

    frame: str
    slots: Mapping[str, Ref] = field(hash=False)
    negated: bool = False

    def __getitem__(self, slot: str) -> Ref:
        return self.slots[slot]

    def __contains__(self, slot: str) -> bool:
        return slot in self.slots

    def put(self, **slots: Ref) -> Fact:
        """The fact with other fillers."""
        return replace(self, slots={**self.slots, **slots})

    def drop(self, *names: str) -> Fact:
        """The fact without some slots."""
        return replace(self, slots={key: ref for key, ref in self.slots.items() if key not in names})

    def negate(self) -> Fact:
        """The opposite statement."""
        return replace(self, negated=not self.negated)
