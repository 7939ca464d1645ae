"""A label for a text or a pair of texts (XNLI, PAWS-X, and their intermediate relatives)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import OutputRows
from harness.core.errors import DataError
from harness.families.base import HeadFamily
from harness.families.baseline import most_frequent, random_stream
from harness.families.distributions import Distributions
from harness.inference.features import Features
from harness.inference.tokenization import encode_pairs, pair_treatment
from harness.models.heads import check_finite, in_task_order, load_head, model_inputs
from harness.types.examples import Example, Pair
from harness.types.roles import MEASURES, option
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Classification(HeadFamily):
    """Sequence classification in the layout of the tokenizer's pair template; a prediction is a label."""

    @dataclass(frozen=True)
    class Options:
        """``max_length`` counts special tokens; longer pairs are cut at the end of the longer text, token by token.

        ``labels_by_position`` takes a checkpoint's nameless outputs (LABEL_0, ...) for the task's labels in order.
        """

        max_length: int = option(128, MEASURES)
        labels_by_position: bool = option(False, MEASURES)

    options: Options
    reads_pairs = True

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with a sequence classification head, one output a label (see :mod:`harness.models.heads`)."""
        by_position = self.options.labels_by_position
        return load_head("SequenceClassification", reference, self.labels, by_position=by_position, **kwargs)

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """``separator``: the token between the texts of a pair, where the tokenizer itself puts none."""
        return pair_treatment(tokenizer)

    def features(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """One row an example. Texts are encoded as pairs unless no example has a second text."""
        pairs = [(index, example) for index, example in enumerate(examples) if isinstance(example, Pair)]
        if training:
            pairs = [(index, pair) for index, pair in pairs if pair.label is not None or self.keeps_unlabelled]
        second = [pair.b for _, pair in pairs]
        ids, segments = encode_pairs(
            tokenizer, [pair.a for _, pair in pairs], second if any(second) else None, self.options.max_length
        )
        columns = {"labels": self._labels([pair for _, pair in pairs])} if training else {}
        return Features(ids, np.array([index for index, _ in pairs], np.int64), segments=segments, columns=columns)

    def _labels(self, pairs: Sequence[Pair]) -> np.ndarray[Any, np.dtype[np.int64]]:
        known: dict[str | None, int] = {label: index for index, label in enumerate(self.labels)}
        if self.keeps_unlabelled:
            known[None] = -100
        try:
            return np.array([known[pair.label] for pair in pairs], np.int64)
        except KeyError:
            wrong = next(pair for pair in pairs if pair.label not in known)
            raise DataError(
                f"example {wrong.id!r} has the label {wrong.label!r}", hint=f"known: {', '.join(self.labels)}"
            ) from None

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy in fp32, and the number of examples."""
        from torch.nn.functional import cross_entropy

        labels = batch["labels"]
        return cross_entropy(self._logits(model, batch), labels, reduction="sum"), labels.new_tensor(len(labels))

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``logits``: fp32, shape (rows, labels), in the task's order of labels."""
        return {"logits": self._logits(model, batch)}

    def distributions(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> Sequence[Distributions]:
        """One for each row, over the labels."""
        import torch

        logits = self._logits(model, batch)
        return [Distributions(logits, torch.arange(len(logits), device=logits.device), batch.get("labels"))]

    def _logits(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        logits = model(**model_inputs(model, batch)).logits.float()
        return in_task_order(logits, model, self.labels, by_position=self.options.labels_by_position)

    def decode(self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]) -> list[str]:
        """The label with the highest logit, the earlier one in a tie."""
        if not len(features):
            return []
        logits = np.asarray(outputs["logits"])
        check_finite(np.isfinite(logits))
        return [self.labels[index] for index in logits.argmax(axis=1)]

    def loss_of_outputs(
        self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]
    ) -> tuple[float, float] | None:
        """Cross-entropy of the labels, from the logits."""
        pairs = [examples[index] for index in features.example.tolist()]
        labelled = [row for row, pair in enumerate(pairs) if isinstance(pair, Pair) and pair.label is not None]
        if not labelled:
            return None
        logits = np.asarray(outputs["logits"], np.float64)[labelled]
        right = self._labels([pair for row in labelled if isinstance(pair := pairs[row], Pair)])
        losses = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(right)), right]
        return float(losses.sum()), float(len(right))

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> list[str]:
        """ "majority": the most frequent training label; "random": a uniform draw for each example."""
        count = len(unit.examples)
        if kind == "majority":
            return [
                most_frequent((pair.label for pair in train if isinstance(pair, Pair) and pair.label), self.labels)
            ] * count
        return [self.labels[index] for index in random_stream(unit, seed).integers(len(self.labels), size=count)]
