"""A random world: draws participants and facts."""

from __future__ import annotations

import random
from collections.abc import Sequence

from harness.data.sample.lexicon import concepts, hyponyms, table
from harness.data.sample.meaning import Fact, Ref

COUNTS = range(5, 11)  # one plural form serves for all of these, in Russian and Arabic too
YEARS = range(1920, 2020)


class World:
    """Draws from a separate random stream: same name and seed, same draws."""

    def __init__(self, seed: int, name: str) -> None:
        self.rng = random.Random(f"{seed}/{name}")

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def other(self, kind: str, options: Sequence[str], *not_these: str) -> Ref:
        """One of the concepts, except some."""
        return Ref(kind, (self.rng.choice([key for key in options if key not in not_these]),))

    def person(self, *others: Ref) -> Ref:
        """Somebody with a full name, sharing neither part of it with the others."""
        taken = {key for ref in others for key in ref.keys}
        given = [key for key in concepts("names") if table("names")[key].features["kind"].startswith("given")]
        first = self.other("person", given, *taken).key
        return Ref("person", (first, self.other("person", concepts("names", "surname"), *taken).key))

    def human(self, *others: Ref) -> Ref:
        """A person by name (one in three) or by occupation."""
        if self.chance(1 / 3):
            return self.person(*others)
        return self.other("noun", concepts("nouns", "human"), *(key for ref in others for key in ref.keys))

    def thing(self, *others: Ref) -> Ref:
        """A thing or an animal."""
        return self.other("noun", concepts("nouns", "thing"), *(ref.key for ref in others))

    def place(self, *others: Ref) -> Ref:
        """A city."""
        return self.other("place", concepts("names", "place"), *(ref.key for ref in others))

    def day(self, *others: Ref) -> Ref:
        """A day of the week."""
        return self.other("day", concepts("days"), *(ref.key for ref in others))

    def year(self, *others: Ref) -> Ref:
        """A year."""
        return self.other("year", [str(year) for year in YEARS], *(ref.key for ref in others))

    def organisation(self, *others: Ref) -> Ref:
        """An organisation named after a brand, a family or a city."""
        heads = [key for key in concepts("organisations") if key not in {ref.key for ref in others}]
        taken = {key for ref in others for key in ref.keys}
        names = [key for kind in ("brand", "surname", "place") for key in concepts("names", kind) if key not in taken]
        kind = self.rng.choice(("brand", "surname", "place"))
        name = self.rng.choice([key for key in names if table("names")[key].features["kind"] == kind])
        return Ref("organisation", (self.rng.choice(heads), name))

    def count(self, *others: Ref) -> int:
        """Number of examples."""
        return self.rng.choice([n for n in COUNTS if n not in {ref.count for ref in others}])

    def verb(self, kind: str, *others: Ref) -> Ref:
        """An action on a "thing" or a "human"."""
        return self.other("verb", concepts("verbs", kind), *(ref.key for ref in others))

    def style(self) -> str:
        """A word order."""
        return self.rng.choice(("", "", "front", "passive"))

    def deed(self, *, human: bool | None = None, counted: bool = False, where: float = 0.7, when: float = 0.7) -> Fact:
        """Somebody did something to a thing or a human, with a place and a time at these rates."""
        human = self.chance(0.3) if human is None else human
        agent = self.human()
        thing = self.human(agent) if human else self.thing()
        if counted and not human:
            thing = Ref("noun", thing.keys, self.count())
        slots = {"A": agent, "V": self.verb("human" if human else "thing"), "O": thing}
        return self.circumstances(Fact("did", slots), where, when)

    def circumstances(self, fact: Fact, where: float, when: float) -> Fact:
        """Adds a place and a day at these rates, at least one of them where either rate is not zero."""
        place, time = self.chance(where), self.chance(when)
        if not (place or time) and where + when:
            place = True
        fact = fact.put(L=self.place()) if place else fact
        return fact.put(T=self.day()) if time else fact

    def quality(self) -> Fact:
        """Some thing is heavy, new, ..."""
        specific = [key for key in concepts("nouns", "thing") if not hyponyms(key)]
        return Fact("is", {"O": self.other("noun", specific), "J": self.other("adjective", concepts("adjectives"))})

    def life(self, frame: str, who: Ref | None = None) -> Fact:
        """A fact of a person's life: born, lives, works, founded; or where an organisation is based."""
        who = who or self.person()
        if frame == "born":
            return Fact(frame, {"A": who, "L": self.place(), "T": self.year()})
        if frame == "lives":
            return Fact(frame, {"A": who, "L": self.place()})
        if frame == "based":
            return Fact(frame, {"O": self.organisation(), "L": self.place()})
        organisation = self.organisation(Ref("person", who.keys))
        slots = {"A": who, "O": organisation}
        return Fact(frame, slots | {"T": self.year()} if frame == "founded" else slots)

    def any_fact(self) -> Fact:
        """A fact of any kind, as it occurs in running text."""
        kind = self.rng.choice(("did", "did", "did", "counted", "wants", "is", "life", "life", "pronoun"))
        if kind == "is":
            fact = self.quality()
        elif kind == "life":
            fact = self.life(self.rng.choice(("born", "lives", "works", "founded", "based")))
        else:
            fact = self.deed(counted=kind == "counted", where=0.5, when=0.5)
            if kind == "pronoun":
                fact = fact.put(A=Ref("pronoun", (self.rng.choice("mf"),)))
            elif kind == "wants":
                fact = Fact("wants", fact.slots)
        return fact.negate() if fact.frame not in ("born", "based") and self.chance(0.25) else fact


def passive_fits(fact: Fact) -> bool:
    """Tells whether the passive is safe: no pronoun as agent, no counted object."""
    return fact["A"].kind != "pronoun" and not fact["O"].count if "A" in fact and "O" in fact else True
