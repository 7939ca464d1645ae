"""Sentences of many units through one stream: a sentence that several languages share is embedded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.models.sentence_encoder import encoder_of
from harness.retrieval.embed import Vectors, embed
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    from harness.inference.forward import Forward

HELD = 2 << 30
"""Bytes of sentence vectors that are held at a time, if one unit does not need more (four languages of Tatoeba: 30
MB).
"""


@dataclass(frozen=True)
class Embedded:
    """A unit, and the vectors of the sentences of its group at a layer; ``layers`` holds those of every layer asked for."""

    unit: UnitExamples
    rows: Mapping[str, int]
    vectors: Vectors
    layers: Mapping[int, Vectors]

    def of(self, sentences: Sequence[str]) -> Vectors:
        """The unit vectors (n, d) of these sentences."""
        return self.vectors[np.fromiter((self.rows[text] for text in sentences), np.int64, len(sentences))]

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
    **settings: Any,
) -> Iterator[Embedded]:
    """Embeds the sentences of all units, as many units at a time as ``held`` bytes of vectors allow (one at least).

    ``also`` are further layers, from the same pass; ``settings`` are those of :func:`~harness.retrieval.embed.embed`.
    """
    layers = [layer, *also]
    most = held // (4 * encoder_of(forward.model).config.hidden_size * len(layers))
    for group, known in _groups(units, sentences, most):
        counts = sum(len(sentences(unit)) for unit in group)
        vectors = embed(forward, list(known), layers=layers, counts=counts, **settings)
        for unit in group:
            yield Embedded(unit, known, vectors[layer], vectors)


def _groups(
    units: Sequence[UnitExamples], sentences: Callable[[UnitExamples], Sequence[str]], most: int
) -> Iterator[tuple[list[UnitExamples], dict[str, int]]]:
    """Consecutive units with at most ``most`` distinct sentences together, and the number of each sentence."""
    group: list[UnitExamples] = []
    known: dict[str, int] = {}
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
