"""Self-teaching and distillation: the predictions of a frozen teacher as soft labels (Hinton et al. 2015).

Self-teaching is the second training of FILTER (Fang et al. 2021): what a first training predicts on translated text
stands for labels that the translation lacks, or whose transfer is not reliable.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from harness.core.errors import DataError, UsageError
from harness.families.base import HeadFamily
from harness.families.distributions import Distributions
from harness.inference.features import Features, with_languages
from harness.inference.pairs import Alternatives
from harness.models.device import sent
from harness.models.fusion import pairs_joined
from harness.models.padding import Unpadded
from harness.models.tables import check_positions
from harness.training._order import micro_batches
from harness.training.objectives._replay import replayed
from harness.training.objectives.base import ObjectiveContext, StageObjective
from harness.types.examples import Example
from harness.types.roles import MEASURES, option

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from harness.core.arrays import IntArray
    from harness.inference.features import FeatureRows
    from harness.training.objectives.base import Batch, Loss

SIGNALS = ("live", "stored")
_COLUMN = "teacher_logits_{}"
_TOKENS = 2048
"""Padded tokens of a batch that the teacher computes before the training."""


class Teaching(StageObjective):
    """Minimises (1 - alpha) CE + alpha T^2 KL(teacher || model), both distributions at the temperature T."""

    @dataclass(frozen=True)
    class Options:
        """``alpha`` is the share of the teacher, from 0, the plain loss, to 1, for which no labels are needed.

        By default it is 1 where training examples have no labels, else 0.5. ``temperature`` above 1 flattens both
        distributions, below 1 it sharpens them. ``signals`` "stored" computes the teacher's logits of all rows once, before the
        training, and keeps them in half precision; "live" computes them for every step.
        """

        alpha: float | None = option(None, MEASURES)
        temperature: float = option(1.0, MEASURES)
        signals: str = option("live", MEASURES)

        def __post_init__(self) -> None:
            """Refuses shares outside 0 to 1, temperatures that are not positive, and unknown signals."""
            if self.alpha is not None and not 0 <= self.alpha <= 1:
                raise UsageError(f"option alpha: a number from 0 to 1 expected, not {self.alpha!r}")
            if not 0 < self.temperature < float("inf"):
                raise UsageError(f"option temperature: a positive number expected, not {self.temperature!r}")
            if self.signals not in SIGNALS:
                raise UsageError(f"option signals: 'live' or 'stored' expected, not {self.signals!r}")

    options: Options
    off: ClassVar[Mapping[str, Any]] = {"alpha": 0.0}

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._alpha = 0.5 if options.alpha is None else options.alpha
        self._examples: Sequence[Example] = ()
        self._rows: FeatureRows | None = None  # the teacher's own, where its tokenizer is another one
        self._facts: dict[str, Any] = {}

    def family(self, family: HeadFamily) -> HeadFamily:
        """The same family, which keeps examples without labels unless the loss of labels counts."""
        if type(family).distributions is HeadFamily.distributions:
            raise UsageError(
                "objective 'teaching': the task predicts no distribution that could be taught",
                hint="it is for classification, multiple choice, tagging and extractive question answering",
            )
        self.any_tokenizer = not family.token_level
        kept = copy.copy(family)
        kept.keeps_unlabelled = family.keeps_unlabelled or self.options.alpha in (None, 1)
        return kept

    def examples(self, examples: Sequence[Example], context: ObjectiveContext) -> Sequence[Example]:
        """The same examples. UsageError for those without labels where the loss of labels counts."""
        lacking = sum(isinstance(example, Example) and not example.has_label() for example in examples)
        if context.pairs and not context.family.labels_translate:
            lacking = len(examples)
        if self.options.alpha is None:
            self._alpha = 1.0 if lacking else 0.5
        elif lacking and 0 < self.options.alpha < 1:
            raise UsageError(
                f"objective 'teaching': {lacking:,} of {len(examples):,} training examples have no labels, and alpha "
                f"{self.options.alpha:g} counts their loss",
                hint="--set alpha=1 trains on the teacher's predictions alone",
            )
        self._examples = examples
        return examples

    def taught_tokens(self, trained: float, data: float) -> float:
        """Those of every step or, where the teacher's logits are stored, of all rows once."""
        if self.options.alpha == 0:
            return 0.0
        return data if self.options.signals == "stored" else trained

    def features(self, features: FeatureRows, context: ObjectiveContext) -> FeatureRows:
        """The same rows, with the teacher's logits where they are stored."""
        assert context.teacher is not None and context.teacher_tokenizer is not None
        rows = features
        if context.pairs:
            context.check_teacher_tokens()
        if context.teacher_tokenizer.get_vocab() != context.tokenizer.get_vocab():
            rows = self._rows = self._for_teacher(features, context)
        if isinstance(rows, Features):
            check_positions(context.network(context.teacher), int(rows.lengths.max(initial=0)), "the teacher")
        self._facts = {"alpha": self._alpha, "temperature": self.options.temperature, **self._on_dev(context)}
        return self._with_logits(features, rows, context) if self.options.signals == "stored" else features

    def loss(
        self, model: PreTrainedModel, batch: Batch, plain: Callable[[Batch], Loss], context: ObjectiveContext
    ) -> Loss:
        """Both losses, summed over what is predicted, and the number of terms of the plain one.

        Of pairs the teacher teaches the rows of the target language; those in English keep the loss of their labels.
        """
        if not self._alpha:
            return plain(batch)
        if self._alpha == 1 and not context.pairs:
            found = context.family.distributions(model, batch)
            return self._taught(batch, found, context), _terms(found)
        with replayed(model) as replay:
            loss, terms = plain(batch)
        found = context.family.distributions(replay, batch)
        if context.pairs:
            return loss + self._alpha * (self._taught(batch, found, context) - _labelled(_of_target(found))), terms
        return (1 - self._alpha) * loss + self._alpha * self._taught(batch, found, context), terms

    def _taught(self, batch: Batch, found: Sequence[Distributions], context: ObjectiveContext) -> torch.Tensor:
        """The summed divergence of what the model has found from the teacher."""
        import torch

        temperature, told = self.options.temperature, self._wanted(batch, found, context)
        if context.pairs:
            found, told = _of_target(found), _of_target(told)
        parts = [
            own.weight * divergence(wanted.logits, own.logits, temperature)
            for own, wanted in zip(found, told, strict=True)
        ]
        return temperature**2 * torch.stack(parts).sum()

    def facts(self) -> Mapping[str, Any]:
        """Alpha and temperature; of the teacher on dev, its mean entropy (nats) and how often it agrees with the labels."""
        return self._facts

    def _for_teacher(self, features: FeatureRows, context: ObjectiveContext) -> FeatureRows:
        """Rows of the same examples with the tokens of the teacher."""
        assert context.teacher_tokenizer is not None
        rows = context.family.features(context.teacher_tokenizer, self._examples, training=True)
        known = isinstance(rows, Features) and isinstance(features, Features)
        if not known or not np.array_equal(rows.example, features.example):  # type: ignore[attr-defined]
            raise UsageError("objective 'teaching': the teacher's tokenizer makes other rows of the examples")
        return rows

    def _wanted(
        self, batch: Batch, found: Sequence[Distributions], context: ObjectiveContext
    ) -> Sequence[Distributions]:
        """The teacher's distributions over the batch."""
        import torch

        if self.options.signals == "stored":
            stored = [batch[_COLUMN.format(place)].float() for place in range(len(found))]
            pairs = zip(found, stored, strict=True)
            return [replace(own, logits=logits[:, : own.logits.shape[1]]) for own, logits in pairs]
        if self._rows is not None:
            assert context.rows is not None
            batch = _batch(self._rows, context.rows, context)
        assert context.teacher is not None
        with torch.no_grad(), pairs_joined(context.teacher):
            return context.family.distributions(context.teacher, batch)

    def _on_dev(self, context: ObjectiveContext) -> dict[str, float]:
        """Mean entropy of the teacher on the dev examples, and the share of those with a label that it gets right."""
        assert context.teacher_tokenizer is not None
        if not context.dev:
            return {}
        with suppress(DataError):  # a label that no training example has
            rows = context.family.features(context.teacher_tokenizer, context.dev, training=True)
            rows = with_languages(rows, ["en"] * len(context.dev))
            entropy = weight = right = known = 0.0
            for _, found in _distributions(rows, context):
                for each in found:
                    entropy += each.weight * float(_entropy(each.logits / self.options.temperature).sum())
                    weight += each.weight * len(each.rows)
                    if each.gold is not None:
                        labelled = each.gold != -100
                        right += each.weight * float((each.logits.argmax(-1) == each.gold)[labelled].sum())
                        known += each.weight * float(labelled.sum())
            return {
                **({"teacher_entropy": round(entropy / weight, 6)} if weight else {}),
                **({"teacher_agreement": round(right / known, 6)} if known else {}),
            }
        return {}

    def _with_logits(self, features: FeatureRows, rows: FeatureRows, context: ObjectiveContext) -> FeatureRows:
        """The rows with the teacher's logits as columns, in half precision, and -inf where a row has fewer choices."""
        if not isinstance(features, Features) or features.padding_side != "right":
            raise UsageError(
                "option signals: 'stored' is for rows that are made before the training begins and padded on the right",
                hint="--set signals=live",
            )
        columns: dict[str, np.ndarray[Any, Any]] = {}
        for numbers, found in _distributions(rows, context, pairs=context.pairs):
            for place, each in enumerate(found):
                logits = each.logits.half().cpu().numpy()
                if not np.array_equal(each.rows.cpu().numpy(), np.arange(len(numbers))):
                    raise UsageError(
                        "option signals: 'stored' is for one prediction a row (classification, question answering)",
                        hint="--set signals=live",
                    )
                name, width = _COLUMN.format(place), logits.shape[1]
                if name not in columns:  # the first batch has the longest rows
                    columns[name] = np.full((len(features), width), -np.inf, np.float16)
                columns[name][numbers, :width] = logits
        digest = hashlib.sha256()
        for column in columns.values():
            digest.update(column.tobytes())
        self._facts["signals_sha256"] = digest.hexdigest()
        return replace(features, columns={**features.columns, **columns})


def _terms(found: Sequence[Distributions]) -> torch.Tensor:
    """The terms of the family's loss that these make."""
    return found[0].rows.new_tensor(round(sum(each.weight * len(each.rows) for each in found)))


def divergence(teacher: torch.Tensor, model: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """KL(softmax(teacher / T) || softmax(model / T)), summed over distributions.

    Both are logits, (distributions, choices), with -inf for what is no choice.
    """
    absent = model.isneginf()
    wanted = (teacher / temperature).masked_fill(absent, float("-inf")).log_softmax(-1).masked_fill(absent, 0.0)
    found = (model / temperature).log_softmax(-1).masked_fill(absent, 0.0)
    return (wanted.exp().masked_fill(absent, 0.0) * (wanted - found)).sum()


def _entropy(logits: torch.Tensor) -> torch.Tensor:
    """In nats, of each distribution."""
    absent = logits.isneginf()
    logs = logits.log_softmax(-1).masked_fill(absent, 0.0)
    return -(logs.exp() * logs).sum(-1)


def _of_target(found: Sequence[Distributions]) -> list[Distributions]:
    """Those of the rows in the target language, the first of each pair."""
    chosen = []
    for each in found:
        first = each.rows % 2 == 0
        gold = None if each.gold is None else each.gold[first]
        chosen.append(replace(each, logits=each.logits[first], rows=each.rows[first], gold=gold))
    return chosen


def _labelled(found: Sequence[Distributions]) -> torch.Tensor:
    """The summed cross-entropy of what has a label."""
    import torch
    from torch.nn.functional import cross_entropy

    losses = [
        each.weight * cross_entropy(each.logits, each.gold, reduction="sum") for each in found if each.gold is not None
    ]
    return torch.stack(losses).sum() if losses else torch.zeros((), device=found[0].logits.device)


def _distributions(
    rows: FeatureRows, context: ObjectiveContext, *, pairs: bool = False
) -> Iterator[tuple[IntArray, Sequence[Distributions]]]:
    """The numbers of the rows, batch by batch from the longest on, and what the teacher predicts for them."""
    import torch

    rows = rows.every if isinstance(rows, Alternatives) else rows

    teacher: Any = context.teacher
    padding = "none" if isinstance(teacher, Unpadded) else "right"
    with torch.inference_mode(), pairs_joined(teacher) if pairs else nullcontext():
        for numbers in micro_batches(rows, np.arange(rows.item_count), _TOKENS, padding=padding):
            yield numbers, context.family.distributions(teacher, _batch(rows, numbers, context))


def _batch(rows: FeatureRows, numbers: IntArray, context: ObjectiveContext) -> Batch:
    assert context.teacher_tokenizer is not None
    arrays = rows.batch(numbers, context.teacher_tokenizer.pad_token_id or 0)
    return {name: sent(array, context.device) for name, array in arrays.items()}
