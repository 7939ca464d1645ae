"""The objective ``prompt``: a soft prompt in front of every text and a fresh head, on a frozen encoder (Lester et al. 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.models.prompt import attach_prompt, drawn_vectors, freeze_but_prompt
from harness.training.objectives.base import ObjectiveContext, StageObjective
from harness.types.roles import MEASURES, option

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Prompt(StageObjective):
    """Trains ``prompt_length`` vectors and the head; the checkpoint has them among its weights, and no other has changed."""

    freezes_encoder = True

    @dataclass(frozen=True)
    class Options:
        """``prompt_length`` is the number of vectors, which the model itself puts behind the first token of every row."""

        prompt_length: int = option(10, MEASURES)

        def __post_init__(self) -> None:
            """Refuses a prompt without a vector."""
            if self.prompt_length < 1:
                raise UsageError(f"option prompt_length: 1 or more expected, not {self.prompt_length}")

    options: Options

    def prepare(self, model: PreTrainedModel, context: ObjectiveContext) -> PreTrainedModel:
        """The model with fresh vectors, of which the encoder's own weights are frozen."""
        attach_prompt(model, drawn_vectors(model, self.options.prompt_length, context.seed), "front")
        freeze_but_prompt(model)
        head = context.family.head_parameters(model)
        fresh: frozenset[str] = getattr(model, "harness_fresh", frozenset())
        # Pretrained layers outside the encoder are none of the head; a pooler that the checkpoint lacks is part of it.
        trained = fresh if fresh & head.keys() else head.keys()
        for name, parameter in model.named_parameters():
            if name in trained:
                parameter.requires_grad_(True)
        return model
