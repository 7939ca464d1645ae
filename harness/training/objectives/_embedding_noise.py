"""Noise on the word embeddings of a micro-batch: where it goes, how it is added, and gradients with respect to it.

It is added to what the embedding gives out, by a hook on it: the embedding itself stays, so that its gradients stay
sparse on a processor and only the rows that a stage can touch are trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.core.errors import ModelError
from harness.models.heads import plain_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.training.objectives.base import ObjectiveContext, PlainLoss

Draw = Callable[[np.random.Generator, tuple[int, int]], Any]
"""Draws an array of a shape from the generator of a row."""


@dataclass(frozen=True)
class NoisyEmbedding:
    """The word embedding of a model, and the tokens of a micro-batch that get noise: no padding, no special tokens.

    ``inside`` and ``there`` (rows, width) mark them, and all tokens that are not padding.
    """

    embedding: Any
    inside: torch.Tensor
    there: torch.Tensor

    @classmethod
    def of(cls, model: Any, batch: Mapping[str, torch.Tensor], context: ObjectiveContext, name: str) -> NoisyEmbedding:
        """The embedding of the model for this batch; ModelError, naming the objective, where there is none to disturb."""
        network = plain_model(model)
        kind = network.config.model_type
        if getattr(network.config, "is_encoder_decoder", False):
            raise ModelError(
                f"objective {name!r}: not for encoder-decoders such as {kind!r}, which look tokens up on both sides",
                hint="choose a model with an encoder alone",
            )
        try:
            embedding = network.get_input_embeddings()
        except (AttributeError, NotImplementedError):
            embedding = None
        if embedding is None:
            raise ModelError(
                f"objective {name!r}: a model of type {kind!r} has no table of word embeddings to add noise to",
                hint="choose a model that looks its tokens up",
            )
        there = batch["attention_mask"] == 1
        special = torch.tensor(sorted(set(context.tokenizer.all_special_ids)), device=there.device)
        return cls(embedding, there & ~torch.isin(batch["input_ids"], special), there)

    def draw(self, generators: Sequence[np.random.Generator], draw: Draw) -> torch.Tensor:
        """Numbers (rows, width, d), those of each row drawn for its own tokens alone; 0 elsewhere."""
        width = int(self.embedding.embedding_dim)
        sizes = self.inside.sum(1).tolist()
        drawn = [draw(each, (size, width)) for each, size in zip(generators, sizes, strict=True)]
        weight = self.embedding.weight
        noise = torch.zeros(*self.inside.shape, width, dtype=weight.dtype, device=self.inside.device)
        noise[self.inside] = torch.from_numpy(np.concatenate(drawn)).to(noise)
        return noise

    @contextmanager
    def added(self, noise: torch.Tensor) -> Iterator[None]:
        """Within, the noise (rows, width, d) is added to the embeddings of this batch."""

        def add(module: Any, given: Any, output: torch.Tensor) -> torch.Tensor:
            return output + self._placed(noise, output)

        handle = self.embedding.register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()

    def _placed(self, noise: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """The noise for embeddings that were looked up: of the batch, of its rows of one length, or of rows in one line."""
        rows, width = self.there.shape
        found = output.shape[:-1].numel() // output.shape[-2], output.shape[-2]
        if found == (rows, width):
            return noise.reshape(output.shape)
        lengths = self.there.sum(1)
        if found == (1, int(lengths.sum())):
            return noise[self.there].reshape(output.shape)
        alike = lengths == found[1]
        if found[0] == int(alike.sum()):
            return noise[alike][self.there[alike]].reshape(output.shape)
        raise ModelError(f"embeddings of {found[0]} rows of {found[1]} tokens, in a batch of {rows} rows of {width}")


def norms(noise: torch.Tensor) -> torch.Tensor:
    """The L2 norm of the noise of each row, over all of its tokens: (rows, 1, 1)."""
    lengths: torch.Tensor = noise.flatten(1).norm(dim=1)
    return lengths[:, None, None]


def within(noise: torch.Tensor, radius: float, norm: str) -> torch.Tensor:
    """The noise, each row of it projected onto the ball of this radius."""
    if norm == "linf":
        return noise.clamp(-radius, radius)
    return noise * (radius / norms(noise).clamp(min=1e-30)).clamp(max=1)


def ascended(noise: torch.Tensor, gradient: torch.Tensor, rate: float, radius: float, norm: str) -> torch.Tensor:
    """The noise after one step along the gradient of each row, of this length, projected again."""
    step = gradient.sign() if norm == "linf" else gradient / norms(gradient).clamp(min=1e-30)
    return within(noise + rate * step, radius, norm)


def ascent_gradient(
    place: NoisyEmbedding,
    noise: torch.Tensor,
    batch: Mapping[str, torch.Tensor],
    plain: PlainLoss,
    parameters: Sequence[torch.nn.Parameter] = (),
) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor | None]]:
    """The loss with the noise, its gradient with respect to the noise, and those with respect to ``parameters``.

    It is computed in single precision where the training is in half precision, as small gradients vanish there without
    the scale that only the optimizer's step has.
    """
    noise = noise.detach().requires_grad_()
    with place.added(noise), _wide(noise.device.type):
        loss, _ = plain.local(batch)
        found: Sequence[torch.Tensor | None] = torch.autograd.grad(loss, [noise, *parameters], allow_unused=True)
    first = found[0]
    if first is None:
        raise ModelError("the model computes no loss from its word embeddings, so that there is no gradient of noise")
    # Of padding, and of special tokens, there is a gradient; they get no noise.
    return loss.detach(), first * place.inside[:, :, None], list(found[1:])


def _wide(device: str) -> AbstractContextManager[Any]:
    """Within, no half precision (fp16); bf16, which has the range of fp32, stays."""
    half = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) == torch.float16
    return torch.autocast(device, enabled=False) if half else nullcontext()


class WithGradients(torch.autograd.Function):
    """A loss whose gradient with respect to some parameters is what has been computed before."""

    @staticmethod
    def forward(context: Any, loss: torch.Tensor, gradients: Sequence[torch.Tensor | None], *parameters: Any) -> Any:
        """The loss as it is."""
        context.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(context: Any, *outer: Any) -> Any:
        """The gradients, scaled by that of the result; the loss's own comes on top."""
        return outer[0], None, *(None if each is None else each * outer[0] for each in context.gradients)
