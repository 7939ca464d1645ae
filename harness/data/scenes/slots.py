"""Slots read back from a caption in any of the ten languages, whoever wrote it.

A caption that a model predicted need not be a sentence. So the words that name a value are looked for, and counted off:
the first kind that is named is that of the first shape, the second that of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product

from harness.core.errors import DataError
from harness.data.sample.lexicon import LANGUAGES
from harness.data.scenes.captions import WORDINGS, utterance
from harness.data.scenes.claims import COLOURS, COUNTS, KINDS, RELATIONS, SIZES, VALUES, Claim, Slot

_LOOKS = ("kind", "colour", "size")
_EXAMPLE = ("circle", "red", "big"), ("square", "blue", "small")
# The rest of a word: none, except that Korean writes particles with it and Chinese no spaces.
_AROUND = {"zh": "{}", "ko": r"(?<!\S){}"}
_WORD = r"(?<![^\s«¿']){}(?![^\s.,?!।؟»])"


def read_slots(text: str, language: str, like: str = "") -> dict[Slot, str]:
    """Slots of a caption, as :meth:`~harness.data.scenes.claims.Claim.slots` gives them, without those that are not named.

    Which of two shapes is said first is told by the place of the relation among the words for them. Where words are
    lacking, so that it cannot be told, it is as in the caption ``like``. DataError for a language that scenes have no
    captions in.
    """
    named = list(_named(text, language))
    found = {name: [value for what, value in named if what == name] for name in VALUES}
    swapped = _swapped(named, language)
    if swapped is None:
        swapped = _swapped(list(_named(like, language)), language) or False
    slots = {}
    for name in _LOOKS:
        for place, value in enumerate(found[name][:2]):
            slots[name, 1 - place if swapped else place] = value
    return slots | {(name, 0): found[name][0] for name in ("relation", "count") if found[name]}


def _named(text: str, language: str) -> Iterator[tuple[str, str]]:
    pattern, forms = _forms(language)
    for match in pattern.finditer(text.lower()):
        yield forms[match[0]]


def _swapped(named: list[tuple[str, str]], language: str) -> bool | None:
    """Tells whether the shape that is seen from the other is said last; None where the words do not tell."""
    names = [name for name, _ in named]
    both = next((name for name in _LOOKS if names.count(name) == 2), None)
    if both is None or "relation" not in names:
        return None
    return names[: names.index("relation")].count(both) == _before_relation(language)


@cache
def _before_relation(language: str) -> int:
    """The number of shapes before the relation where the shape that is seen from the other is said last."""
    said = utterance(Claim(_EXAMPLE, "left"), language, "second").text
    names = [name for name, _ in _named(said, language)]
    return names[: names.index("relation")].count("kind")


@cache
def _forms(language: str) -> tuple[re.Pattern[str], dict[str, tuple[str, str]]]:
    """A pattern of all words that name a value, and what each of them names."""
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise DataError(f"captions of made scenes are not in {language!r}", hint=f"they are in {known}")
    forms = {}
    for claim, wording in product(_all_words(), WORDINGS):
        values = claim.slots()
        for token in utterance(claim, language, wording).tokens:
            if token.role in VALUES:
                own = {value for (name, _), value in values.items() if name == token.role}
                forms[token.text.lower()] = (token.role, own.pop())
    longest = sorted(forms, key=len, reverse=True)
    pattern = _AROUND.get(language, _WORD).format(f"(?:{'|'.join(map(re.escape, longest))})")
    return re.compile(pattern), forms


def _all_words() -> Iterator[Claim]:
    """Claims that have each word in each of its forms, and one value of each slot."""
    for looks in product(KINDS, COLOURS, SIZES):
        yield Claim((looks,))
        yield from (Claim((looks,), count=count) for count in COUNTS)
        yield from (Claim((looks, looks), relation) for relation in RELATIONS)
