"""Random smoothing: random noise on the word embeddings, uniform in a ball around each row.

Huang et al., EMNLP 2021 (arXiv 2104.08645): random perturbation. The radius is that of adversarial training here, so that
the two can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from harness.training.objectives.adversarial import check_length, check_share
from harness.training.objectives.base import ObjectiveContext, PlainLoss, StageObjective
from harness.types.roles import MEASURES, option

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.training.objectives.base import Batch, Loss


class Noise(StageObjective):
    """Minimises ``(1 - weight) L(x) + weight L(x + d)``, d being uniform in the L2 ball of ``radius`` over a whole row."""

    off: ClassVar[Mapping[str, Any]] = {"weight": 0.0}

    @dataclass(frozen=True)
    class Options:
        """With ``weight`` or ``radius`` 0 the training is plain."""

        weight: float = option(1.0, MEASURES)
        radius: float = option(0.2, MEASURES)

        def __post_init__(self) -> None:
            """Refuses weights outside 0 to 1 and negative lengths."""
            check_share("weight", self.weight)
            check_length("radius", self.radius)

    options: Options

    @property
    def disturbs_words(self) -> bool:
        """True unless it is off."""
        return bool(self.options.weight and self.options.radius)

    @property
    def passes(self) -> int:
        """One under noise, and one on plain text where that counts as well."""
        return 1 + (self.disturbs_words and self.options.weight < 1)

    def loss(self, model: PreTrainedModel, batch: Batch, plain: PlainLoss, context: ObjectiveContext) -> Loss:
        """Summed loss under the noise, and the number of terms."""
        options = self.options
        if not self.disturbs_words:
            return plain(batch)
        from harness.training.objectives._embedding_noise import NoisyEmbedding

        place = NoisyEmbedding.of(model, batch, context, "noise")
        noise = place.draw(context.generators("noise"), self._draw)
        with place.added(noise):
            loss, terms = plain(batch)
        loss = options.weight * loss
        if options.weight < 1:
            loss = loss + (1 - options.weight) * plain(batch)[0]
        return loss, terms

    def _draw(self, generator: np.random.Generator, shape: tuple[int, int]) -> Any:
        """Uniform in the ball: a direction from normal numbers, a length from the root of a uniform one."""
        direction = generator.standard_normal(shape)
        length = self.options.radius * generator.random() ** (1 / max(direction.size, 1))
        return direction * (length / max(float(np.linalg.norm(direction)), 1e-30))
