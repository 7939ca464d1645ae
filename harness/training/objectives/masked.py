"""The control ``masked``: masked language modelling on the same rows that a task would be trained on.

Rows, tokens, order and steps are those of the plain task; only what is learned from them differs. It separates the
effect of a task's labels from that of seeing its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UsageError
from harness.families.base import HeadFamily
from harness.families.mlm import MaskedLanguageModel, check_mask_token
from harness.families.text_rows import Mask
from harness.inference.features import Features
from harness.training.objectives.base import ObjectiveContext, PlainLoss, StageObjective
from harness.types.examples import Example
from harness.types.roles import MEASURES, option
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.training.objectives.base import Batch, Loss


class MaskedRows(MaskedLanguageModel):
    """Trains a masked-language-model head on another family's rows, whose labels are dropped."""

    def __init__(self, family: HeadFamily, probability: float) -> None:
        super().__init__((), family.options)
        self.rows_of = family
        self.probability = probability

    @property
    def auxiliary(self) -> bool:
        """It has the share of the steps that the labelled task would have."""
        return False

    def tokenizer_settings(self) -> Mapping[str, Any]:
        """Those of the family whose rows they are."""
        return self.rows_of.tokenizer_settings()

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """That of the family whose rows they are."""
        return self.rows_of.treatment(tokenizer)

    def features(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """The rows of the other family without anything but their tokens."""
        check_mask_token(tokenizer)
        rows = self.rows_of.text_rows(tokenizer, examples, training=training)
        if not isinstance(rows, Features):
            raise UsageError("objective 'masked': for tasks whose rows are all made before the training begins")
        return rows


class Masked(StageObjective):
    """Predicts masked tokens in the task's rows, which are masked differently each time. The last checkpoint counts."""

    @dataclass(frozen=True)
    class Options:
        """``mlm_probability`` is the share of tokens that are predicted: of these 80% are masked, 10% replaced, 10% kept."""

        mlm_probability: float = option(0.15, MEASURES)

        def __post_init__(self) -> None:
            """Refuses shares outside 0 to 1."""
            if not 0 < self.mlm_probability <= 1:
                raise UsageError(
                    f"option mlm_probability: a number above 0, up to 1, expected, not {self.mlm_probability!r}"
                )

    options: Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._tables: dict[torch.device, _Tables] = {}

    def task(self, task: IntermediateTask) -> IntermediateTask:
        """The task without dev data: its metric is meaningless for a model without the task's head."""
        return replace(task, dev=Split())

    def family(self, family: HeadFamily) -> HeadFamily:
        """The family of masked language modelling, on the rows of the given one."""
        if not family.fresh_head:
            raise UsageError("objective 'masked': the task has no labels that could be left out")
        if family.freezes_encoder:
            raise UsageError("objective 'masked': the task trains no encoder, only a soft prompt")
        return MaskedRows(family, self.options.mlm_probability)

    def loss(self, model: PreTrainedModel, batch: Batch, plain: PlainLoss, context: ObjectiveContext) -> Loss:
        """Summed cross-entropy of the predicted tokens, and their number."""
        import torch

        ids, there = batch["input_ids"], batch["attention_mask"]
        if ids.device not in self._tables:
            self._tables[ids.device] = _Tables.of(context.tokenizer, ids.device)
        tables = self._tables[ids.device]
        # The numbers belong to the places of a row, wherever it starts in the batch and however wide the batch is.
        drawn = np.stack([generator.random((ids.shape[1], 3)) for generator in context.generators()])
        place = (there.cumsum(1) - 1).clamp(min=0)
        draw, kind, other = (each.gather(1, place) for each in torch.from_numpy(drawn).to(ids.device).unbind(2))
        chosen = (draw < self.options.mlm_probability) & ~tables.special[ids] & (there == 1)
        masked = torch.where(chosen & (kind < 0.8), tables.mask_id, ids)
        others = tables.ordinary[(other * len(tables.ordinary)).long()]
        masked = torch.where(chosen & (kind >= 0.9), others, masked)
        return plain({**batch, "input_ids": masked, "labels": torch.where(chosen, ids, -100)})


@dataclass(frozen=True)
class _Tables:
    """Token ids that masking needs, on one device: which are special, and those that are not."""

    mask_id: int
    special: torch.Tensor
    ordinary: torch.Tensor

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, device: torch.device) -> _Tables:
        import torch

        mask = Mask.of(tokenizer, 0)
        return cls(mask.mask_id, torch.from_numpy(mask.special).to(device), torch.from_numpy(mask.ordinary).to(device))
