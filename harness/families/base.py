"""Base classes of families: what the trainer and the evaluator call.

Two levels: :class:`Predictor` is all the evaluator asks for; :class:`HeadFamily` adds a fine-tuned head on an encoder and
works over :class:`~harness.inference.features.Features`, so that batching, training and prediction are written once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness.inference.batching import STREAM_ROWS, filled
from harness.inference.features import Features, with_languages
from harness.inference.pairs import Beside, matched
from harness.models.encoder import head_parameters
from harness.models.fresh_head import reset_head, share_encoder
from harness.models.fusion import pairs_joined
from harness.types.examples import Example
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.core.arrays import IntArray, OutputRows
    from harness.families.distributions import Distributions
    from harness.inference.features import FeatureRows
    from harness.inference.forward import Forward
    from harness.models.embedder import Embedder


class Predictor(ABC):
    """Predicts units. ``options`` is an instance of :attr:`Options` (a frozen dataclass of plain values)."""

    Options: type
    needs_dev: bool = False
    """True if a unit's dev split is read as well (a mining threshold is learned there)."""
    trainable: bool = False
    joins: bool = False
    """True if a unit's result depends on the other units of its task (:meth:`join`): they are predicted together."""
    writes: bool = False
    """True if it writes text, for which a model needs a decoder."""
    reads_class_names: bool = False
    """True if it predicts by the names of classes in the language of the text (:attr:`class_names`)."""
    class_names: Mapping[str, Mapping[str, Sequence[str]]] = {}
    """By language code, the names of each label, where the data folder has them; whoever makes the family puts them in."""

    def __init__(self, labels: tuple[str, ...], options: Any) -> None:
        self.labels = labels
        self.options = options

    @abstractmethod
    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """Loads the model from a folder or Hub id with the head this family needs (``from_pretrained`` arguments)."""

    def tokenizer_settings(self) -> Mapping[str, Any]:
        """Attributes that the tokenizer is given when it is loaded, such as ``{"padding_side": "left"}``.

        By default none: a tokenizer pads and cuts on the right. :class:`Features` have their own ``padding_side``.
        """
        return {}

    def head_parameters(self, model: PreTrainedModel) -> Mapping[str, torch.nn.Parameter]:
        """The parameters of the head by name, which a checkpoint must hold to be scored as it is.

        By default all that are outside the encoder.
        """
        return head_parameters(model)

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """Describes how this family treats texts with this tokenizer, where that is unusual.

        It is part of the keys of results and stages, and of the facts of every unit; empty where nothing is unusual.
        """
        return {}

    def vector_treatment(self, embedder: Embedder) -> dict[str, Any]:
        """Describes what a model's own files and training change in the sentence vectors that this family takes from it.

        It is part of the keys of results; empty where they change nothing, and for families that take none.
        """
        return {}

    def languages_read(self, language: str) -> Sequence[str]:
        """The languages of the texts in a unit of this language, for models with adapters for each.

        By default that language alone; sentence retrieval reads English ones as well.
        """
        return (language,)

    def join(self, units: Sequence[UnitExamples]) -> list[UnitExamples]:
        """The units of a run with what they share with each other; by default, unchanged."""
        return list(units)

    def metric_name(self, metric: str) -> str:
        """Name of the metric that scores a unit, of that of its task: another where an option chooses how it counts."""
        return metric

    @abstractmethod
    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """Predicts every unit, yielding each as soon as it is complete."""

    def decision(self, predicted: Any) -> Any:
        """The part of a prediction that batch size and precision should not change; by default, all of it."""
        return predicted

    def choices(self, unit: UnitExamples) -> float | None:
        """The number of answers to choose from: what a random one is right in one of so many cases.

        Its metric computes from it what chance gives (:meth:`harness.Metric.chance`). By default the number of labels, None
        where the task has no closed set of them. Where items differ it is the harmonic mean.
        """
        return len(self.labels) or None

    @abstractmethod
    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> Sequence[Any]:
        """Predictions of a baseline, "majority" (of the English training examples) or "random"."""


class HeadFamily(Predictor):
    """A family with a head that is fine-tuned. One *row* is one sequence of the model; an *item* is what a training step
    counts (one row, except for multiple choice, where the rows of one example make an item)."""

    trainable = True
    fresh_head: bool = True
    """True if each stage starts with a freshly drawn head; False where the checkpoint's own is what is trained (MLM)."""
    reads_language: bool = False
    """True if :meth:`outputs` and :meth:`loss` read ``batch["language"]``, a number for each row
    (:func:`~harness.types.languages.numbered_language`). It is there for models with modules for each language, too,
    whose inputs :func:`~harness.models.heads.model_inputs` makes of it."""
    freezes_encoder: bool = False
    """True if training leaves the encoder as it is: such a task has a stage of its own, without adapters."""
    reads_pairs: bool = False
    """True if the rows of an example can be read beside those of its translation (:mod:`harness.models.fusion`)."""
    labels_translate: bool = True
    """True if the labels of an example are those of its translation; tags of words are not."""
    keeps_unlabelled: bool = False
    """True if :meth:`features` for training keep examples without labels, for an objective that needs none."""
    token_level: bool = False
    """True if predictions belong to tokens or words of a row: models with other tokenizers predict other ones."""
    adapts_head: bool = True
    """True if low-rank adapters come with a head that is trained in full; False where it stays as it was pretrained."""
    stream_rows: int = STREAM_ROWS
    """Examples that :meth:`predict` computes at a time, at least: what a run that is stopped may lose."""
    reads_images: bool = False
    """True if training reads pictures, in the languages of their captions."""
    trains_vectors: bool = False
    """True if training makes the vectors of the last layer those of sentences (a dual encoder)."""

    def beside(self, features: Features, partners: Features) -> IntArray:
        """The row of the partners that goes beside each row in training; -1 for a row that is left out.

        Both are made of as many examples in the same order. By default rows go in order, and the last one is repeated.
        """
        return matched(features.example, partners.example)

    def draw_head(self, model: PreTrainedModel, seed: int, carried: Collection[str]) -> list[str]:
        """Draws the head anew, from ``seed``, and leaves the rest of the model; returns the names of what it drew.

        ``carried`` are parameters that the pretrained model brought along (:mod:`harness.models.carried`): they are kept.
        """
        return reset_head(model, seed, carried, head=self.head_parameters(model))

    def share_encoder(self, first: PreTrainedModel, model: PreTrainedModel, carried: Collection[str]) -> None:
        """Makes ``model`` use the encoder of ``first``, the model of another task of the stage, with its own head."""
        share_encoder(first, model, carried)

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """The model to be written as the checkpoint, without what is there for training alone.

        It is called with a copy where a family has this method of its own; by default it is the model as it is trained.
        """
        return model

    @property
    def auxiliary(self) -> bool:
        """True if it trains next to labelled tasks with its own share of the steps, without choosing the checkpoint."""
        return not self.fresh_head

    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """Consecutive units share one length-sorted stream of at least :attr:`stream_rows` rows, so that small languages
        cost no half-empty batches and a stopped run loses one stream at most."""

        def tokenised(group: Sequence[UnitExamples]) -> tuple[Sequence[UnitExamples], list[Example], FeatureRows]:
            examples = [example for unit in group for example in unit.examples]
            return group, examples, self.features(forward.tokenizer, examples, training=False)

        treatment = self.treatment(forward.tokenizer)
        groups = filled(units, lambda unit: len(unit.examples), self.stream_rows)
        for group, examples, features in forward.tokenised(tokenised, groups):
            outputs = self.computed(forward, features, group)
            with forward.phases("decode"):
                predictions = self.decode(features, outputs, examples)
            start = 0
            for unit in group:
                end = start + len(unit.examples)
                yield Prediction(unit, predictions[start:end], dict(treatment))
                start = end

    def computed(self, forward: Forward, features: FeatureRows, units: Sequence[UnitExamples]) -> dict[str, OutputRows]:
        """Outputs of the rows of these units; where they have partners, of each row beside its partner's.

        A family with its own :meth:`predict` calls this for rows of examples.
        """
        rows, count = self.in_languages(forward, features, units), sum(len(unit.examples) for unit in units)
        if not any(len(unit.other) for unit in units):
            return forward.stream(rows, self.outputs, counts=count)
        partners = [example for unit in units for example in unit.other or unit.examples]
        other = self.features(forward.tokenizer, partners, training=False)
        assert isinstance(features, Features) and isinstance(other, Features), (
            "a family that reads pairs makes Features"
        )

        def first(model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {name: value[::2] for name, value in self.outputs(model, batch).items()}

        with pairs_joined(forward.model):
            return forward.stream(Beside.of(features, other), first, counts=count)

    def in_languages(self, forward: Forward, features: FeatureRows, units: Sequence[UnitExamples]) -> FeatureRows:
        """The rows of these units with their languages, where the model or the family reads them; else as they are.

        A family with its own :meth:`predict` gives :meth:`~harness.inference.forward.Forward.stream` these.
        """
        if not (forward.reads_language or self.reads_language):
            return features
        return with_languages(features, [code for unit in units for code in unit.language_of_each])

    @abstractmethod
    def features(
        self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool
    ) -> FeatureRows:
        """Tokenises whole batches, usually to :class:`~harness.inference.features.Features`.

        With ``training`` the labels go along and unusable examples are dropped; the rows may then be made as they are needed.
        With :attr:`keeps_unlabelled` examples without labels stay, and -100 stands for what they lack.
        """

    def text_rows(
        self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool
    ) -> FeatureRows:
        """The rows of :meth:`features` without anything but their tokens, for the control that learns from them alone."""
        rows = self.features(tokenizer, examples, training=training)
        return replace(rows, aligned={}, columns={}) if isinstance(rows, Features) else rows

    def embedding_rows(self, features: FeatureRows) -> IntArray | None:
        """The token ids that training on these rows may look up: they alone are trained. None where it may be any.

        By default all ids in the rows of :class:`~harness.inference.features.Features`, aligned columns included, since
        these may hold tokens as well; None for rows that are made when they are needed.
        """
        return features.token_ids() if isinstance(features, Features) else None

    @abstractmethod
    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed loss of a batch and how many terms were summed; the step's loss is the ratio of the totals."""

    def loss_of_outputs(
        self, features: Any, outputs: Mapping[str, OutputRows], examples: Sequence[Example]
    ) -> tuple[float, float] | None:
        """The sums of :meth:`loss` over the examples that have labels, from what was computed to predict them.

        ``features`` and ``outputs`` are what :meth:`decode` gets. By default None: the outputs do not tell, and the examples
        go through the model once more.
        """
        return None

    @abstractmethod
    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Computes what decoding needs, reduced on the device; first dimension = rows of the batch, fp32 or integers."""

    def distributions(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> Sequence[Distributions]:
        """The distributions that :meth:`loss` is the cross-entropy of, from one pass through the model.

        By default none: such a family cannot be taught by another model's predictions.
        """
        return ()

    @abstractmethod
    def decode(self, features: Any, outputs: Mapping[str, OutputRows], examples: Sequence[Example]) -> Sequence[Any]:
        """One prediction an example from the outputs of all its rows (``outputs[name][row]``).

        ``features`` is what :meth:`features` returned.
        """
