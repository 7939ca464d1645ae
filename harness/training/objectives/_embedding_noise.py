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

from harness.core.errors import ModelError, UsageError
from harness.models.heads import plain_model
from harness.models.places import PLACEHOLDER
from harness.models.prompt import prompt_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.training.objectives.base import ObjectiveContext, PlainLoss

Draw = Callable[[np.random.Generator, tuple[int, int]], Any]
"""Draws an array of a shape from the generator of a row."""


@dataclass(frozen=True)
class NoisyEmbedding:
    """The word embedding of a model, and the tokens of a micro-batch that get noise: no padding, no special tokens.

    ``ids`` (rows, width) are those of the batch; ``inside`` marks these tokens, ``there`` all that are not padding.
    """

    embedding: Any
    ids: torch.Tensor
    inside: torch.Tensor
    there: torch.Tensor

    @classmethod
    def of(cls, model: Any, batch: Mapping[str, torch.Tensor], context: ObjectiveContext, name: str) -> NoisyEmbedding:
        """The embedding of the model for this batch; ModelError, naming the objective, where there is none to disturb.

        UsageError for a model with a soft prompt.
        """
        network = plain_model(model)
        kind = network.config.model_type
        if prompt_of(network) is not None:
            raise UsageError(
                f"objective {name!r}: not with a soft prompt, whose vectors are those of no word",
                hint="choose a model that was trained without one",
            )
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
        ids = batch["input_ids"]
        word = ~torch.isin(ids, special) & (ids < PLACEHOLDER)
        return cls(embedding, ids, there & word, there)

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

        def add(module: Any, given: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
            return output + self._placed(noise, given[0]).reshape(output.shape)

        handle = self.embedding.register_forward_hook(add)
        try:
            yield
        finally:
            handle.remove()

    def _placed(self, noise: torch.Tensor, looked_up: torch.Tensor) -> torch.Tensor:
        """The noise in the order in which a model looks up the tokens of the batch; ModelError where that is none known."""
        ids = looked_up.reshape(-1, looked_up.shape[-1])
        if ids.shape == self.ids.shape and len(ids) != ids.shape[1]:
            return noise
        known = [(own, placed) for own, placed in self._orders(noise) if own.shape == ids.shape]
        if not known:
            raise ModelError(
                f"noise on word embeddings: the model looks up {tuple(ids.shape)} tokens, of {tuple(self.ids.shape)}"
                " in the batch",
                hint="choose another model",
            )
        return max(known, key=lambda order: int((order[0] == ids).sum()))[1]

    def _orders(self, noise: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Ids and noise of the batch, of its rows of one length, of all rows in one line; each also with rows as columns."""
        lengths = self.there.sum(1)
        found = [(self.ids, noise), (self.ids[self.there][None], noise[self.there][None])]
        for length in sorted(set(lengths.tolist())):
            alike = lengths == length
            inside = self.there[alike]
            found.append(
                (self.ids[alike][inside].view(-1, length), noise[alike][inside].view(-1, length, noise.shape[2]))
            )
        for ids, placed in found:
            yield ids, placed
            yield ids.T, placed.transpose(0, 1)


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
