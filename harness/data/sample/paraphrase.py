"""Sentences with nearly the same words that do, or do not, mean the same (PAWS-X), and questions likewise (QQP)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.data.sample.grammar import ask, join, realise
from harness.data.sample.lexicon import concepts, synonyms, table
from harness.data.sample.meaning import Fact, Ref
from harness.data.sample.world import World


@dataclass(frozen=True)
class Paraphrase:
    """Two texts of one or two facts each, the word orders, and whether they mean the same."""

    first: tuple[Fact, ...]
    second: tuple[Fact, ...]
    styles: tuple[str, str]
    same: bool

    def texts(self, language: str) -> tuple[str, str]:
        """Both texts in a language."""
        first = join([realise(fact, language, self.styles[0]) for fact in self.first])
        return first, join([realise(fact, language, self.styles[1]) for fact in self.second])


def paraphrases(world: World, count: int) -> Iterator[Paraphrase]:
    """As many pairs that mean the same as pairs that do not; no pair twice."""
    seen: set[tuple[str, str]] = set()
    while len(seen) < count:
        made = _pair(world, same=len(seen) % 2 == 0)
        key = made.texts("en")
        if key not in seen and key[0] != key[1]:
            seen.add(key)
            yield made


def _pair(world: World, *, same: bool) -> Paraphrase:
    first: tuple[Fact, ...] = (world.deed(human=world.chance(0.6), where=0.8, when=0.8),)
    two = world.chance(0.4)
    if two:
        first = (first[0], world.deed(human=world.chance(0.3), where=0.8, when=0.8))
    second = first
    if not same:
        second = _swapped(world, first) if world.chance(0.6) else _replaced(world, first)
    second = tuple(_reworded(world, fact) for fact in second)
    styles = world.style(), world.style()
    if two and same and world.chance(0.5):
        second = second[::-1]
    return Paraphrase(first, second, styles, same)


def _swapped(world: World, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The same words in other roles: agent and patient, or the same slot of two facts."""
    if len(facts) == 2:
        one, two = facts
        slots = [slot for slot in "ALT" if slot in one and slot in two and one[slot] != two[slot]]
        if slots:
            slot = world.rng.choice(slots)
            one, two = one.put(**{slot: two[slot]}), two.put(**{slot: one[slot]})
            if one["A"] != one["O"] and two["A"] != two["O"]:
                return one, two
    fact = facts[0]
    if table("verbs")[fact["V"].key].features["kind"] == "human":
        return (fact.put(A=fact["O"], O=fact["A"]), *facts[1:])
    return _replaced(world, facts)


def _replaced(world: World, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """One word exchanged for another of its kind."""
    fact = facts[0]
    slot = world.rng.choice([slot for slot in "VLT" if slot in fact])
    if slot == "V":
        features = table("verbs")[fact["V"].key].features
        near = (fact["V"].key, *synonyms(fact["V"].key))
        new = world.other("verb", concepts("verbs", features["kind"]), *near)
    else:
        new = getattr(world, fact[slot].kind)(fact[slot])
    return (fact.put(**{slot: new}), *facts[1:])


def _reworded(world: World, fact: Fact) -> Fact:
    same = synonyms(fact["V"].key)
    return fact.put(V=Ref("verb", (world.rng.choice(same),))) if same and world.chance(0.7) else fact


UNKNOWN = {"where": "L", "when": "T"}
WORDINGS = {"Where": "In which city", "When": "On which day"}


def question_pairs(world: World, count: int) -> Iterator[tuple[str, str, bool]]:
    """English questions that ask the same, or something near."""
    seen: set[tuple[str, str]] = set()
    while len(seen) < count:
        same = len(seen) % 2 == 0
        fact = world.deed(human=False, where=1, when=1)
        asked = world.rng.choice(("where", "when"))
        other, about = asked, fact
        if not same:
            if world.chance(0.3):
                other = "when" if asked == "where" else "where"
            else:
                about = _replaced(world, (fact.drop(UNKNOWN[asked]),))[0]
        first = _asked(world, asked, fact)
        second = _asked(world, other, _reworded(world, about))
        if first != second and (first, second) not in seen:
            seen.add((first, second))
            yield first, second, same


def _asked(world: World, wanted: str, fact: Fact) -> str:
    word, _, rest = ask(f"did.{wanted}", fact, "en", UNKNOWN[wanted]).text.partition(" ")
    return f"{WORDINGS[word] if world.chance(0.5) else word} {rest}"
