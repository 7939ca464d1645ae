"""Objectives one on top of the other, as ``a@b`` names them; none at all is plain training on the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError
from harness.training.objectives.base import ObjectiveContext, ObjectiveFile, PlainLoss, StageObjective
from harness.types.options import as_plain
from harness.types.roles import key_part

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.core.arrays import IntArray
    from harness.families.base import HeadFamily
    from harness.inference.features import FeatureRows
    from harness.models.fusion import Fusion
    from harness.training.objectives.base import Batch, Loss
    from harness.types.examples import Example
    from harness.types.extensions import Need, Objective
    from harness.types.tasks import IntermediateTask


@dataclass(frozen=True)
class Layer:
    """One objective: what the plugin says of it, and its implementation with the options in force."""

    value: Objective
    objective: StageObjective


@dataclass(frozen=True)
class Composition:
    """Objectives in the order of their names: data go through the first one first, its loss is the innermost.

    Those that learn from a teacher change no data, and see them last wherever they stand.
    """

    layers: tuple[Layer, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.layers)

    @property
    def suffix(self) -> str:
        """``@a@b``, as it follows the name of a task; "" for plain training."""
        return "".join(f"@{layer.value.name}" for layer in self.layers)

    @property
    def key(self) -> list[Any]:
        """Describes what of it decides the weights of a stage."""
        return [[layer.value.name, layer.value.version, key_part(layer.objective.options)] for layer in self.layers]

    def describe(self) -> list[dict[str, Any]]:
        """Entry of the record about it."""
        return [
            {
                "name": layer.value.name,
                "version": layer.value.version,
                "provider": layer.value.provider,
                "options": as_plain(layer.objective.options),
                **({"needs": list(layer.value.needs)} if layer.value.needs else {}),
                **({"method": True} if layer.value.method else {}),
            }
            for layer in self.layers
        ]

    def facts(self) -> dict[str, Any]:
        """Facts of the objectives after the training, by name."""
        found = {layer.value.name: dict(layer.objective.facts()) for layer in self.layers}
        return {name: facts for name, facts in found.items() if facts}

    def needing(self, need: Need) -> list[str]:
        """The names of those that need it."""
        return [layer.value.name for layer in self.layers if need in layer.value.needs]

    @property
    def _in_order_of_data(self) -> list[Layer]:
        """The layers as data go through them: what a teacher is asked about is what all others have made of the data."""
        return sorted(self.layers, key=lambda layer: "teacher" in layer.value.needs)

    @property
    def fusion(self) -> Fusion | None:
        """See :attr:`StageObjective.fusion`."""
        return next((found for layer in self.layers if (found := layer.objective.fusion) is not None), None)

    @property
    def samples_translations(self) -> bool:
        """See :attr:`StageObjective.samples_translations`."""
        return any(layer.objective.samples_translations for layer in self.layers)

    def task(self, task: IntermediateTask) -> IntermediateTask:
        """See :meth:`StageObjective.task`."""
        for layer in self.layers:
            task = layer.objective.task(task)
        return task

    def family(self, family: HeadFamily) -> HeadFamily:
        """See :meth:`StageObjective.family`."""
        for layer in self.layers:
            family = layer.objective.family(family)
        return family

    def files(self) -> dict[str, ObjectiveFile]:
        """See :meth:`StageObjective.files`."""
        return {role: source for layer in self.layers for role, source in layer.objective.files().items()}

    def examples(
        self, examples: Sequence[Example], context: ObjectiveContext
    ) -> tuple[Sequence[Example], ObjectiveContext]:
        """See :meth:`StageObjective.examples`; the context of what comes after it has the partners of what it returned."""
        for layer in self._in_order_of_data:
            changed = layer.objective.examples(examples, context)
            if changed is not examples and context.partners:
                context = replace(context, partners=_partners(examples, context.partners, changed))
            if changed is not examples and context.languages:
                context = replace(context, languages=_languages(examples, context.languages, changed))
            examples = changed
        return examples, context

    def example_count(self, examples: int) -> int:
        """See :meth:`StageObjective.example_count`."""
        for layer in self.layers:
            examples = layer.objective.example_count(examples)
        return examples

    @property
    def passes(self) -> int:
        """See :attr:`StageObjective.passes`; each pass of one makes all passes of those before it."""
        return prod(layer.objective.passes for layer in self.layers)

    def taught_tokens(self, trained: float, data: float) -> float:
        """See :meth:`StageObjective.taught_tokens`; a teacher is asked in every pass of the objectives after it."""
        found = 0.0
        for place, layer in enumerate(self.layers):
            after = Composition(self.layers[place + 1 :])
            found += layer.objective.taught_tokens(trained * after.passes, data)
        return found

    def features(self, features: FeatureRows, context: ObjectiveContext) -> FeatureRows:
        """See :meth:`StageObjective.features`."""
        for layer in self._in_order_of_data:
            features = layer.objective.features(features, context)
        return features

    def embedding_rows(self, rows: IntArray, context: ObjectiveContext) -> IntArray | None:
        """See :meth:`StageObjective.embedding_rows`; None as soon as one of them says it."""
        found: IntArray | None = rows
        for layer in self.layers:
            found = layer.objective.embedding_rows(found, context) if found is not None else None
        return found

    def prepare(self, model: PreTrainedModel, context: ObjectiveContext) -> PreTrainedModel:
        """See :meth:`StageObjective.prepare`."""
        for layer in self.layers:
            model = layer.objective.prepare(model, context)
        return model

    def loss(self, model: Any, batch: Batch, plain: Callable[[Any, Batch], Loss], context: ObjectiveContext) -> Loss:
        """See :meth:`StageObjective.loss`; each objective's ``plain`` is the loss of those before it.

        The one given here is that of the family, as a function of the model and the batch.
        """
        inner = plain
        for layer in self.layers:
            inner = partial(_loss, layer.objective, inner, context)
        return inner(model, batch)

    def finish(self, model: PreTrainedModel) -> PreTrainedModel:
        """See :meth:`StageObjective.finish`; what was put on last comes off first."""
        for layer in reversed(self.layers):
            model = layer.objective.finish(model)
        return model

    @property
    def freezes_encoder(self) -> bool:
        """Tells whether one of them leaves the encoder as it is."""
        return any(layer.objective.freezes_encoder for layer in self.layers)

    @property
    def disturbing_words(self) -> list[str]:
        """The names of those that add something to the embeddings of words."""
        return [layer.value.name for layer in self.layers if layer.objective.disturbs_words]

    @property
    def finishes(self) -> bool:
        """Tells whether the checkpoint is another model than the one that is trained."""
        return any(type(layer.objective).finish is not StageObjective.finish for layer in self.layers)


def _partners(before: Sequence[Example], partners: Sequence[Example], after: Sequence[Example]) -> Sequence[Example]:
    """The partners of examples that an objective returned, which keep those of their ids."""
    if not partners or len(before) == len(after):
        return partners
    by_id = {getattr(example, "id", None): partner for example, partner in zip(before, partners, strict=True)}
    lost = next((name for example in after if (name := getattr(example, "id", None)) not in by_id), "")
    if lost:
        raise DataError(f"example {lost!r}: an objective added it, so that its English partner is not known")
    return [by_id[getattr(example, "id", None)] for example in after]


def _languages(before: Sequence[Example], languages: Sequence[str], after: Sequence[Example]) -> Sequence[str]:
    """The languages of examples that an objective returned, which keep those of their ids; "" of others."""
    if len(before) == len(after):
        return languages
    by_id = {getattr(example, "id", None): code for example, code in zip(before, languages, strict=True)}
    return [by_id.get(getattr(example, "id", None), "") for example in after]


def _loss(
    objective: StageObjective,
    inner: Callable[[Any, Batch], Loss],
    context: ObjectiveContext,
    model: Any,
    batch: Batch,
) -> Loss:
    return objective.loss(model, batch, PlainLoss(inner, model), context)


PLAIN = Composition()
"""The family's own loss on the task's labels."""
