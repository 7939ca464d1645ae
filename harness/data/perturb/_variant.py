"""A perturbed variant of a test set, example by example: the query changes, the answer does not.

The draw of an example depends on the kind of perturbation and on the example's id only: variants are the
same in every run, under every ``--limit``, for every model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from harness.data.perturb._noise import NOISES, Noise
from harness.types.examples import Example
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
    """Tells whether examples of some of these classes can be perturbed so."""
    fields = "paired_fields" if kind == MIXED else "query_fields"
    return any(getattr(example, fields, ()) for example in examples)


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
    lacking = {index for index, example in enumerate(examples) if example.paired_fields}
    for code, others, fingerprint in parallel:
        found = _counterparts({index: examples[index] for index in lacking}, others)
        for index, other in found.items():
            texts = other.texts()
            made[index] = examples[index].with_texts(**{name: texts[name] for name in other.paired_fields})
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
    """Returns what translations share: the label of a pair (answers are words of their language)."""
    return getattr(example, "label", None)


def _noisy(example: Example, kind: str, noise: Noise) -> Example:
    random = Random(f"{kind} {getattr(example, 'id', '')}")
    texts = {name: noise(text, random) for name, text in example.asked_texts().items()}
    return example.with_texts(**texts) if texts else example
