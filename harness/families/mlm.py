"""Masked language modelling on running text: a separate stage, or one more task next to labelled ones.

15% of the tokens are predicted: of these 80% are masked, 10% replaced, 10% kept (Devlin et al. 2019), drawn anew each
time a text comes up. Languages are drawn with probability proportional to size^alpha (Conneau et al. 2020, alpha 0.3).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import OutputRows
from harness.core.errors import ModelError, UsageError
from harness.families.base import HeadFamily
from harness.families.text_rows import Mask, TextRows
from harness.inference.features import FeatureRows, Features, Ragged
from harness.inference.tokenization import encode_pairs
from harness.models.heads import load_head
from harness.models.masked_head import masked_logits, masked_loss
from harness.types.examples import Example, Text
from harness.types.roles import MEASURES, option
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MaskedCounts:
    """Counts of a text's masked tokens: how many, how many were predicted right, the sum of -log p (nats)."""

    masked: int
    right: int
    loss: float


class MaskedLanguageModel(HeadFamily):
    """A prediction is a :class:`MaskedCounts`. The head is the checkpoint's own and is trained on, not drawn anew."""

    fresh_head = False

    @dataclass(frozen=True)
    class Options:
        """``max_length`` counts special tokens; of a longer text a random stretch is taken each time it comes up.

        ``mlm_probability`` is the share of tokens that are predicted, ``masked_per_row`` the most of a row (0: any number),
        ``language_alpha`` the exponent that smooths the
        sizes of the languages (1: by size, 0: all alike).
        """

        max_length: int = option(256, MEASURES)
        mlm_probability: float = option(0.15, MEASURES)
        language_alpha: float = option(0.3, MEASURES)
        masked_per_row: int = option(0, MEASURES, keyed="changed")

        def __post_init__(self) -> None:
            """Refuses shares outside 0 to 1, and negative numbers."""
            if self.masked_per_row < 0:
                raise UsageError(f"option masked_per_row: no negative number expected, not {self.masked_per_row!r}")
            for name in ("mlm_probability", "language_alpha"):
                if not 0 <= getattr(self, name) <= 1:
                    raise UsageError(f"option {name}: a number from 0 to 1 expected, not {getattr(self, name)!r}")

    options: Options

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with its masked-language-model head, tied to the input embeddings where the architecture ties it.

        A checkpoint that has lost its head (one fine-tuned on another task) gets a new one, with a warning. ModelError
        for architectures without such a head (decoders).
        """
        model = load_head("MaskedLM", reference, (), **kwargs)
        if type(model).__name__ not in (model.config.architectures or ()):
            log.warning("%s has no masked-language-model head: a new one is trained", reference)
        return model

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """Says where masks come from: stages from before, whose masks torch's generator drew, have other keys."""
        return {"masks": "of rows"}

    def features(
        self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool
    ) -> FeatureRows:
        """Training: rows that are tokenised and masked as they are needed (:class:`TextRows`). Otherwise one row a text,
        cut at ``max_length``, with a mask that depends only on these texts."""
        check_mask_token(tokenizer)
        mask = Mask.of(tokenizer, self.options.mlm_probability, self.options.masked_per_row)
        if training:
            return TextRows(tokenizer, examples, mask, self.options.max_length, self.options.language_alpha)
        texts = [example.text for example in examples if isinstance(example, Text)]
        ids, segments = encode_pairs(tokenizer, texts, None, self.options.max_length)
        values, labels = mask.fixed(ids.values, ids.offsets)
        return Features(
            Ragged(values, ids.offsets),
            np.arange(len(ids)),
            segments=segments,
            aligned={"labels": (Ragged(labels, ids.offsets), -100)},
        )

    def embedding_rows(self, features: FeatureRows) -> None:
        """None: a token may be replaced by any other, and the head predicts all of them."""

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy of the predicted tokens, in fp32, and their number."""
        return masked_loss(model, batch)

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``masked``, ``right`` and ``loss``, one a row."""
        import torch
        from torch.nn.functional import cross_entropy

        chosen = batch["labels"] != -100
        logits, labels = masked_logits(model, batch, chosen), batch["labels"][chosen]
        row = chosen.nonzero()[:, 0]
        empty = torch.zeros(len(chosen), device=labels.device)
        return {
            "masked": chosen.sum(dim=1),
            "right": empty.index_add(0, row, (logits.argmax(dim=1) == labels).float()),
            "loss": empty.index_add(0, row, cross_entropy(logits, labels, reduction="none")),
        }

    def decode(
        self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]
    ) -> list[MaskedCounts]:
        """One :class:`MaskedCounts` a text."""
        if not len(features):
            return []
        columns = zip(outputs["masked"], outputs["right"], outputs["loss"], strict=True)
        return [MaskedCounts(int(masked), round(float(right)), float(loss)) for masked, right, loss in columns]

    def loss_of_outputs(
        self, features: Any, outputs: Mapping[str, OutputRows], examples: Sequence[Example]
    ) -> tuple[float, float] | None:
        """Cross-entropy of the predicted tokens, and their number."""
        terms = float(np.sum(outputs["masked"])) if len(features) else 0.0
        return (float(np.sum(outputs["loss"], dtype=np.float64)), terms) if terms else None

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> Sequence[Any]:
        """There is no baseline: raises UsageError."""
        raise UsageError("masked language modelling has no baseline", hint="give a model")


def check_mask_token(tokenizer: PreTrainedTokenizerBase) -> None:
    """ModelError where the tokenizer has no mask token."""
    if tokenizer.mask_token_id is None:
        raise ModelError(
            f"{tokenizer.name_or_path}: the tokenizer has no mask token",
            hint="masked language modelling needs an encoder such as XLM-R or mBERT",
        )
