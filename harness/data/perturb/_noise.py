"""Noise on a text: letters dropped, repeated or swapped, all in capitals, marks left out. Pure functions of text and draw.

A *letter* is a letter with the combining marks after it, so that a Hindi vowel sign goes with its consonant; a *word* is
a run of letters. Spaces, digits and punctuation stay as they are, and no word vanishes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

RATE = 0.05
"""The share of letters that are dropped, repeated or swapped with the next one; at least one where any can be."""

_LETTER = re.compile(r"[^\W\d_]")
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670]")
"""Marks that are often left out in writing: accents of Latin, Greek and Cyrillic, Hebrew points, Arabic vowels. The vowel
signs of Indic and Southeast Asian scripts are no such marks: a text without them says something else."""
_ONE_CASE = re.compile("[\u10a0-\u10ff\u13a0-\u13ff\uab70-\uabbf]")
"""Georgian and Cherokee: Unicode has capitals for them that running text does not use."""

Words = list[list[tuple[int, int]]]
Noise = Callable[[str, Random], str]


def drop(text: str, random: Random) -> str:
    """Leaves letters out, never the only one of a word."""
    chosen = _choose([letter for word in _words(text) for letter in word[1:]], random)
    return _rewritten(text, [(start, end, "") for start, end in chosen])


def repeat(text: str, random: Random) -> str:
    """Writes letters twice."""
    chosen = _choose([letter for word in _words(text) for letter in word], random)
    return _rewritten(text, [(start, end, text[start:end] * 2) for start, end in chosen])


def swap(text: str, random: Random) -> str:
    """Swaps letters with the next one of the word, where it is another; no letter moves twice."""
    neighbours = [
        (start, end)
        for word in _words(text)
        for (start, middle), (_, end) in pairwise(word)
        if text[start:middle] != text[middle:end]
    ]
    edits, free = [], 0
    for start, end in _choose(neighbours, random):
        if start >= free:
            middle = next(stop for word in _words(text[start:end]) for _, stop in word[:1]) + start
            edits.append((start, end, text[middle:end] + text[start:middle]))
            free = end
    return _rewritten(text, edits)


def case(text: str, random: Random) -> str:
    """All in capitals, where the script has them."""
    return "".join(letter if _ONE_CASE.match(letter) else letter.upper() for letter in text)


def diacritics(text: str, random: Random) -> str:
    """Without accents, Hebrew points and Arabic vowels."""
    taken = _MARKS.sub("", unicodedata.normalize("NFD", text))
    plain = unicodedata.normalize("NFC", taken)
    return text if plain == unicodedata.normalize("NFC", text) else plain


NOISES: dict[str, Noise] = {
    "drop": drop,
    "repeat": repeat,
    "swap": swap,
    "case": case,
    "diacritics": diacritics,
}


def _words(text: str) -> Words:
    """The words as spans of their letters."""
    words: Words = []
    for match in _LETTER.finditer(text):
        start, end = match.span()
        if not text[start].isalpha():  # fractions and circled digits are word characters too
            continue
        while end < len(text) and unicodedata.category(text[end])[0] == "M":
            end += 1
        if words and words[-1][-1][1] == start:
            words[-1].append((start, end))
        else:
            words.append([(start, end)])
    return words


def _choose(places: Sequence[tuple[int, int]], random: Random) -> list[tuple[int, int]]:
    """The places that are hit, from left to right."""
    if not places:
        return []
    return sorted(random.sample(places, max(1, round(RATE * len(places)))))


def _rewritten(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    parts, done = [], 0
    for start, end, new in edits:
        parts += [text[done:start], new]
        done = end
    return "".join([*parts, text[done:]])
