"""The pairs of translations hidden in two pools of sentences (BUCC 2018), with a threshold learned on dev."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import DataError, UsageError, check_choice
from harness.families.base import Predictor
from harness.families.baseline import random_stream
from harness.models.sentence_encoder import encoder_of, layer_count, load_encoder
from harness.retrieval.embed_units import Embedded, embed_units
from harness.retrieval.embedding import Embedding, EmbeddingOptions, layer_curve
from harness.retrieval.knn_bidirectional import PRECISIONS
from harness.retrieval.mining import DUPLICATES, MARGINS, RETRIEVALS, Mined, mine_texts
from harness.retrieval.search_backend import Search, index_facts, pair_searcher
from harness.retrieval.threshold import Threshold, best_threshold
from harness.types import defaults
from harness.types.examples import Example, GoldPair, Sentence
from harness.types.roles import MEASURES, SPEED, option
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.inference.forward import Forward
    from harness.models.embedder import Embedder


class BitextMining(Predictor):
    """Margin mining with one-to-one matching; the prediction of a unit is a list of (foreign id, English id).

    The threshold on the margin is the one with the best F1 on the dev split of the same language.
    """

    needs_dev = True

    @dataclass(frozen=True)
    class Options(EmbeddingOptions):
        """The defaults are XTREME's. With ``layer`` "all" a language's layer is the one with the best F1 on its dev split.

        ``k``: neighbours a margin looks at. ``margin``: "ratio", "distance" or "absolute". ``retrieval``: "max",
        "intersect", "forward" or "backward". ``duplicates``: "drop" pairs of repeated sentences, or "expand" them to
        all copies. ``precision`` of the first pass: "fp32", "bf16" or "auto", by the hardware; the answer is the same.
        ``memory``: MiB for the blocks of similarities. ``index`` as in sentence retrieval.
        """

        k: int = option(defaults.NEIGHBOURS, MEASURES)
        margin: str = option(defaults.MARGIN, MEASURES)
        retrieval: str = option(defaults.RETRIEVAL, MEASURES)
        duplicates: str = option(defaults.DUPLICATES, MEASURES)
        precision: str = option("auto", SPEED, keyed="default")
        memory: int = option(defaults.SIMILARITY_MEMORY, SPEED, keyed="default")
        index: str = option("auto", MEASURES)

        def __post_init__(self) -> None:
            """Refuses values that nothing can be mined with, before anything is embedded."""
            super().__post_init__()
            check_choice("margin", self.margin, MARGINS)
            check_choice("retrieval", self.retrieval, RETRIEVALS)
            check_choice("duplicates", self.duplicates, DUPLICATES)
            check_choice("precision", self.precision, PRECISIONS)
            for name in ("k", "memory"):
                if getattr(self, name) < 1:
                    raise UsageError(f"option {name}: a positive number expected, not {getattr(self, name)!r}")

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
        """Embeds the pools of all units (and their dev pools) together, then mines unit by unit.

        Units without gold pairs on dev are a :class:`DataError`, raised after the others are predicted.
        """
        how = Embedding.of(self.options, forward.embedder, layer_count(encoder_of(forward.model).config))
        also = range(how.depth + 1) if self.options.curve else ()
        index, search = pair_searcher(self.options.index, forward.device, forward.build_index)
        ready = [unit for unit in units if any(isinstance(example, GoldPair) for example in _dev(unit))]
        for embedded in embed_units(
            forward, ready, _sentences, languages=_languages, layer=how.layer, also=also, **how.settings
        ):
            dev = _Pools(_dev(embedded.unit))
            facts = how.facts
            learned = [self._on_dev(dev, embedded.at(layer), forward.device, search) for layer in also or (how.layer,)]
            found = [each.threshold.f1 for each in learned]
            best = int(np.argmax(found))
            if also:
                facts = Embedding.of(replace(self.options, layer=best), forward.embedder, how.depth).facts
                facts |= {"layer_from": "the best F1 on dev", "curve": layer_curve("dev", "f1", found)}
                embedded = embedded.at(best)
            pairs, recall, more = self._predict(embedded, dev, learned[best], forward.device, search)
            yield Prediction(embedded.unit, pairs, facts | more | index_facts(index, recall))
        if len(ready) < len(units):
            without = [unit.language for unit in units if not any(unit is other for other in ready)]
            raise DataError(
                f"{units[0].task}[{','.join(dict.fromkeys(without))}]: no gold pairs in the dev split",
                hint="the threshold is learned there: put the dev .gold file beside the two dev pools",
            )

    def _on_dev(self, dev: _Pools, embedded: Embedded, device: str, search: Search | None) -> _Dev:
        mined = self._mine(dev, embedded, device, search)
        gold = dev.gold
        correct = np.fromiter((pair in gold for pair in dev.pairs(mined)), bool, len(mined))
        return _Dev(mined, best_threshold(mined.margins, correct, len(gold)))

    def _predict(
        self, embedded: Embedded, dev: _Pools, learned: _Dev, device: str, search: Search | None
    ) -> tuple[list[tuple[str, str]], float, dict[str, Any]]:
        unit = embedded.unit
        pools, mined, threshold = dev, learned.mined, learned.threshold
        if unit.split != "dev":
            pools = _Pools(unit.examples)
            mined = self._mine(pools, embedded, device, search)
        chosen = pools.pairs(mined[mined.margins >= threshold.value])
        facts = {
            "threshold": threshold.value,
            "threshold_from": "dev (itself)" if unit.split == "dev" else "dev",
            "dev_f1": threshold.f1,
            "candidates": len(mined),
        }
        return chosen, mined.recall, facts

    def _mine(self, pools: _Pools, embedded: Embedded, device: str, search: Search | None) -> Mined:
        options = self.options
        return mine_texts(
            pools.foreign_texts,
            pools.english_texts,
            embedded.of(pools.foreign_texts, embedded.unit.language),
            embedded.of(pools.english_texts, "en"),
            duplicates=options.duplicates,
            k=options.k,
            margin=options.margin,
            retrieval=options.retrieval,
            precision=options.precision,
            device=device,
            memory=options.memory << 20,
            search=search,
        )

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> Sequence[Any]:
        """ "majority": no pair, as most are none; "random": as many pairs as the smaller pool has sentences."""
        if kind == "majority":
            return []
        pools, rng = _Pools(unit.examples), random_stream(unit, seed)
        foreign, english = ([side[i].id for i in rng.permutation(len(side))] for side in (pools.foreign, pools.english))
        return list(zip(foreign, english, strict=False))


@dataclass(frozen=True)
class _Dev:
    """Pairs mined from the dev pools, and the threshold that is best there."""

    mined: Mined
    threshold: Threshold


class _Pools:
    """The two pools of a split, and its gold pairs."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.foreign: list[Sentence] = []
        self.english: list[Sentence] = []
        self.gold: set[tuple[str, str]] = set()
        for example in examples:
            if isinstance(example, Sentence):
                (self.english if example.english else self.foreign).append(example)
            elif isinstance(example, GoldPair):
                self.gold.add((example.foreign, example.english))

    @cached_property
    def foreign_texts(self) -> list[str]:
        return [sentence.text for sentence in self.foreign]

    @cached_property
    def english_texts(self) -> list[str]:
        return [sentence.text for sentence in self.english]

    def pairs(self, mined: Mined) -> list[tuple[str, str]]:
        """Mined rows as ids."""
        rows = zip(mined.foreign.tolist(), mined.english.tolist(), strict=True)
        return [(self.foreign[left].id, self.english[right].id) for left, right in rows]


def _dev(unit: UnitExamples) -> Sequence[Example]:
    return unit.examples if unit.split == "dev" else unit.dev


def _sentences(unit: UnitExamples) -> list[str]:
    return [sentence.text for sentence in _of_both_splits(unit)]


def _languages(unit: UnitExamples) -> list[str]:
    return ["en" if sentence.english else unit.language for sentence in _of_both_splits(unit)]


def _of_both_splits(unit: UnitExamples) -> list[Sentence]:
    examples = [*unit.examples, *([] if unit.split == "dev" else unit.dev)]
    return [example for example in examples if isinstance(example, Sentence)]
