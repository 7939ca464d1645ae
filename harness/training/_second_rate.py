"""A learning rate of its own for what makes vectors of pictures, or for new tokens (Chau & Smith 2021, "tiered").

New tokens have rows of embeddings, and AdamW has one rate for a weight; scaling gradients does not change what it does. So
the rows are parameters of their own beside the table: they take its gradients after clipping, make their own step, and take
the place of what the table made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.core.errors import UsageError
from harness.models.heads import plain_model
from harness.models.image_tower import tower_parameters

if TYPE_CHECKING:
    from harness.training._trainer import HeadTask


class NewTokenRows:
    """The rows of these tokens, in the input embeddings and in an output layer that is not tied to them.

    ``parameters`` are given to the optimizer. They hold nothing between two steps but its state: the table has the values.
    """

    def __init__(self, tables: Sequence[torch.nn.Parameter], tokens: Sequence[int]) -> None:
        self._tables = tables
        self._tokens = torch.tensor(np.array(tokens, np.int64), device=tables[0].device)
        self.parameters = [torch.nn.Parameter(table.detach()[self._tokens].clone()) for table in tables]

    @torch.no_grad()
    def before_step(self) -> None:
        """Takes values and gradients from the tables; after clipping, which must not count them twice."""
        for rows, table in zip(self.parameters, self._tables, strict=True):
            rows.copy_(table[self._tokens])
            rows.grad = None if table.grad is None else table.grad[self._tokens]

    @torch.no_grad()
    def after_step(self) -> None:
        """Puts the values into the tables."""
        for rows, table in zip(self.parameters, self._tables, strict=True):
            table[self._tokens] = rows
            rows.grad = None


def new_token_rows(parts: Sequence[HeadTask], tokens: Sequence[int]) -> NewTokenRows:
    """The rows of new tokens in the models of a stage, which share their embeddings; UsageError where none train."""
    weights = {id(weight): weight for part in parts for weight in _token_weights(plain_model(part.model))}
    tables = [weight for weight in weights.values() if weight.requires_grad and len(weight) > max(tokens)]
    if not tables:
        raise UsageError("option second_lr: the embeddings of this stage are not trained", hint="leave it out")
    return NewTokenRows(tables, tokens)


def projectors(parts: Sequence[HeadTask]) -> list[torch.nn.Parameter]:
    """Trained parameters of the towers for pictures in the models of a stage, each once; none in most stages."""
    found = [parameter for part in parts for parameter in tower_parameters(plain_model(part.model))]
    return list({id(parameter): parameter for parameter in found}.values())


def _token_weights(model: Any) -> Iterator[torch.nn.Parameter]:
    """The weights with a row for each token, tied or not."""
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        if layer is not None and isinstance(layer.weight, torch.nn.Parameter):
            yield layer.weight
