"""The language of a text by its script, by its words and by short sequences of letters, learned from the sample corpus.

Where one language of the corpus is written in a script, that decides. Others are told apart by a naive Bayes classifier
over words and sequences of one to four letters in them, to which the commonest words of each language are added: the
sentences of the corpus are made, and have few of them. It knows the languages of the corpus and no others: a text in
another language gets the nearest of them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from harness.data import sample
from harness.data.letter_scripts import script_of, scripts_of_language

_WORD = re.compile(r"[^\W\d_]+")
_LONGEST = 4
_SMOOTHING = 2.0
_AS_OFTEN = 50
"""Times that each of the commonest words counts, besides those in the corpus."""


def nearest_language(text: str) -> str:
    """The code of the language of the sample corpus that a text is in; "" in a script that none of them has."""
    candidates = _by_script().get(script_of(text), ())
    return _most_likely(text, candidates) if len(candidates) > 1 else "".join(candidates)


@cache
def _by_script() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for code in sample.sample_languages():
        for script in scripts_of_language(code):
            found[script] = (*found.get(script, ()), code)
    # Chinese characters are those of Chinese, though Korean text may have some.
    return {**found, "Hani": ("zh",)}


def _most_likely(text: str, candidates: Sequence[str]) -> str:
    tables = _tables(tuple(candidates))
    sequences = [sequence for word in _WORD.findall(text.lower()) for sequence in _sequences(word)]
    return max(tables, key=lambda code: sum(tables[code].get(each, tables[code][""]) for each in sequences))


@cache
def _tables(candidates: tuple[str, ...]) -> Mapping[str, Mapping[str, float]]:
    """Log probabilities of sequences in each language; under "" that of one that was never seen."""
    counts: dict[str, Counter[str]] = {}
    for code in candidates:
        words = Counter(word for line in sample.sample_text(code) for word in _WORD.findall(line.lower()))
        words.update(dict.fromkeys(_common_words()[code], _AS_OFTEN))
        counts[code] = Counter()
        for word, times in words.items():
            for sequence in _sequences(word):
                counts[code][sequence] += times
    known = len(set().union(*counts.values()))
    tables = {}
    for code, found in counts.items():
        total = math.log(found.total() + _SMOOTHING * known)
        tables[code] = {each: math.log(times + _SMOOTHING) - total for each, times in found.items()}
        tables[code][""] = math.log(_SMOOTHING) - total
    return tables


@cache
def _common_words() -> Mapping[str, Sequence[str]]:
    lines = (files("harness.data") / "common_words.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {code: _WORD.findall(words.lower()) for code, _, words in (line.partition("\t") for line in lines)}


def _sequences(word: str) -> Iterator[str]:
    """The word and its sequences of one to four letters, with the ends of the word as spaces; no space alone."""
    marked = f" {word} "
    if len(marked) > _LONGEST:
        yield marked
    for length in range(1, _LONGEST + 1):
        for start in range(len(marked) - length + 1):
            if (found := marked[start : start + length]) != " ":
                yield found
