"""The best continuation of a prompt (HellaSwag, Cosmos QA, CommonsenseQA, SocialIQA, COPA and XCOPA)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import harmonic_mean
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import OutputRows
from harness.core.errors import DataError, UsageError
from harness.families.base import HeadFamily
from harness.families.baseline import most_frequent, random_stream
from harness.families.distributions import Distributions
from harness.inference.features import Features
from harness.inference.tokenization import encode_pairs, offsets, pair_treatment
from harness.models.heads import check_finite, load_head, model_inputs
from harness.types.examples import Choice, Example
from harness.types.roles import MEASURES, option
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class MultipleChoice(HeadFamily):
    """One logit for each pair of prompt and option, softmax over the options; a prediction is an option's index.

    A row is an option, an item an example. Examples may differ in their number of options.
    """

    @dataclass(frozen=True)
    class Options:
        """``max_length`` counts special tokens. Longer pairs lose tokens of the longer side one by one: from its
        beginning with ``truncate`` "front" (jiant), from its end with "longest_first" (the XCOPA reference)."""

        max_length: int = option(128, MEASURES)
        truncate: str = option("front", MEASURES)

        def __post_init__(self) -> None:
            """Refuses unknown ways to truncate."""
            if self.truncate not in ("front", "longest_first"):
                raise UsageError(f"option truncate: 'front' or 'longest_first' expected, not {self.truncate!r}")

    options: Options

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with a multiple choice head; where its architecture has none in transformers (decoders, T5), with a
        sequence classification head of one output, which is the same thing."""
        return load_head("MultipleChoice", reference, ("score",), **kwargs)

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """``separator``: the token between the texts of a pair, where the tokenizer itself puts none."""
        return pair_treatment(tokenizer)

    def features(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """One row an option; column ``item`` numbers the examples, ``answer`` is 1 at the right option (training)."""
        choices = [(index, example) for index, example in enumerate(examples) if isinstance(example, Choice)]
        if training:
            every = self.keeps_unlabelled
            choices = [(index, choice) for index, choice in choices if every or choice.answer is not None]
        for _, choice in choices:
            _check(choice)
        ids, segments = encode_pairs(
            tokenizer,
            [choice.prompt for _, choice in choices for _ in choice.options],
            [option for _, choice in choices for option in choice.options],
            self.options.max_length,
            front=self.options.truncate == "front",
        )
        counts = np.array([len(choice.options) for _, choice in choices], np.int64)
        starts = offsets(counts)
        columns = {"item": np.repeat(np.arange(len(choices)), counts)}
        if training:
            columns["answer"] = np.zeros(len(ids), np.int64)
            right = [
                start + choice.answer
                for (_, choice), start in zip(choices, starts[:-1], strict=True)
                if choice.answer is not None
            ]
            columns["answer"][np.array(right, np.int64)] = 1
        index = np.repeat(np.array([index for index, _ in choices], np.int64), counts)
        return Features(ids, index, segments=segments, columns=columns, items=starts)

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy over each item's options, in fp32, and the number of items."""
        scores = self._scores(model, batch)
        table = _table(scores, _mine(batch))
        return table.logsumexp(dim=1).sum() - (scores * batch["answer"]).sum(), batch["item"].new_tensor(len(table))

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``score``: fp32, one logit a row."""
        return {"score": self._scores(model, batch)}

    def distributions(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> Sequence[Distributions]:
        """One for each item, over the rows of the batch that are its options."""
        mine = _mine(batch)
        right = mine & (batch["answer"] == 1)
        gold = right.int().argmax(dim=1).masked_fill(~right.any(dim=1), -100)
        return [Distributions(_table(self._scores(model, batch), mine), mine.int().argmax(dim=1), gold)]

    def _scores(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return model(**model_inputs(model, batch)).logits.float().reshape(-1)  # type: ignore[no-any-return]

    def decode(self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]) -> list[int]:
        """The option with the highest score, the earlier one in a tie."""
        if not len(features) or features.items is None:
            return []
        scores = np.array(outputs["score"], np.float32)
        check_finite(np.isfinite(scores))
        starts, counts = features.items[:-1], np.diff(features.items)
        table = np.full((len(counts), int(counts.max())), -np.inf, np.float32)
        item = np.repeat(np.arange(len(counts)), counts)
        table[item, np.arange(len(scores)) - starts[item]] = scores
        return [int(index) for index in table.argmax(axis=1)]

    def loss_of_outputs(
        self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]
    ) -> tuple[float, float] | None:
        """Cross-entropy of the right options, from the scores of all options of an item."""
        if features.items is None:
            return None
        scores, total, terms = np.asarray(outputs["score"], np.float64), 0.0, 0
        for start, end in pairwise(features.items.tolist()):
            choice = examples[int(features.example[start])]
            if isinstance(choice, Choice) and choice.answer is not None:
                total += float(np.logaddexp.reduce(scores[start:end]) - scores[start + choice.answer])
                terms += 1
        return (total, float(terms)) if terms else None

    def choices(self, unit: UnitExamples) -> float | None:
        """The number of options, their harmonic mean where examples differ."""
        counts = [len(choice.options) for choice in unit.examples if isinstance(choice, Choice)]
        return harmonic_mean(counts) if counts and all(counts) else None

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> list[int]:
        """ "majority": the most frequent position of the right option; "random": a uniform draw among the options."""
        counts = np.array([len(choice.options) for choice in unit.examples if isinstance(choice, Choice)], np.int64)
        if kind == "majority":
            answers = [choice.answer for choice in train if isinstance(choice, Choice) and choice.answer is not None]
            position = most_frequent(answers, tuple(range(int(counts.max(initial=1)))))
            return [int(index) for index in np.minimum(position, counts - 1)]
        return [int(index) for index in random_stream(unit, seed).integers(counts)]


def _mine(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Tells which rows of the batch are options of which item, (items, rows)."""
    import torch

    items, place = torch.unique(batch["item"], return_inverse=True)
    mine: torch.Tensor = place == torch.arange(len(items), device=place.device)[:, None]
    return mine


def _table(scores: torch.Tensor, mine: torch.Tensor) -> torch.Tensor:
    """The scores of each item's options, -inf for those of other items, (items, rows)."""
    import torch

    return scores.masked_fill(~mine, -torch.inf)


def _check(choice: Choice) -> None:
    if not choice.options:
        raise DataError(f"example {choice.id!r} has no options")
    if choice.answer is not None and not 0 <= choice.answer < len(choice.options):
        raise DataError(
            f"example {choice.id!r}: answer {choice.answer} of {len(choice.options)} options",
            hint="answers count from 0",
        )
