"""A stage: one task, or several on one encoder, trained on top of one checkpoint. Keyed by its content and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.core.damage import Damaged
from harness.core.hashing import file_sha256
from harness.core.sealed import read_sealed
from harness.data.languages import distinct
from harness.data.resources import Resources, of_training, union
from harness.models.attention import AUTO
from harness.models.carried import carried_parameters
from harness.models.embedder import TRAINED, Embedder
from harness.models.fingerprint import model_fingerprint
from harness.models.language_adapters import described, key_of, texts_of
from harness.models.preparation import preparation_of
from harness.training.lineage import ancestors
from harness.training.objectives.composition import PLAIN, Composition
from harness.training.treatment import treatment
from harness.types.examples import Example
from harness.types.options import TrainOptions
from harness.types.roles import key_part, recorded
from harness.types.task_key import task_key
from harness.types.tasks import IntermediateTask

if TYPE_CHECKING:
    from harness.data.pairing import Partners
    from harness.data.sources import LoadedSplit
    from harness.families.base import HeadFamily
    from harness.models.fusion import Fusion
    from harness.models.language_adapters import Choice, LanguageAdapters
    from harness.models.resolve import ResolvedModel
    from harness.scoring.formats.base import Format
    from harness.training.lineage import Before

SUMMARY = "stage.json"
"""Reads what a checkpoint says about its training."""


@dataclass(frozen=True)
class StageTask:
    """One task of a stage, with its data, its family and the format its dev predictions are scored in.

    ``hub_task`` is what the Hub calls tasks of its kind. ``train`` has ``train_size`` examples where that is not 0.
    ``partners`` are the English of the training examples, for objectives that need translations. ``epoch`` is how many
    examples an epoch has where that is not all of them (``epochs_of`` "english"), else 0. ``dev_partners`` are the English of
    dev examples that are translations, for networks that read both.
    """

    task: IntermediateTask
    train: LoadedSplit
    dev: LoadedSplit | None
    family: HeadFamily
    format: Format
    objective: Composition = PLAIN
    hub_task: str = "other"
    train_size: int = 0
    partners: Partners | None = None
    epoch: int = 0
    dev_partners: Partners | None = None

    @property
    def name(self) -> str:
        """The task's, with the objective behind it: ``mnli@shuffled``."""
        return self.task.name + self.objective.suffix

    def of_epoch(self, items: int) -> int:
        """The items of an epoch, of ``items`` that all examples make."""
        return round(items * self.epoch / len(self.train.examples)) if self.epoch else items

    @property
    def announced(self) -> int:
        """The items of an epoch, if every example is one: known before the objectives have read any."""
        count = len(self.train.examples)
        if self.objective.samples_translations:
            return self.epoch or count
        return self.of_epoch(self.objective.example_count(count))

    def languages_of(self, examples: Sequence[Example]) -> Sequence[str]:
        """The language of each example that is trained on: those of the data, or what an objective has made of them.

        () where they are not known.
        """
        known = self.train.languages
        if len(examples) == len(self.train.examples) or not known:
            return known
        if len(set(known)) == 1:
            return [known[0]] * len(examples)
        pairs = zip(self.train.examples, known, strict=True)
        of_each = {name: code for example, code in pairs if (name := getattr(example, "id", None)) is not None}
        return [of_each.get(getattr(example, "id", None), "") for example in examples]

    @property
    def examples(self) -> tuple[Sequence[Example], ...]:
        """Those that are trained on, and those of the dev split where there is one."""
        return (self.train.examples, *((self.dev.examples,) if self.dev else ()))


class Fingerprinted(Protocol):
    """A checkpoint or a data set, with a fingerprint of its content."""

    @property
    def fingerprint(self) -> str:
        """Hexadecimal; another one for any other content."""


@dataclass(frozen=True)
class InputFile:
    """A file that an objective reads, besides the data of its task."""

    path: Path

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of its content."""
        return file_sha256(self.path)


@dataclass(frozen=True)
class StageInput:
    """Further inputs of a stage, besides its tasks and its parent, and what these used themselves.

    ``role`` says what it is for ("teacher", "synonym table"), ``name`` what it was asked for as. The content may be a stage
    that is yet to be trained.
    """

    role: str
    name: str
    content: Fingerprinted | Stage
    resources: Resources

    @property
    def fingerprint(self) -> str:
        """That of the content; of a stage, its key."""
        return self.content.key if isinstance(self.content, Stage) else self.content.fingerprint

    def describe(self) -> dict[str, str]:
        """Entry of the record about it."""
        kind = "stage" if isinstance(self.content, Stage) else "fingerprint"
        return {"role": self.role, "name": self.name, kind: self.fingerprint}


@dataclass(frozen=True)
class Stage:
    """Describes all that decides the weights of a stage: tasks and data, options, its parent, other inputs.

    ``before`` is known of a parent that is a checkpoint of the harness; it describes the parent and is no part of the key.
    ``adapters`` are in place while it trains, and stay as they are. A stage with ``adapter_of`` trains the adapter of that
    language, and nothing else is kept of it.
    """

    tasks: tuple[StageTask, ...]
    parent: ResolvedModel | Stage
    options: TrainOptions
    dtype: str
    quant: str = ""
    before: Before | None = None
    inputs: tuple[StageInput, ...] = ()
    attention: str = AUTO
    adapters: LanguageAdapters | None = None
    adapter_of: str = ""

    @property
    def name(self) -> str:
        """The tasks and their objectives, as ``--via`` spells them."""
        return "+".join(part.name for part in self.tasks)

    @property
    def teacher(self) -> StageInput | None:
        """The checkpoint that an objective learns from, if it needs one."""
        return next((each for each in self.inputs if each.role == "teacher"), None)

    @property
    def fusion(self) -> Fusion | None:
        """The fused layers of its checkpoint, which reads pairs of rows; None for one that reads each row alone."""
        return self.tasks[0].objective.fusion

    @property
    def prerequisites(self) -> list[Stage]:
        """The stages that it needs itself: its parent, and one that teaches it."""
        return [each for each in (self.parent, *(one.content for one in self.inputs)) if isinstance(each, Stage)]

    @property
    def needed(self) -> list[Stage]:
        """All stages that are trained before it, each once and in order."""
        found: dict[str, Stage] = {}
        for stage in self.prerequisites:
            found |= {each.key: each for each in (*stage.needed, stage) if each.key not in found}
        return list(found.values())

    @property
    def files(self) -> dict[str, Path]:
        """The files that its objectives read, by their roles."""
        return {each.role: each.content.path for each in self.inputs if isinstance(each.content, InputFile)}

    @property
    def keeps_head(self) -> bool:
        """Tells whether training continues with the head of the stage before: asked for, and the same kind of head."""
        if not (self.options.keep_head and isinstance(self.parent, Stage)):
            return False
        if len(self.tasks) != 1 or len(self.parent.tasks) != 1:
            return False
        mine, before = self.tasks[0], self.parent.tasks[0]
        if mine.family.fresh_head != before.family.fresh_head:
            return False
        return mine.task.family == before.task.family and len(mine.task.labels) == len(before.task.labels)

    @property
    def beside(self) -> int | None:
        """The place of an auxiliary task among labelled ones, which has its own share of the steps."""
        if len(self.tasks) == 1:
            return None
        return next((index for index, part in enumerate(self.tasks) if part.family.auxiliary), None)

    @property
    def adapters_used(self) -> dict[str, Choice]:
        """The adapters in place, for each language that it trains on or is selected on."""
        if self.adapters is None:
            return {}
        known = [split.languages for part in self.tasks for split in (part.train, part.dev) if split]
        return self.adapters.chosen(code for each in known for code in distinct(each) or ("",))

    @property
    def ancestors(self) -> list[str]:
        """The fingerprints of the models that it and the stages before it were trained from."""
        return [*ancestors(self.start.folder), self.start.fingerprint]

    @property
    def lineage(self) -> list[str]:
        """The names of all stages that lead to its weights, in order, and its own."""
        earlier = self.parent.lineage if isinstance(self.parent, Stage) else self.before.stages if self.before else ()
        return [*earlier, self.name]

    @property
    def trains_vectors(self) -> bool:
        """Tells whether one of its tasks makes the vectors of the last layer those of sentences."""
        return any(part.family.trains_vectors for part in self.tasks)

    @property
    def trained_vectors(self) -> list[str]:
        """The names of the stages, itself included, that trained sentence vectors."""
        earlier = (
            self.parent.trained_vectors if isinstance(self.parent, Stage) else Embedder.of(self.start.folder).trained
        )
        return [*earlier, *([self.name] if self.trains_vectors else [])]

    @property
    def resources(self) -> Resources:
        """Resources that were used to train it and everything before it."""
        own = [of_training(part.task, part.train, images=part.family.reads_images) for part in self.tasks]
        earlier = (
            self.parent.resources if isinstance(self.parent, Stage) else self.before.resources if self.before else {}
        )
        inputs = [each.resources for each in self.inputs]
        taught = [{"teacher": self.teacher.fingerprint}] if self.teacher else []
        return union([earlier, *own, *taught, *inputs, texts_of(self.adapters_used)])

    @property
    def start(self) -> ResolvedModel:
        """The model that the first of the stages starts from."""
        return self.parent.start if isinstance(self.parent, Stage) else self.parent

    @property
    def _preparation(self) -> dict[str, Any]:
        """Changes to the model before this stage, the first one; {} where there are none."""
        return preparation_of(self.parent.folder) if not isinstance(self.parent, Stage) else {}

    @property
    def _carried(self) -> tuple[str, ...]:
        """Pretrained parameters outside the base model; those of later stages are in the key of the first."""
        return () if isinstance(self.parent, Stage) else carried_parameters(self.parent.folder)

    @cached_property
    def key(self) -> str:
        """sha256 over all of it."""
        content = {
            "parent": self.parent.key if isinstance(self.parent, Stage) else self.parent.fingerprint,
            "tasks": [
                {
                    "task": [part.task.name, part.task.version, part.task.family, list(part.task.labels)],
                    "train": part.train.fingerprint,
                    "dev": part.dev.fingerprint if part.dev else None,
                    "options": key_part(part.family.options),
                    **({"fields": fields} if (fields := task_key(part.task)) else {}),
                    **({"objective": part.objective.key} if part.objective else {}),
                    **({"partners": part.partners.fingerprint} if part.partners else {}),
                    **({"dev_partners": part.dev_partners.fingerprint} if part.dev_partners else {}),
                    **({"epoch": part.epoch} if part.epoch else {}),
                    **({"treatment": found} if (found := treatment(part.family, self.start, *part.examples)) else {}),
                }
                for part in self.tasks
            ],
            "options": key_part(self.options),
            "dtype": self.dtype,
            **({"quant": self.quant} if self.quant else {}),
            **({"attention": self.attention} if self.attention != AUTO else {}),
            **({"carried": carried} if (carried := self._carried) else {}),
            **({"inputs": [[each.role, each.fingerprint] for each in self.inputs]} if self.inputs else {}),
            **({"language_adapters": key_of(self.adapters_used)} if self.adapters else {}),
            **({"adapter_of": self.adapter_of} if self.adapter_of else {}),
            **({"epochs": "uncapped"} if self._longer_than_once else {}),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def _longer_than_once(self) -> bool:
        """Tells whether earlier versions, which capped the epochs of a task that is alone too, trained it for fewer steps."""
        others = [part for index, part in enumerate(self.tasks) if index != self.beside]
        if self.options.sampling != "capped" or self.options.max_steps or len(others) > 1:
            return False
        return len(others[0].train.examples) > self.options.sampling_cap

    def folder(self, root: Path) -> Path:
        """Folder of the finished checkpoint under a folder of stages."""
        return root / f"{self.name}-{self.key[:12]}"

    def describe(self) -> dict[str, Any]:
        """The lineage of the stage, known before it is trained."""
        return {
            "key": self.key,
            "name": self.name,
            "parent": {"stage": self.parent.key}
            if isinstance(self.parent, Stage)
            else {"model": self.parent.reference, "fingerprint": self.parent.fingerprint},
            "tasks": [
                {
                    "task": part.task.name,
                    "version": part.task.version,
                    "provider": part.task.provider,
                    "options": recorded(part.family.options),
                    **({"train_size": part.train_size} if part.train_size else {}),
                    **({"objective": part.objective.describe()} if part.objective else {}),
                    **({"pairs": part.partners.counts()} if part.partners else {}),
                    **({"epoch": part.epoch} if part.epoch else {}),
                    "data": {
                        name: _describe_split(split)
                        for name, split in (("train", part.train), ("dev", part.dev))
                        if split is not None
                    },
                }
                for part in self.tasks
            ],
            "options": {name: value for name, value in recorded(self.options).items() if name != "train_size"},
            "dtype": self.dtype,
            **({"quant": self.quant} if self.quant else {}),
            **({"attention": self.attention} if self.attention != AUTO else {}),
            **({"language_adapters": described(self.adapters_used)} if self.adapters else {}),
            **({"adapter_of": self.adapter_of} if self.adapter_of else {}),
            **({"preparation": said} if (said := self._preparation) else {}),
            "ancestors": self.ancestors,
            "head": "kept" if self.keeps_head else "fresh",
            **({"inputs": [each.describe() for each in self.inputs]} if self.inputs else {}),
            "lineage": self.lineage,
            **({TRAINED: trained} if (trained := self.trained_vectors) else {}),
            "resources": self.resources,
        }

    def told_now(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """The summary of this stage with what is known now: an older version, or an earlier ``about.toml``, said otherwise."""
        said = self.describe()
        tasks = [
            {**part, "data": now["data"]} for part, now in zip(summary.get("tasks", ()), said["tasks"], strict=False)
        ]
        return {**summary, "lineage": said["lineage"], "resources": said["resources"], "tasks": tasks}


@dataclass(frozen=True)
class TrainedStage:
    """A finished stage: its checkpoint folder and what the record says about it."""

    folder: Path
    summary: Mapping[str, Any]


def working_folder(folder: Path) -> Path:
    """Folder of a stage's state and its best checkpoint until ``folder`` is complete."""
    return folder.with_name(folder.name + ".partial")


class Foreign(Damaged):
    """Raised where a stage's folder holds something else, or does not say what it is."""


def stored(stage: Stage, folder: Path) -> TrainedStage | None:
    """The stage as it was trained into ``folder`` before, read and left as it is; None where nothing is there.

    :class:`~harness.core.damage.Damaged` where it has changed since, :class:`Foreign` where it is not this stage at all.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    try:
        summary = read_sealed(folder / SUMMARY)
    except Damaged as damage:
        raise Foreign(str(damage)) from None
    if summary.get("key") != stage.key:
        raise Foreign(f"{folder / SUMMARY}: another stage's")
    try:
        found = model_fingerprint(folder)
    except OSError as error:
        raise Damaged(f"{error.filename or folder}: cannot be read: {error.strerror}") from None
    if summary.get("fingerprint") != found:
        raise Damaged(f"{folder}: weights, configuration or tokenizer are not those that were written")
    return TrainedStage(folder, stage.told_now(summary))


def finished(stage: Stage, folder: Path) -> TrainedStage | None:
    """The stage if it was trained into ``folder`` before and is still what was written; else None."""
    try:
        return stored(stage, folder)
    except Damaged:
        return None


def _describe_split(split: LoadedSplit) -> dict[str, Any]:
    return {
        "rows": split.rows,
        "expected": split.expected,
        "examples": len(split.examples),
        "fingerprint": split.fingerprint,
        "source": split.source,
        "notes": list(split.notes),
        "provenance": [asdict(part) for part in split.provenance],
    }
