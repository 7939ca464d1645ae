"""The objective ``fusion``: FILTER, an encoder that reads a text and its English side by side (Fang et al. 2021)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import DataError, UsageError
from harness.families.classification import Classification
from harness.inference.features import Features, Ragged
from harness.inference.pairs import Alternatives, interleaved
from harness.inference.tokenization import offsets
from harness.models.fusion import Fusion, fuse
from harness.training.objectives.base import ObjectiveContext, PlainLoss, StageObjective
from harness.types.roles import MEASURES, option

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.families.base import HeadFamily
    from harness.inference.features import FeatureRows
    from harness.training.objectives.base import Batch, Loss

PAIRS = ("sample", "all")
ENGLISH_POSITIONS = ("first", "published")
_UNSEEN = "each text alone, the same as beside itself: the choice of the checkpoint does not see the fused layers"


class Fused(StageObjective):
    """Trains on pairs, a row of the target language and one of its English, which some layers read side by side.

    The loss is that of the target row plus that of the English one (section 3.2 of the paper), each a mean over the pairs
    of a step; of English alone where a translation has no labels (tags of words).
    """

    @dataclass(frozen=True)
    class Options:
        """``local_layers`` read each language alone, the ``fusion_layers`` behind them both together, all others alone.

        ``pairs``: "sample" takes each English row with one of its translations in an epoch, drawn anew for the next one;
        "all" takes all. ``english_position``: "first" reads the English logits at the first English token; "published"
        at the second token of the target language, as the authors' code for classification does.
        """

        local_layers: int = option(1, MEASURES)
        fusion_layers: int = option(1, MEASURES)
        pairs: str = option("sample", MEASURES)
        english_position: str = option("first", MEASURES)

        def __post_init__(self) -> None:
            """Refuses numbers of layers below 0 and unknown words."""
            Fusion(self.local_layers, self.fusion_layers)
            for name, known in (("pairs", PAIRS), ("english_position", ENGLISH_POSITIONS)):
                if getattr(self, name) not in known:
                    words = " or ".join(map(repr, known))
                    raise UsageError(f"option {name}: {words} expected, not {getattr(self, name)!r}")

    options: Options

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._facts: dict[str, str] = {}

    @property
    def fusion(self) -> Fusion:
        """The layers that the options say."""
        return Fusion(self.options.local_layers, self.options.fusion_layers)

    @property
    def samples_translations(self) -> bool:
        """True for the pairs "sample"."""
        return self.options.pairs == "sample"

    @property
    def passes(self) -> int:
        """Two: a row of the target language and one of its English."""
        return 2

    def family(self, family: HeadFamily) -> HeadFamily:
        """The same family, which keeps translations without labels. UsageError for a position that its head does not read."""
        if self.options.english_position == "published" and not isinstance(family, Classification):
            raise UsageError(
                "option english_position: 'published' is for classification, which reads the first token",
                hint="leave it out",
            )
        if family.labels_translate:
            return family
        kept = copy.copy(family)
        kept.keeps_unlabelled = True
        return kept

    def features(self, features: FeatureRows, context: ObjectiveContext) -> FeatureRows:
        """Pairs of rows as items, the target language first."""
        if not context.dev_partners:
            self._facts = {"dev": _UNSEEN}
        family = context.family
        partners = family.features(context.tokenizer, context.partners, training=True)
        if not isinstance(features, Features) or not isinstance(partners, Features) or features.items is not None:
            raise UsageError("objective 'fusion': for tasks whose examples are rows of their own")
        if not family.labels_translate:
            features = _without_labels(features)
        beside = family.beside(features, partners)
        rows = np.flatnonzero(beside >= 0)
        if not len(rows):
            raise DataError("objective 'fusion': no training example can be used in both languages")
        pairs = interleaved(features, partners, rows, len(features) + beside[rows])
        if self.options.pairs == "all":
            return pairs
        return _alternatives(pairs, context)

    def prepare(self, model: PreTrainedModel, context: ObjectiveContext) -> PreTrainedModel:
        """The same network, some of whose layers read pairs."""
        fuse(model, self.fusion, second_token=self.options.english_position == "published")
        return model

    def loss(self, model: PreTrainedModel, batch: Batch, plain: PlainLoss, context: ObjectiveContext) -> Loss:
        """Summed loss of all rows and the number of pairs; where only English has labels, the number of these."""
        loss, terms = plain(batch)
        return loss, terms / 2 if context.family.labels_translate else terms

    def facts(self) -> Mapping[str, Any]:
        """Returns what the choice of the checkpoint does not see, unless dev data are translations beside their English."""
        return self._facts


def _without_labels(features: Features) -> Features:
    """The rows with no label that a loss counts."""
    labels, fill = features.aligned["labels"]
    blank = Ragged(np.full_like(labels.values, fill), labels.offsets)
    return replace(features, aligned={**features.aligned, "labels": (blank, fill)})


def _alternatives(pairs: Features, context: ObjectiveContext) -> Alternatives:
    """The pairs in groups with the same English row, of which an epoch takes one; windows of a question are rows."""
    names = [str(getattr(example, "id", "")) for example in context.partners]
    number = {name: index for index, name in enumerate(dict.fromkeys(names))}
    example = pairs.example[::2]
    place = np.arange(len(example)) - np.searchsorted(example, example, side="left")
    english = np.array([number[name] for name in names], np.int64)[example]
    _, group, sizes = np.unique(np.stack([english, place]), axis=1, return_inverse=True, return_counts=True)
    groups = Ragged(np.argsort(group.ravel(), kind="stable"), offsets(sizes))
    return Alternatives(
        **{each.name: getattr(pairs, each.name) for each in fields(pairs)}, groups=groups, seed=context.seed
    )
