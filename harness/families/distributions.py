"""Distributions that a model predicts with its head: what a teacher and a student are compared by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Distributions:
    """Logits of distributions over choices: one for each example, each word, or each row.

    ``logits`` are fp32, (distributions, choices), with -inf for what is no choice. ``rows`` says which row of the batch each
    belongs to; ``gold`` is the right choice, -100 where it is not known, None where the batch has no labels. ``weight`` is
    the part of a term of the family's loss that one of them makes (1/2 for the start and for the end of an answer).
    """

    logits: torch.Tensor
    rows: torch.Tensor
    gold: torch.Tensor | None = None
    weight: float = 1.0
