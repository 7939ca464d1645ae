"""Claims in words: a caption in each language, in two wordings, with the places of the words that the picture decides."""

from __future__ import annotations

from functools import lru_cache

from harness.data.sample.grammar import Utterance, realise
from harness.data.sample.meaning import Fact, Ref
from harness.data.scenes.claims import VALUES, Claim

WORDINGS = ("", "second")
Spans = tuple[tuple[int, int], ...]


@lru_cache(maxsize=1 << 16)
def caption(claim: Claim, language: str, wording: str = "") -> tuple[str, Spans]:
    """The sentence for a claim, and the stretches of it, (start, end) in characters, that say its slots."""
    said = utterance(claim, language, wording)
    return said.text, tuple((start, start + len(token.text)) for token, start in said.placed() if token.role in VALUES)


def utterance(claim: Claim, language: str, wording: str = "") -> Utterance:
    """The sentence for a claim, as tokens: those that say a slot have its name as their role."""
    slots = {slot: Ref("shape", looks, claim.count) for slot, looks in zip("AB", claim.looks, strict=False)}
    if claim.relation:
        slots["R"] = Ref("relation", (claim.relation,))
    return realise(Fact(f"scene.{claim.form}", slots), language, wording)
