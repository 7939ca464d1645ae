"""For every English sentence, its translation in a pool of foreign sentences (Tatoeba)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import IntArray
from harness.core.errors import DataError
from harness.families.base import Predictor
from harness.families.baseline import random_stream
from harness.models.sentence_encoder import encoder_of, layer_count, load_encoder
from harness.retrieval.embed_units import Embedded, embed_units
from harness.retrieval.embedding import Embedding, EmbeddingOptions, layer_curve
from harness.retrieval.search_backend import Search, index_facts, searcher
from harness.types.examples import Example, Translation, sorted_english
from harness.types.roles import MEASURES, option
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.inference.forward import Forward
    from harness.models.embedder import Embedder


class BitextRetrieval(Predictor):
    """Nearest neighbour by cosine: English sentences, sorted by code point, are the queries, foreign ones the index.

    Predictions are 0-based rows of the foreign sentences in the order of the sorted English ones. Nothing is
    fine-tuned.
    """

    @dataclass(frozen=True)
    class Options(EmbeddingOptions):
        """``index``: "faiss", "torch" or "auto", which all give the same answer, or one that is approximate, its recall in
        the record: "ivf", "hnsw" or that of a plugin.

        There is no dev split: with ``layer`` "all" every language gets its curve, and no layer is chosen by it.
        """

        index: str = option("auto", MEASURES)

    options: Options

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The bare encoder."""
        return load_encoder(reference, **kwargs)

    def languages_read(self, language: str) -> tuple[str, ...]:
        """Both sides are read."""
        return language, "en"

    def vector_treatment(self, embedder: Embedder) -> dict[str, Any]:
        """Describes what the model's own files and training change."""
        return self.options.unusual(embedder)

    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """Embeds the sentences of all units together, then searches unit by unit."""
        index, search = searcher(self.options.index, forward.device, forward.build_index)
        how = Embedding.of(self.options, forward.embedder, layer_count(encoder_of(forward.model).config))
        also = range(how.depth + 1) if self.options.curve else ()
        for embedded in embed_units(
            forward, units, _sentences, languages=_languages, layer=how.layer, also=also, **how.settings
        ):
            rows, recall = _nearest(embedded, search)
            facts = {**how.facts, "dimension": embedded.vectors.shape[1], **index_facts(index, recall)}
            if also:
                values = [_accuracy(embedded.at(layer), search) for layer in also]
                facts["curve"] = layer_curve(embedded.unit.split, "accuracy", values)
            yield Prediction(embedded.unit, rows.tolist(), facts)

    def choices(self, unit: UnitExamples) -> float | None:
        """The sentences of the pool."""
        return len(translations(unit))

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> Sequence[Any]:
        """ "majority": always the first row; "random": any row."""
        count = len(translations(unit))
        return [0] * count if kind == "majority" else random_stream(unit, seed).integers(count, size=count).tolist()


def _nearest(embedded: Embedded, search: Search) -> tuple[IntArray, float]:
    """The row of the nearest foreign sentence of each English one, in order of code points; the recall of the search."""
    pairs = translations(embedded.unit)
    foreign = embedded.of([pair.foreign for pair in pairs], embedded.unit.language)
    english = embedded.of([pairs[row].english for row in sorted_english(pairs)], "en")
    found = search(english, foreign, 1)
    return found.ids[:, 0], found.recall


def _accuracy(embedded: Embedded, search: Search) -> float:
    """The percentage of English sentences whose nearest foreign one is their translation."""
    right = np.array(sorted_english(translations(embedded.unit)))
    return float(100 * (_nearest(embedded, search)[0] == right).mean())


def translations(unit: UnitExamples) -> list[Translation]:
    """The pairs of a unit; :class:`DataError` where it has none."""
    pairs = [example for example in unit.examples if isinstance(example, Translation)]
    if not pairs:
        raise DataError(
            f"{unit.task} {unit.language} {unit.split}: no sentence pairs to search",
            hint="the task's reader must yield Translation examples",
        )
    return pairs


def _sentences(unit: UnitExamples) -> list[str]:
    pairs = translations(unit)
    return [pair.foreign for pair in pairs] + [pair.english for pair in pairs]


def _languages(unit: UnitExamples) -> list[str]:
    pairs = translations(unit)
    return [unit.language] * len(pairs) + ["en"] * len(pairs)
