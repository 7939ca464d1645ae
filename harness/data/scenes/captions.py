"""Claims in words: a caption in each language, in two wordings, with the places of the words that the picture decides."""

from __future__ import annotations

from functools import lru_cache

from harness.data.sample.grammar import Utterance, realise
from harness.data.sample.meaning import Fact, Ref
from harness.data.scenes.claims import VALUES, Claim, Slot

WORDINGS = ("", "second")
Spans = tuple[tuple[int, int], ...]


@lru_cache(maxsize=1 << 16)
def caption(claim: Claim, language: str, wording: str = "") -> tuple[str, Spans]:
    """The sentence for a claim, and the stretches of it, (start, end) in characters, that only the picture tells.

    These say the slots of the claim, but for those that are :func:`given_slots`.
    """
    said = utterance(claim, language, wording)
    words = [(token.role, start, start + len(token.text)) for token, start in said.placed() if token.role in VALUES]
    for name, _ in given_slots(claim, wording):
        words.remove(next(word for word in words if word[0] == name))
    return said.text, tuple((start, end) for _, start, end in words)


def fitting_values(claim: Claim, language: str, written: str) -> dict[Slot, tuple[str, ...]]:
    """For each slot the values that the rest of a caption leaves open, by its articles, prepositions and agreement.

    ``written`` is the caption for the claim. The rest is what stays where the stretches that only the picture tells are taken
    out, each slot by itself. All values where the caption is in other words.
    """
    wordings = [wording for wording in WORDINGS if caption(claim, language, wording)[0] == written]
    if not wordings:
        return {slot: VALUES[slot[0]] for slot in claim.slots()}
    rest = _rest(claim, language, wordings[0])
    return {
        slot: tuple(
            value for value in VALUES[slot[0]] if _rest(claim.with_value(slot, value), language, wordings[0]) == rest
        )
        for slot in claim.slots()
    }


def _rest(claim: Claim, language: str, wording: str) -> tuple[str, ...]:
    """The parts of a caption outside of the stretches that the picture tells."""
    text, spans = caption(claim, language, wording)
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return tuple(text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))


def given_slots(claim: Claim, wording: str = "") -> tuple[Slot, ...]:
    """The slots that no picture tells: of two shapes, the colour of the one that is said first tells which one that is."""
    return (("colour", 1 if wording else 0),) if claim.relation else ()


def utterance(claim: Claim, language: str, wording: str = "") -> Utterance:
    """The sentence for a claim, as tokens: those that say a slot have its name as their role."""
    slots = {slot: Ref("shape", looks, claim.count) for slot, looks in zip("AB", claim.looks, strict=False)}
    if claim.relation:
        slots["R"] = Ref("relation", (claim.relation,))
    return realise(Fact(f"scene.{claim.form}", slots), language, wording)
