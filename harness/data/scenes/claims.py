"""Scenes, and what can truly be said of them: all captions of a form that hold, not only the one that was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import permutations

from harness.core.border import border

KINDS = ("circle", "square", "triangle", "cross", "bar", "ring")
COLOURS = ("red", "blue", "green", "yellow", "purple", "orange", "black", "white")
SIZES = ("big", "small")
RELATIONS = ("left", "right", "above", "below")
COUNTS = (2, 3)
HELD_OUT = frozenset(zip(KINDS, COLOURS, strict=False))
"""Pairs of a kind and a colour that only the split ``composition`` shows: a red circle, a blue square, ..."""

VALUES: dict[str, tuple[str, ...]] = {
    "kind": KINDS,
    "colour": COLOURS,
    "size": SIZES,
    "relation": RELATIONS,
    "count": tuple(map(str, COUNTS)),
}
"""The slots of captions, each with all of its values."""
_LOOKS = ("kind", "colour", "size")
Slot = tuple[str, int]
"""The name of a slot and the number of the shape: ("kind", 0), ("kind", 1), ("relation", 0), ..."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape: what it looks like, the pixel in its middle, and how far it reaches from there to each side."""

    kind: str
    colour: str
    size: str
    x: int
    y: int
    radius: int

    @property
    def looks(self) -> tuple[str, str, str]:
        """Kind, colour and size."""
        return self.kind, self.colour, self.size

    def apart(self, other: Shape) -> bool:
        """Tells whether a line of the background is between the squares around the two."""
        reach = self.radius + other.radius + 1
        return abs(self.x - other.x) > reach or abs(self.y - other.y) > reach

    def holds(self, relation: str, other: Shape) -> bool:
        """Tells whether all of this shape is to the left of all of the other, or to the right, above, below."""
        gap = {
            "left": other.x - self.x,
            "right": self.x - other.x,
            "above": other.y - self.y,
            "below": self.y - other.y,
        }[relation]
        return gap > self.radius + other.radius


@dataclass(frozen=True, slots=True)
class Claim:
    """Content of a caption: of one shape, that it is there; of several that look alike, how many; of two, how they stand.

    ``looks`` are kind, colour and size of the shapes in question. ``relation`` is that of the first to the second.
    """

    looks: tuple[tuple[str, str, str], ...]
    relation: str = ""
    count: int = 0

    @property
    def form(self) -> str:
        """One of "one", "count" and "relation"."""
        return "relation" if self.relation else "count" if self.count else "one"

    def slots(self) -> dict[Slot, str]:
        """Kind, colour and size of every shape, then the relation or the count."""
        said = {
            (name, place): value
            for place, looks in enumerate(self.looks)
            for name, value in zip(_LOOKS, looks, strict=True)
        }
        rest = {"relation": self.relation, "count": str(self.count) if self.count else ""}
        return said | {(name, 0): value for name, value in rest.items() if value}

    def with_value(self, slot: Slot, value: str) -> Claim:
        """The same claim with another value in a slot that it has."""
        name, place = slot
        if name == "relation":
            return replace(self, relation=value)
        if name == "count":
            return replace(self, count=int(value))
        looks = [dict(zip(_LOOKS, own, strict=True)) for own in self.looks]
        looks[place][name] = value
        return replace(self, looks=tuple((own["kind"], own["colour"], own["size"]) for own in looks))


def true_claims(shapes: tuple[Shape, ...], form: str) -> Iterator[Claim]:
    """All that is true of a scene and can be said in a form."""
    if form == "relation":
        for one, other in permutations(shapes, 2):
            yield from (Claim((one.looks, other.looks), each) for each in RELATIONS if one.holds(each, other))
    elif form == "count":
        counts = {looks: sum(shape.looks == looks for shape in shapes) for looks in {shape.looks for shape in shapes}}
        yield from (Claim((looks,), count=count) for looks, count in sorted(counts.items()) if count in COUNTS)
    else:
        yield from (Claim((looks,)) for looks in sorted({shape.looks for shape in shapes}))


@dataclass(frozen=True, slots=True)
class Facts:
    """All shapes of a scene, what its caption says, and the slots that were given to whoever fills in the rest."""

    shapes: tuple[Shape, ...]
    said: Claim
    given: tuple[Slot, ...] = ()


@lru_cache(maxsize=1 << 14)
def read_facts(facts: str) -> Facts:
    """Facts from JSON, ``{"shapes": [...], "said": {...}, "given": [["colour", 0]]}``.

    DataError where these are not the facts of a made scene.
    """
    with border("facts: not those of a made scene", hint="harness data scenes writes them"):
        plain = json.loads(facts)
        said = plain["said"]
        looks = tuple((kind, colour, size) for kind, colour, size in said["looks"])
        shapes = tuple(Shape(**shape) for shape in plain["shapes"])
        given = tuple((str(name), int(place)) for name, place in plain["given"])
        return Facts(shapes, Claim(looks, said["relation"], said["count"]), given)
