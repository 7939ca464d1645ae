"""Cost of training and scoring: operations, memory and time, from the size of the model and the number of tokens.

A token costs two operations a parameter of the layers, and in every layer two products with the tokens that it attends to;
a training step costs three times as much, as the backward pass computes two gradients of each product (Kaplan et al. 2020,
appendix B; Hoffmann et al. 2022, appendix F). Heads and embeddings are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.studies.model_shapes import Shape
from harness.types.options import TrainOptions

ADAMW_BYTES = 16
"""Bytes for a trained parameter: weight, gradient and two moments, in fp32."""
_WEIGHT_BYTES = {"": 4.0, "8bit": 1.0, "4bit": 0.5}


@dataclass(frozen=True)
class Work:
    """Tokens of a stage, or of scoring: those that are ``trained`` on, and those that are ``scored``, forward only.

    Tokens that several passes of a step read count so often. ``taught`` are those that a teacher reads, forward only.
    ``length`` is the number of tokens that a token attends to on average: that of its row. ``assumed`` says that the lengths
    of rows were not measured.
    """

    trained: float = 0.0
    scored: float = 0.0
    length: float = 0.0
    assumed: bool = False
    taught: float = 0.0

    @property
    def tokens(self) -> float:
        """All of them."""
        return self.trained + self.scored

    def __add__(self, other: Work) -> Work:
        """Both; the lengths are averaged over tokens."""
        tokens = self.tokens + other.tokens
        length = (self.tokens * self.length + other.tokens * other.length) / tokens if tokens else 0.0
        trained, scored = self.trained + other.trained, self.scored + other.scored
        return Work(trained, scored, length, self.assumed or other.assumed, self.taught + other.taught)


@dataclass(frozen=True)
class Rate:
    """Operations a second that a model reaches, and where the number is from. ``measured``: on stages that were trained."""

    operations: float
    source: str
    measured: bool = False


def forward_operations(shape: Shape, length: float) -> float:
    """Operations of the forward pass for one token in a row of ``length`` tokens: 2 N + 4 L d n."""
    return 2.0 * shape.parameters + 4.0 * shape.attentions * shape.width * length


def operations(shape: Shape, work: Work, *, recomputed: bool = False, teacher: Shape | None = None) -> float:
    """Floating-point operations of the work: trained tokens count three times, those that are scored once.

    With ``recomputed`` activations (``gradient_checkpointing``) trained tokens count four times: what the hardware does.
    Tokens that are taught count once, for the shape of the ``teacher``, where there is one.
    """
    times = 4 if recomputed else 3
    taught = work.taught * forward_operations(teacher, work.length) if teacher is not None else 0.0
    return (times * work.trained + work.scored) * forward_operations(shape, work.length) + taught


def seconds(shape: Shape, work: Work, rate: Rate, *, recomputed: bool = False, teacher: Shape | None = None) -> float:
    """Time on the device or machine whose rate it is; loading, writing and waiting for data are left out."""
    return operations(shape, work, recomputed=recomputed, teacher=teacher) / rate.operations


def training_bytes(shape: Shape, options: TrainOptions, quant: str = "") -> float:
    """Bytes of memory for weights, gradients and optimizer, activations apart.

    With ``peft``, gradients and moments are those of the adapters alone, and weights may be in fewer bits (``quant``).
    """
    if not options.peft:
        return float(ADAMW_BYTES * shape.total)
    # A layer of a BERT has matrices d x d (four), d x 4d and 4d x d, each with a rank's worth of rows and columns.
    adapters = 18 * options.lora_rank * shape.parameters / (12 * shape.width) if shape.width else 0.0
    return _WEIGHT_BYTES[quant] * shape.total + ADAMW_BYTES * adapters


def scoring_bytes(shape: Shape, quant: str = "") -> float:
    """Bytes of the weights alone, in fp32 or in the bits of ``quant``."""
    return _WEIGHT_BYTES[quant] * shape.total
