"""The interface of an objective. Each method leaves everything as it is by default, so that most objectives need one or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from harness.core.arrays import IntArray
from harness.core.errors import UsageError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.families.base import HeadFamily
    from harness.inference.features import FeatureRows
    from harness.models.fusion import Fusion
    from harness.types.examples import Example
    from harness.types.tasks import IntermediateTask

    Batch = Mapping[str, torch.Tensor]
    Loss = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class ObjectiveFile:
    """A file that an objective reads: its ``name`` in the data folder; ``obtain`` tells the user where it comes from."""

    name: str
    obtain: str


class PlainLoss:
    """The loss that an objective works on: that of the family, or of the objectives before it. Call it with a batch."""

    def __init__(self, of: Callable[[Any, Batch], Loss], model: Any) -> None:
        self._of = of
        self._model = model

    def __call__(self, batch: Batch) -> Loss:
        """Summed loss of a batch and the number of terms."""
        return self._of(self._model, batch)

    @property
    def local(self) -> PlainLoss:
        """The same loss for gradients within a step, which the processes of a training do not exchange."""
        from harness.models.padding import Unpadded

        network = ObjectiveContext.network(self._model)
        return PlainLoss(self._of, Unpadded(network) if isinstance(self._model, Unpadded) else network)


@dataclass(frozen=True)
class ObjectiveContext:
    """Context of an objective: the stage and the step.

    ``rows`` are the numbers, among the rows of the features, of those in the micro-batch, in its order; ``step`` counts
    the optimizer steps of the whole stage from 0, ``total`` is how many there are. They are known to
    :meth:`StageObjective.loss` only. ``teacher`` is the frozen network of ``--set teacher=MODEL``, and ``teacher_tokenizer``
    its tokenizer. ``dev`` are the dev examples that choose the checkpoint; none where the last one counts;
    ``dev_partners`` are their English, where they are translations that a network reads beside it. ``partners`` are
    the English of the training examples, in their order, where an objective needs "translations": what an example was
    translated from, or an English example itself. They are known to :meth:`StageObjective.examples` and to what comes after
    it. ``languages`` are the codes of the training examples, in their order, "" where one is not known; () where none is.
    ``pairs`` says that rows come in pairs, the target language first, then its English (:attr:`StageObjective.fusion`).
    ``files`` are those that :meth:`StageObjective.files` asked for, by their names there.
    """

    seed: int
    family: HeadFamily
    tokenizer: PreTrainedTokenizerBase
    device: str
    teacher: PreTrainedModel | None = None
    teacher_tokenizer: PreTrainedTokenizerBase | None = None
    dev: Sequence[Example] = ()
    dev_partners: Sequence[Example] = ()
    partners: Sequence[Example] = ()
    languages: Sequence[str] = ()
    pairs: bool = False
    step: int = 0
    total: int = 0
    rows: IntArray | None = None
    files: Mapping[str, Path] = field(default_factory=dict)

    @staticmethod
    def network(model: Any) -> PreTrainedModel:
        """The transformers model inside wrappers for data parallelism, adapters, or models that read padding."""
        from harness.models.heads import plain_model

        return plain_model(model)

    def check_teacher_tokens(self) -> None:
        """UsageError where the teacher's tokenizer is not that of the model that learns from it."""
        teacher = self.teacher_tokenizer
        if teacher is not None and teacher.get_vocab() != self.tokenizer.get_vocab():
            raise UsageError(
                f"teacher {teacher.name_or_path}: its tokenizer is not that of the model that learns from it",
                hint="choose a teacher that was fine-tuned from the same pretrained model",
            )

    def generators(self, stream: str = "") -> list[np.random.Generator]:
        """A generator of random numbers for each row of the micro-batch.

        They are seeded with the seed, the step and the row, so that what is drawn from them depends neither on how the step
        is cut into micro-batches, nor on the number of processes, nor on whether the training was stopped in between.
        Objectives that are put together draw from a ``stream`` each, by the name of the objective: two that draw from one
        stream draw the same numbers.
        """
        assert self.rows is not None, "only the loss of a step has rows"
        own = tuple(stream.encode())
        return [np.random.default_rng((self.seed, self.step, int(row), *own)) for row in self.rows]


class StageObjective:
    """Changes how one task of a stage is trained. ``options`` is an instance of :attr:`Options`, a frozen dataclass.

    ``off`` are values of options with which a stage has the bits of a plain one, if there are such (``{"weight": 0.0}``).

    An objective has no state that a step changes: what a step does follows from the weights and from the context. It
    draws no number from torch's generator where it does nothing (a weight of 0), so that dropout stays the same.
    """

    freezes_encoder: bool = False
    """True if the encoder stays as it is: the task has a stage of its own then, without adapters."""
    off: ClassVar[Mapping[str, Any]] = {}

    @dataclass(frozen=True)
    class Options:
        """None by default."""

    any_tokenizer: bool = False
    """True if the teacher may have another tokenizer than the model: the objective makes rows for it."""

    def __init__(self, options: Any) -> None:
        self.options = options

    @property
    def fusion(self) -> Fusion | None:
        """The layers of its checkpoints that read both rows of a pair, so that test texts come in two languages as well.

        None for networks that read each row alone.
        """
        return None

    @property
    def samples_translations(self) -> bool:
        """True if an epoch has each English row once, in one of the languages that it is in."""
        return False

    def task(self, task: IntermediateTask) -> IntermediateTask:
        """The task that is read instead, before any data are; one without ``dev`` keeps its last checkpoint."""
        return task

    def family(self, family: HeadFamily) -> HeadFamily:
        """The family that trains the task's rows instead."""
        return family

    def files(self) -> Mapping[str, ObjectiveFile]:
        """Files in the data folder that decide the training besides its data, each under the name of its role.

        Their content is part of the key of the stage, and the record names them with their fingerprints.
        """
        return {}

    def examples(self, examples: Sequence[Example], context: ObjectiveContext) -> Sequence[Example]:
        """The training examples, before they are tokenised."""
        return examples

    def example_count(self, examples: int) -> int:
        """The number of examples that :meth:`examples` makes of so many, to announce steps and cost before any are read."""
        return examples

    @property
    def disturbs_words(self) -> bool:
        """True if it adds something to the embeddings of words, among which the vectors of a soft prompt would be."""
        return False

    @property
    def passes(self) -> int:
        """Forward and backward passes of a step over its rows, those of translations beside them included: what it costs."""
        return 1

    def taught_tokens(self, trained: float, data: float) -> float:
        """Tokens that a teacher reads, where ``trained`` are those of all steps and ``data`` those of all rows once."""
        return 0.0

    def features(self, features: FeatureRows, context: ObjectiveContext) -> FeatureRows:
        """The training rows, after they are tokenised."""
        return features

    def embedding_rows(self, rows: IntArray, context: ObjectiveContext) -> IntArray | None:
        """The token ids that the training may look up: only their embeddings are trained. None where it may be any.

        ``rows`` are those of the training rows. An objective that puts in other tokens says so here.
        """
        return rows

    def prepare(self, model: PreTrainedModel, context: ObjectiveContext) -> PreTrainedModel:
        """The model with its fresh head, before adapters are added and the encoder is shared."""
        return model

    def loss(self, model: PreTrainedModel, batch: Batch, plain: PlainLoss, context: ObjectiveContext) -> Loss:
        """Summed loss of a micro-batch and how many terms were summed; ``plain`` gives the family's own."""
        return plain(batch)

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """The model to be written as the checkpoint; it is a copy, and the original trains on."""
        return model

    def facts(self) -> Mapping[str, Any]:
        """Returns further facts for ``stage.json`` and the record, as plain values."""
        return {}
