"""Sentences of many units through one stream: a sentence that several languages share is embedded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.models.sentence_encoder import encoder_of
from harness.retrieval.embed import Vectors, embed
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    from harness.inference.forward import Forward

Spoken = tuple[str, str]
"""A sentence and its language."""
HELD = 2 << 30
"""Bytes of sentence vectors that are held at a time, if one unit does not need more (four languages of Tatoeba: 30
MB).
"""


@dataclass(frozen=True)
class Embedded:
    """A unit, and the vectors of the sentences of its group at a layer; ``layers`` holds those of every layer asked for.

    ``rows`` are by sentence and language, which is "" for a model that is the same in all (not ``spoken``).
    """

    unit: UnitExamples
    rows: Mapping[Spoken, int]
    vectors: Vectors
    layers: Mapping[int, Vectors]
    spoken: bool = False

    def of(self, sentences: Sequence[str], language: str = "") -> Vectors:
        """The unit vectors (n, d) of these sentences, which are all in one language."""
        code = language if self.spoken else ""
        return self.vectors[np.fromiter((self.rows[text, code] for text in sentences), np.int64, len(sentences))]

    def at(self, layer: int) -> Embedded:
        """The same sentences at another layer."""
        return replace(self, vectors=self.layers[layer])


def embed_units(
    forward: Forward,
    units: Sequence[UnitExamples],
    sentences: Callable[[UnitExamples], Sequence[str]],
    *,
    layer: int,
    also: Sequence[int] = (),
    held: int = HELD,
    languages: Callable[[UnitExamples], Sequence[str]] | None = None,
    **settings: Any,
) -> Iterator[Embedded]:
    """Embeds the sentences of all units, as many units at a time as ``held`` bytes of vectors allow (one at least).

    ``also`` are further layers, from the same pass; ``settings`` are those of :func:`~harness.retrieval.embed.embed`.
    ``languages`` gives those of a unit's sentences, which a model with modules for each language reads.
    """
    spoken = languages is not None and forward.reads_language
    layers = [layer, *also]
    most = held // (4 * encoder_of(forward.model).config.hidden_size * len(layers))

    def pairs(unit: UnitExamples) -> Iterator[Spoken]:
        texts = sentences(unit)
        return zip(texts, languages(unit) if spoken and languages else repeat("", len(texts)), strict=True)

    for group, known in _groups(units, pairs, most):
        if spoken:
            settings["languages"] = [code for _, code in known]
        counts = sum(len(unit.examples) for unit in group)  # as many as the progress of the run expects
        vectors = embed(forward, [text for text, _ in known], layers=layers, counts=counts, **settings)
        for unit in group:
            yield Embedded(unit, known, vectors[layer], vectors, spoken)


def _groups(
    units: Sequence[UnitExamples], sentences: Callable[[UnitExamples], Iterable[Spoken]], most: int
) -> Iterator[tuple[list[UnitExamples], dict[Spoken, int]]]:
    """Consecutive units with at most ``most`` distinct sentences together, and the number of each sentence."""
    group: list[UnitExamples] = []
    known: dict[Spoken, int] = {}
    for unit in units:
        own = dict.fromkeys(sentences(unit))
        if group and len(known | own) > most:
            yield group, known
            group, known = [], {}
        group.append(unit)
        for text in own:
            known.setdefault(text, len(known))
    if group:
        yield group, known
