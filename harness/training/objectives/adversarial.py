"""Adversarial training: noise on the word embeddings that raises the loss, under which the labels are to be right.

Huang et al., EMNLP 2021 (arXiv 2104.08645), for cross-lingual transfer; the ascent is that of FreeLB (Zhu et al., ICLR
2020), whose numbers are the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from harness.core.errors import UsageError
from harness.training.objectives.base import ObjectiveContext, PlainLoss, StageObjective
from harness.types.roles import MEASURES, option

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from harness.training.objectives._embedding_noise import NoisyEmbedding
    from harness.training.objectives.base import Batch, Loss

METHODS = ("pgd", "free")
NORMS = ("l2", "linf")


def check_share(name: str, value: float) -> None:
    """UsageError for a weight outside 0 to 1."""
    if not 0 <= value <= 1:
        raise UsageError(f"option {name}: a number from 0 to 1 expected, not {value!r}")


def check_length(name: str, value: float) -> None:
    """UsageError for a negative or infinite length."""
    if not 0 <= value < float("inf"):
        raise UsageError(f"option {name}: no negative number expected, not {value!r}")


class Adversarial(StageObjective):
    """Minimises ``(1 - weight) L(x) + weight L(x + d)``, d being found by some steps of ascent on L in a small ball.

    d starts at random, and each step moves it by ``ascent_rate`` along the gradient of its row, of length 1, and projects
    it onto the ball of ``radius``. All norms are those of one row, over all of its tokens.
    """

    off: ClassVar[Mapping[str, Any]] = {"weight": 0.0}

    @dataclass(frozen=True)
    class Options:
        """``method`` "pgd" trains on the last d, "free" (FreeLB) on the mean over all d on the way, which costs a pass less.

        ``norm`` "l2" is that of the whole row, "linf" the largest number. ``initial`` is the length of the first d (its
        largest possible one for "l2"). With ``weight`` or ``radius`` 0 the training is plain.
        """

        method: str = option("pgd", MEASURES)
        weight: float = option(1.0, MEASURES)
        radius: float = option(0.2, MEASURES)
        ascent_steps: int = option(2, MEASURES)
        ascent_rate: float = option(0.1, MEASURES)
        initial: float = option(0.2, MEASURES)
        norm: str = option("l2", MEASURES)

        def __post_init__(self) -> None:
            """Refuses values that no ascent can use."""
            for name, known in (("method", METHODS), ("norm", NORMS)):
                if getattr(self, name) not in known:
                    words = " or ".join(map(repr, known))
                    raise UsageError(f"option {name}: {words} expected, not {getattr(self, name)!r}")
            check_share("weight", self.weight)
            for name in ("radius", "ascent_rate", "initial"):
                check_length(name, getattr(self, name))
            if self.ascent_steps < 1:
                raise UsageError(f"option ascent_steps: a positive number expected, not {self.ascent_steps!r}")

    options: Options

    @property
    def disturbs_words(self) -> bool:
        """True unless it is off."""
        return bool(self.options.weight and self.options.radius)

    @property
    def passes(self) -> int:
        """Those of the ascent, that on the last noise, which is one of them for "free", and one on plain text."""
        if not self.disturbs_words:
            return 1
        return self.options.ascent_steps + (self.options.method == "pgd") + (self.options.weight < 1)

    def loss(self, model: PreTrainedModel, batch: Batch, plain: PlainLoss, context: ObjectiveContext) -> Loss:
        """Summed loss under the noise, and the number of terms."""
        options = self.options
        if not self.disturbs_words:
            return plain(batch)
        from harness.training.objectives._embedding_noise import NoisyEmbedding

        place = NoisyEmbedding.of(model, batch, context, "adversarial")
        noise = self._start(place, context)
        earlier: _Earlier | None = None
        if options.method == "free":
            earlier = _Earlier.of(model)
        for _ in range(options.ascent_steps - (options.method == "free")):
            noise = self._climb(place, noise, batch, plain, earlier)
        with place.added(noise.detach()):
            loss, terms = plain(batch)
        if earlier is not None:
            loss = earlier.mean(loss)
        loss = options.weight * loss
        if options.weight < 1:
            loss = loss + (1 - options.weight) * plain(batch)[0]
        return loss, terms

    def _start(self, place: NoisyEmbedding, context: ObjectiveContext) -> torch.Tensor:
        """The first noise: uniform in a cube of which the ball of ``initial`` is the outer one, or in that of "linf"."""
        from harness.training.objectives._embedding_noise import within

        options = self.options

        def draw(generator: np.random.Generator, shape: tuple[int, int]) -> Any:
            drawn = generator.uniform(-1, 1, shape) * options.initial
            return drawn / max(drawn.size, 1) ** 0.5 if options.norm == "l2" else drawn

        return within(place.draw(context.generators("adversarial"), draw), options.radius, options.norm)

    def _climb(
        self, place: NoisyEmbedding, noise: torch.Tensor, batch: Batch, plain: PlainLoss, earlier: _Earlier | None
    ) -> torch.Tensor:
        from harness.training.objectives._embedding_noise import ascended, ascent_gradient

        options = self.options
        parameters = earlier.parameters if earlier is not None else ()
        loss, gradient, others = ascent_gradient(place, noise, batch, plain, parameters)
        if earlier is not None:
            earlier.add(loss, others)
        return ascended(noise, gradient, options.ascent_rate, options.radius, options.norm)


class _Earlier:
    """Losses of the passes of the ascent, and their gradients with respect to the parameters, so far."""

    def __init__(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        self.parameters = parameters
        self.losses: list[torch.Tensor] = []
        self.gradients: list[torch.Tensor | None] = [None] * len(parameters)

    @classmethod
    def of(cls, model: Any) -> _Earlier:
        network = ObjectiveContext.network(model)
        return cls([parameter for parameter in network.parameters() if parameter.requires_grad])

    def add(self, loss: torch.Tensor, gradients: Sequence[torch.Tensor | None]) -> None:
        self.losses.append(loss)
        pairs = zip(self.gradients, gradients, strict=True)
        self.gradients = [new if old is None else old if new is None else old + new for old, new in pairs]

    def mean(self, last: torch.Tensor) -> torch.Tensor:
        """The mean over these passes and the last one, whose gradient is still to be computed."""
        from harness.training.objectives._embedding_noise import WithGradients

        total: torch.Tensor = WithGradients.apply(last, self.gradients, *self.parameters)  # type: ignore[no-untyped-call]
        total = total + sum(self.losses)
        return total / (len(self.losses) + 1)
