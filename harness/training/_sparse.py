"""Gradients of embeddings that hold only the rows of a micro-batch.

A dense gradient of a multilingual vocabulary is as large as the vocabulary, and is made, zeroed and added anew for every
micro-batch: on a processor up to a fifth of a step. With one process they can stay sparse until the step is complete.
"""

from __future__ import annotations

import torch

from harness.training._rows import EmbeddingRows


def sparsify(modules: torch.nn.Module) -> None:
    """Lets every trained embedding give sparse gradients."""
    for module in modules.modules():
        if isinstance(module, EmbeddingRows) or (type(module) is torch.nn.Embedding and module.max_norm is None):
            module.sparse = True


def densify(modules: torch.nn.Module) -> None:
    """Makes the gradients dense, for clipping and for the optimizer."""
    for parameter in modules.parameters():
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.to_dense()
