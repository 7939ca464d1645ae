"""A perturbed variant of a test set, example by example: what is asked changes, what is right does not.

The draw of an example depends on the kind of perturbation and on the example's id, and on nothing else: variants are the
same in every run, under every ``--limit``, for every model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from harness.data.perturb.noise import NOISES, Noise
from harness.types.examples import Choice, Example, Pair, Query, Question, Sentence, Tagged, Text, Translation
from harness.types.units import MIXED

VERSION = 2
"""Part of the key of every perturbed unit: what changes a variant raises it."""

ASTRAY = 0.1
"""Share of unlike labels from which equal ids do not mean equal examples: row numbers of a copy that lost rows, say."""

Parallel = Iterable[tuple[str, Sequence[Example], str]]
"""Other languages of the same task: code, examples, and the fingerprint of their data."""


@dataclass(frozen=True)
class Variant:
    """The perturbed examples, in the order of the clean ones, and facts for the record.

    ``facts`` are "perturbed", the number of examples that differ from the clean ones, and for mixed languages "with".
    ``identity`` is what decides the variant besides the clean examples.
    """

    examples: Sequence[Example]
    facts: Mapping[str, Any] = field(default_factory=dict)
    identity: tuple[Any, ...] = ()


def applies(kind: str, examples: Iterable[type]) -> bool:
    """Whether examples of some of these classes can be perturbed so."""
    known = _MIXED if kind == MIXED else _NOISY
    return any(example in known for example in examples)


def make_variant(kind: str, examples: Sequence[Example], parallel: Parallel = ()) -> Variant:
    """The variant of the examples of a unit.

    "mixed" takes one text of each example from its counterpart, the example with its id and its label in the first of the
    ``parallel`` languages that has one: the second sentence of a pair, the question about a context (the context, and
    with it the answer, stays). An example without a counterpart stays as it is.
    """
    if kind == MIXED:
        return _mixed(examples, parallel)
    noise = NOISES[kind]
    made = [_noisy(example, kind, noise) for example in examples]
    changed = sum(new != old for new, old in zip(made, examples, strict=True))
    return Variant(made, {"perturbed": changed}, (VERSION, kind))


def _mixed(examples: Sequence[Example], parallel: Parallel) -> Variant:
    made, used = list(examples), dict[str, str]()
    lacking = {index for index, example in enumerate(examples) if type(example) in _MIXED}
    for code, others, fingerprint in parallel:
        found = _counterparts({index: examples[index] for index in lacking}, others)
        for index, other in found.items():
            made[index] = _MIXED[type(other)](examples[index], other)
        if found:
            used[code] = fingerprint
            lacking -= found.keys()
        if not lacking:
            break
    changed = sum(new != old for new, old in zip(made, examples, strict=True))
    facts = {"perturbed": changed} | ({"with": ", ".join(used)} if used else {})
    return Variant(made, facts, (VERSION, MIXED, *used.items()))


def _counterparts(examples: Mapping[int, Example], others: Sequence[Example]) -> dict[int, Example]:
    """The other language's example for each of ``examples`` that has one; none where labels show that ids mean nothing."""
    known = {getattr(other, "id", ""): other for other in others}
    same = {index: known.get(getattr(example, "id", "")) for index, example in examples.items()}
    found = {
        index: other for index, other in same.items() if other is not None and type(other) is type(examples[index])
    }
    unlike = {index for index, other in found.items() if _label(other) != _label(examples[index])}
    if len(unlike) > ASTRAY * len(found):
        return {}
    return {index: other for index, other in found.items() if index not in unlike}


def _label(example: Example) -> object:
    """What translations share: the label of a pair (answers are words of their language)."""
    return example.label if isinstance(example, Pair) else None


def _noisy(example: Example, kind: str, noise: Noise) -> Example:
    change = _NOISY.get(type(example))
    if change is None:
        return example
    random = Random(f"{kind} {getattr(example, 'id', '')}")
    return change(example, lambda text: noise(text, random))


def _tagged(example: Tagged, noise: Callable[[str], str]) -> Tagged:
    """Each word keeps its place and its tag; the draw is over the letters of the whole sentence."""
    words = noise("\n".join(example.words)).split("\n")
    if len(words) != len(example.words):
        return example
    words = [new or old for new, old in zip(words, example.words, strict=True)]
    return replace(example, words=tuple(words), written=_rewritten(example, words))


def _rewritten(example: Tagged, words: Sequence[str]) -> tuple[str, ...]:
    """The new words with the spaces before the old ones; words that stay as they were stay as they are written."""
    return tuple(
        text if new == old else text[: len(text) - len(text.lstrip())] + new
        for text, new, old in zip(example.written, words, example.words, strict=False)
    )


_MIXED: dict[type, Callable[[Any, Any], Example]] = {
    Pair: lambda example, other: replace(example, b=other.b),
    Question: lambda example, other: replace(example, question=other.question),
}
_NOISY: dict[type, Callable[[Any, Callable[[str], str]], Example]] = {
    Pair: lambda example, noise: replace(example, a=noise(example.a), b=noise(example.b)),
    Question: lambda example, noise: replace(example, question=noise(example.question)),
    Choice: lambda example, noise: replace(example, prompt=noise(example.prompt)),
    Query: lambda example, noise: replace(example, text=noise(example.text)),
    Text: lambda example, noise: replace(example, text=noise(example.text)),
    Translation: lambda example, noise: replace(example, foreign=noise(example.foreign)),
    Sentence: lambda example, noise: example if example.english else replace(example, text=noise(example.text)),
    Tagged: _tagged,
}
"""What is perturbed of each class. Never what answers are read from (the context of a question, the candidates of a
query, the English side of retrieval), so that labels, offsets and ids hold."""
