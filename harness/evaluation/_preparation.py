"""Units made ready to predict: examples loaded (perturbed, with dev data or a pool), and the key of their result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, UsageError
from harness.data.mixed_pairs import VERSION, mix
from harness.data.pairing import translated_test, unit_partners
from harness.data.perturb import Variant, make_variant, split_of
from harness.data.resources import of_partners, of_test, union
from harness.evaluation.groups import CheckpointGroup
from harness.evaluation.plan import PlannedUnit
from harness.families.base import Predictor
from harness.models.language_adapters import described, key_of, texts_of
from harness.models.languages import language_in_model, model_languages
from harness.scoring.mixed_pairs import LEFT_OUT
from harness.training.context import RunContext
from harness.training.treatment import treatment
from harness.types.roles import key_part
from harness.types.task_key import task_key
from harness.types.units import Unit, UnitExamples

if TYPE_CHECKING:
    from harness.data.pairing import Partners
    from harness.data.sources import LoadedSplit
    from harness.models.language_adapters import Choice
    from harness.types.record import ResourcesRecord


@dataclass(frozen=True)
class PreparedUnit:
    """A unit with its examples loaded and the key under which its result is kept; ``facts`` are for the record.

    ``checkpoint`` is the key of the stage, or the fingerprint of the model, that predicts it; "" for a baseline.
    ``resources`` are those of its data, of the English beside its texts, and of its language adapters.
    """

    planned: PlannedUnit
    examples: UnitExamples
    data: LoadedSplit
    key: str
    checkpoint: str
    facts: Mapping[str, Any]
    resources: ResourcesRecord


class Preparation:
    """Makes units ready. ``baseline`` is the name of what predicts where there is no model, ``seed`` that of its guesses."""

    def __init__(self, context: RunContext, baseline: str) -> None:
        self.context = context
        self.baseline = baseline
        self.seed = int(context.options.overrides.get("seed", 0)) if baseline == "baseline:random" else 0

    @staticmethod
    def joined(prepared: Iterable[PreparedUnit], family: Predictor) -> Iterator[PreparedUnit]:
        """The units with what they share with each other; then the result of one depends on the data of all.

        Those of a family that does not join units are passed on one by one.
        """
        if not family.joins:
            yield from prepared
            return
        every = list(prepared)
        together = "".join(ready.key for ready in every)
        for ready, unit in zip(every, family.join([ready.examples for ready in every]), strict=True):
            key = hashlib.sha256((ready.key + together).encode()).hexdigest()
            yield replace(ready, examples=unit, key=key)

    def prepare(self, entry: PlannedUnit, group: CheckpointGroup) -> PreparedUnit:
        """Loads what the unit needs; DataError where that cannot be loaded."""
        assert entry.split is not None
        unit, family, options = entry.unit, group.family, self.context.options
        load = self.context.data.load if entry.second is None else self.context.data.load_once
        data = load(entry.task, entry.split, options.limit)
        if entry.translated:
            data = translated_test(entry.task, unit.language, split_of(unit.split)[0], data, self.context.data)
        reads = "en" if entry.translated else unit.languages[0]
        module, adapters = self._module(reads, group), self._adapters(entry, group)
        if not data.examples:
            raise DataError(f"{unit.key}: the split holds no example", hint=", ".join(map(str, data.files)))
        variant = Variant(data.examples)
        if entry.perturbation:
            variant = make_variant(entry.perturbation, data.examples, self._parallel(entry))
        resources = [of_test(unit.languages[0], data)]
        if entry.second is not None:
            second = self.context.data.load_once(entry.task, entry.second, options.limit)
            variant = _mixed(unit, data, second)
            resources.append(of_test(unit.languages[1], second))
        dev: Sequence[Any] = ()
        dev_fingerprint = None
        if family.needs_dev and unit.split != "dev":  # a perturbed dev set is scored with what the plain one teaches
            split = entry.task.languages[unit.languages[0]].get("dev")
            if split is None:
                raise DataError(f"{unit.key}: no dev split to learn the threshold on")
            loaded = self.context.data.load(entry.task, split, options.limit)
            dev, dev_fingerprint = loaded.examples, loaded.fingerprint
        pool, partners = self._pool(entry), self._partners(entry, group, data)
        content = {
            "checkpoint": group.identity or self.baseline,
            "task": [entry.task.name, entry.task.version, entry.task.family, entry.task.metric],
            "unit": [unit.language, unit.split],
            "options": key_part(family.options),
            "data": [data.fingerprint, dev_fingerprint, *([pool.fingerprint] if pool else [])],
            "dtype": self.context.compute.dtype,
            **key_part(options),
            **({"fields": fields} if (fields := task_key(entry.task)) else {}),
            **({"learned_from": train.fingerprint} if (train := self.learned_from(entry, group)) else {}),
            **({"treatment": found} if (found := treatment(family, group.start, variant.examples)) else {}),
            **({"vectors": found} if (found := family.vector_treatment(group.embedder)) else {}),
            **({"partners": partners.fingerprint} if partners else {}),
            **({"variant": variant.identity} if variant.identity else {}),
            **({"language_adapters": key_of(adapters)} if adapters else {}),
            **({"seed": self.seed} if self.seed else {}),
        }
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        candidates = pool.examples if pool else ()
        each = [reads] * len(variant.examples) if unit.mixed or entry.translated else ()
        other: Sequence[Any] = partners.examples if partners else ()
        examples = UnitExamples(
            unit.task, unit.language, unit.split, variant.examples, dev, candidates, each, other=other
        )
        facts = {**variant.facts, **module, **({"language_adapters": described(adapters)} if adapters else {})}
        if partners:
            facts["pairs"] = partners.counts()
            resources.append(of_partners(unit.language, partners))
        used = union([*resources, texts_of(adapters)])
        return PreparedUnit(entry, examples, data, key, group.identity, facts, used)

    @staticmethod
    def _module(language: str, group: CheckpointGroup) -> dict[str, str]:
        """The module of a model with one for each language; ModelError where it lacks this one."""
        known = model_languages(group.start.config) if group.start else ()
        return {"module": language_in_model(language, known)} if known else {}

    def _adapters(self, entry: PlannedUnit, group: CheckpointGroup) -> dict[str, Choice]:
        """The adapter of each language that a unit reads, "" for a pool in languages that are not known."""
        if self.context.adapters is None or group.start is None:
            return {}
        read = group.family.languages_read("en" if entry.translated else entry.unit.language)
        return self.context.adapters.chosen([*read, *([""] if entry.task.pool is not None else [])])

    def learned_from(self, entry: PlannedUnit, group: CheckpointGroup) -> LoadedSplit | None:
        """The training data of a baseline that learns from them, "majority"; None for anything else."""
        if group.start is not None or self.baseline != "baseline:majority" or not group.family.trainable:
            return None
        sources = self.context.training_tasks(entry.task, entry.unit.language)
        return self.context.training_split(sources[-1], "train") if sources else None

    def _parallel(self, entry: PlannedUnit) -> Iterator[tuple[str, Sequence[Any], str]]:
        """The task's other languages, from the next one on: code, examples and fingerprint of those that can be read."""
        split, _ = split_of(entry.unit.split)
        codes = list(entry.task.languages)
        place = codes.index(entry.unit.language)
        for code in codes[place + 1 :] + codes[:place]:
            if split in entry.task.languages[code]:
                try:
                    loaded = self.context.data.load(entry.task, entry.task.languages[code][split], None)
                except DataError:
                    continue
                yield code, loaded.examples, loaded.fingerprint

    def _partners(self, entry: PlannedUnit, group: CheckpointGroup, data: LoadedSplit) -> Partners | None:
        """The English of each example, for a checkpoint that reads both; None for any other."""
        if group.fusion is None:
            return None
        if entry.perturbation:
            raise UsageError(
                f"--perturb {entry.perturbation}: not for a model that reads the English translation beside the text",
                hint="the translation would be of the text as it was; leave --perturb out",
            )
        if entry.second is not None:
            raise UsageError("--mixed-pairs: not for a model that reads the English translation beside the text")
        missing: Any = self.context.options.pair_missing
        split, _ = split_of(entry.unit.split)
        return unit_partners(entry.task, entry.unit.language, split, data, self.context.data, missing=missing)

    def _pool(self, entry: PlannedUnit) -> LoadedSplit | None:
        """The candidates that the queries of all languages search, read once."""
        task = entry.task
        return None if task.pool is None else self.context.data.load_once(task, task.pool, None)


def _mixed(unit: Unit, first: LoadedSplit, second: LoadedSplit) -> Variant:
    """The pairs of two languages, with the data of the second texts for the record."""
    keys = [Unit(unit.task, code, unit.split).key for code in unit.languages]
    examples, left_out = mix(first.examples, second.examples, (keys[0], keys[1]))
    facts: dict[str, Any] = {"second": {"fingerprint": second.fingerprint, "source": second.source}}
    if left_out:
        facts[LEFT_OUT] = left_out
    return Variant(examples, facts, (VERSION, "mixed pairs", second.fingerprint))
