"""For every English sentence, its translation in a pool of foreign sentences (Tatoeba)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, check_choice
from harness.families.base import Predictor
from harness.families.baseline import random_stream
from harness.models.sentence_encoder import default_layer, encoder_of, load_encoder
from harness.retrieval.embed import POOLS
from harness.retrieval.embed_units import embed_units
from harness.retrieval.search_backend import index_facts, searcher
from harness.types.examples import Example, Translation, sorted_english
from harness.types.roles import MEASURES, option
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.inference.forward import Forward


class BitextRetrieval(Predictor):
    """Nearest neighbour by cosine: English sentences, sorted by code point, are the queries, foreign ones the index.

    Predictions are 0-based rows of the foreign sentences in the order of the sorted English ones. Nothing is
    fine-tuned.
    """

    @dataclass(frozen=True)
    class Options:
        """``layer`` is an index into the hidden states (None: 8 of 12 layers, 14 of 24, else half-way up).

        ``pool``: "mean" (special tokens included, as in XTREME), "mean-no-specials" or "cls". ``index``: "faiss",
        "torch" or "auto", which all give the same answer, or one that is approximate, its recall in the record: "ivf",
        "hnsw" or that of a plugin.
        """

        layer: int | None = option(None, MEASURES)
        pool: str = option("mean", MEASURES)
        max_length: int = option(512, MEASURES)
        index: str = option("auto", MEASURES)

        def __post_init__(self) -> None:
            """Refuses names that mean nothing, before anything is embedded."""
            check_choice("pool", self.pool, POOLS)

    options: Options

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The bare encoder."""
        return load_encoder(reference, **kwargs)

    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """Embeds the sentences of all units together, then searches unit by unit."""
        options = self.options
        index, search = searcher(options.index, forward.device, forward.build_index)
        layer = default_layer(encoder_of(forward.model).config) if options.layer is None else options.layer
        for embedded in embed_units(
            forward,
            units,
            _sentences,
            layer=layer,
            pool=options.pool,
            max_length=options.max_length,
            languages=_languages,
        ):
            pairs = translations(embedded.unit)
            foreign = embedded.of([pair.foreign for pair in pairs], embedded.unit.language)
            english = embedded.of([pairs[row].english for row in sorted_english(pairs)], "en")
            found = search(english, foreign, 1)
            facts = {"layer": layer, "pool": options.pool, "dimension": foreign.shape[1]}
            yield Prediction(embedded.unit, found.ids[:, 0].tolist(), facts | index_facts(index, found.recall))

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> Sequence[Any]:
        """ "majority": always the first row; "random": any row."""
        count = len(translations(unit))
        return [0] * count if kind == "majority" else random_stream(unit, seed).integers(count, size=count).tolist()


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
