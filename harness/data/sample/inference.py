"""Pairs of statements: entailment, contradiction and neutral by meaning (XNLI, MNLI, SNLI, ANLI).

Every label comes with affirmative and negated hypotheses alike, and hypotheses of every label drop details and change
words and word order, so that neither sentence gives the label away on its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.data.sample.grammar import join, realise
from harness.data.sample.lexicon import concepts, hypernym, hyponyms, synonyms, table
from harness.data.sample.meaning import Fact, Ref
from harness.data.sample.tables import NLI
from harness.data.sample.world import World, passive_fits


@dataclass(frozen=True)
class Inference:
    """A premise of one or two facts, a hypothesis, and the label."""

    premise: tuple[Fact, ...]
    hypothesis: Fact
    style: str
    label: str

    def texts(self, language: str) -> tuple[str, str]:
        """Premise and hypothesis in a language."""
        return join([realise(fact, language) for fact in self.premise]), realise(
            self.hypothesis, language, self.style
        ).text


def inferences(world: World, count: int, *, context: float = 0.3) -> Iterator[Inference]:
    """Balanced over labels and, within each, over the polarity of the hypothesis; no pair twice.

    ``context`` is the share of premises with a second, unrelated fact.
    """
    seen: set[tuple[str, str]] = set()
    while len(seen) < count:
        step = len(seen)
        made = _inference(world, NLI[step % 3], negated=step // 3 % 2 == 1, context=context)
        if made is not None and (key := made.texts("en")) not in seen:
            seen.add(key)
            yield made


def _inference(world: World, label: str, *, negated: bool, context: float) -> Inference | None:
    fact = _premise(world)
    # "not fruit" entails "not apples", and "fruit" does not entail "apples": denial turns the direction around.
    fits = label == "neutral" or negated == (label == "entailment")
    denied = fits and fact.frame in ("did", "wants", "is", "lives") and world.chance(0.5)
    if label == "neutral":
        hypothesis = _detailed(world, fact) if world.chance(0.3) and not denied else None
        hypothesis = hypothesis or _unrelated(world, _weaker(world, fact))
    elif denied:
        hypothesis = _narrower(world, fact)
    elif (label == "entailment") == negated:
        hypothesis = _incompatible(world, _weaker(world, fact), fact)
    else:
        hypothesis = _weaker(world, fact)
    if hypothesis is None or (negated and hypothesis.frame == "born"):
        return None
    hypothesis = hypothesis.negate() if negated else hypothesis
    premise = [fact.negate() if denied else fact]
    if world.chance(context):
        extra = world.deed() if fact.frame != "did" else world.quality()
        premise.insert(world.rng.randrange(2), extra)
    if all(realise(part, "en").text != realise(hypothesis, "en").text for part in premise):
        style = world.style() if passive_fits(hypothesis) else "front"
        return Inference(tuple(premise), hypothesis, style, label)
    return None


def _premise(world: World) -> Fact:
    frame = world.rng.choice(("did", "did", "did", "did", "wants", "is", "born", "lives", "founded"))
    if frame == "is":
        return world.quality()
    if frame in ("born", "lives", "founded"):
        return world.life(frame)
    fact = world.deed(counted=frame == "did" and world.chance(0.4))
    return Fact(frame, fact.slots)


def _weaker(world: World, fact: Fact) -> Fact:
    """Something that follows: fewer details, a synonym, a more general noun."""
    for slot in ("L", "T"):
        if slot in fact and (fact.frame != "lives") and len(fact.slots) > 2 and world.chance(0.4):
            fact = fact.drop(slot)
    if fact.frame == "born" and not ("L" in fact or "T" in fact):
        fact = fact.put(T=world.year())
    if "V" in fact and (same := synonyms(fact["V"].key)) and world.chance(0.5):
        fact = fact.put(V=Ref("verb", (world.rng.choice(same),)))
    for slot in ("A", "O"):
        if fact.frame != "is" and slot in fact and fact[slot].kind == "noun" and world.chance(0.6):
            above = hypernym(fact[slot].key)
            if above and above not in fact["A"].keys:
                fact = fact.put(**{slot: Ref("noun", (above,), fact[slot].count)})
    return fact


def _narrower(world: World, fact: Fact) -> Fact:
    """Something that would have to be false if the fact is: a synonym, a more special object, an added detail."""
    if "V" in fact and (same := synonyms(fact["V"].key)) and world.chance(0.5):
        fact = fact.put(V=Ref("verb", (world.rng.choice(same),)))
    if "V" in fact and fact["O"].kind == "noun" and (below := hyponyms(fact["O"].key)) and "A" in fact:
        fact = fact.put(O=Ref("noun", (world.rng.choice(below),), fact["O"].count))
    if "V" in fact:
        fact = fact if "L" in fact else fact.put(L=world.place())
        fact = fact if "T" in fact else fact.put(T=world.day())
    return fact


def _incompatible(world: World, fact: Fact, full: Fact) -> Fact | None:
    """The fact with another place, time, number or the opposite quality: both cannot hold of one event."""
    if fact.frame == "is":
        return fact.put(J=Ref("adjective", (table("adjectives")[fact["J"].key].features["opposite"],)))
    options = [slot for slot in ("L", "T") if slot in full and fact.frame != "wants"]
    if "O" in fact and fact["O"].count:
        options.append("O")
    if not options:
        return None
    slot = world.rng.choice(options)
    old = full[slot]
    if slot == "O":
        return fact.put(O=Ref("noun", fact["O"].keys, world.count(old)))
    return fact.put(**{slot: getattr(world, old.kind)(old)})


def _unrelated(world: World, fact: Fact) -> Fact:
    """Something that may or may not be: another agent, action, object or quality."""
    if fact.frame == "is":
        heavy = fact["J"].key, table("adjectives")[fact["J"].key].features["opposite"]
        if world.chance(0.5):
            return fact.put(J=world.other("adjective", concepts("adjectives"), *heavy))
        return fact.put(O=world.other("noun", concepts("nouns", "thing"), fact["O"].key, hypernym(fact["O"].key)))
    if fact.frame == "founded":
        return fact.put(O=world.organisation(fact["O"]))
    change = world.rng.choice(("A", "O", "V", "A"))
    if change == "A" or "V" not in fact:
        return fact.put(A=world.person(fact["A"])) if fact["A"].kind == "person" else fact.put(A=_stranger(world, fact))
    if change == "O" and fact["O"].kind == "noun":
        old = fact["O"]
        near = {old.key, hypernym(old.key), *hyponyms(old.key), *fact["A"].keys}
        kind = table("nouns")[old.key].features["kind"]
        return fact.put(O=Ref("noun", world.other("noun", concepts("nouns", kind), *near).keys, old.count))
    old = fact["V"]
    features = table("verbs")[old.key].features
    near = {old.key, *synonyms(old.key), features["opposite"]}
    return fact.put(V=world.other("verb", concepts("verbs", features["kind"]), *near))


def _detailed(world: World, fact: Fact) -> Fact | None:
    """A detail that the fact leaves open: a place, a day, which fruit it was."""
    if fact.frame in ("did", "wants"):
        if fact["O"].kind == "noun" and (below := hyponyms(fact["O"].key)) and not {*below} & {*fact["A"].keys}:
            return fact.put(O=Ref("noun", (world.rng.choice(below),), fact["O"].count))
        if "L" not in fact:
            return fact.put(L=world.place())
        if "T" not in fact:
            return fact.put(T=world.day())
    return None


def _stranger(world: World, fact: Fact) -> Ref:
    """An agent that is neither the agent nor the object, nor a more or less general word for the agent."""
    old = fact["A"].key
    near = {old, hypernym(old), *hyponyms(old), *fact["O"].keys}
    return world.other("noun", concepts("nouns", "human"), *near)
