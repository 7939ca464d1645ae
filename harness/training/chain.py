"""The chain of stages between a pretrained model and a task, each trained once however many targets use it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.core.built import built
from harness.core.errors import UsageError
from harness.data.corpus import Corpus
from harness.data.sources import label_set
from harness.families.base import HeadFamily
from harness.models.resolve import ResolvedModel, check_folder
from harness.models.vocabulary import extend_vocabulary
from harness.registry.attribution import blaming
from harness.training.context import RunContext, option_names
from harness.training.lineage import before
from harness.training.stage import Stage, StageTask, TrainedStage, finished, working_folder
from harness.training.via import via_tasks
from harness.types.options import TrainOptions, build
from harness.types.tasks import IntermediateTask

Tell = Callable[[int, int, float], None]


class Stages:
    """Builds stages in the context of a run, and trains those that are not there yet into the folder ``root``.

    ``begin`` is called with a stage's name before it is trained and returns who hears (step, total, loss).
    """

    def __init__(self, context: RunContext, root: Path, begin: Callable[[str], Tell]) -> None:
        self.context = context
        self.root = root
        self.begin = begin
        self.trained: dict[str, TrainedStage] = {}

    def stage(self, tasks: Sequence[IntermediateTask], parent: ResolvedModel | Stage) -> Stage:
        """The stage that trains these tasks together on top of ``parent``; nothing is trained yet."""
        context = self.context
        parts = []
        for task in tasks:
            train = context.training_split(task, "train")
            dev = context.training_split(task, "dev") if task.dev.sources else None
            family = context.family(task.family, label_set(task, train), option_names(task), task.options)
            if not isinstance(family, HeadFamily):
                raise UsageError(f"task {task.name!r}: the family {task.family!r} cannot be trained on")
            parts.append(StageTask(task, train, dev, family, context.format(task.family)))
        names = option_names(tasks[0]) if len(tasks) == 1 else ["+".join(task.name for task in tasks)]
        options = build(TrainOptions, context.values(names))
        known = before(parent.folder, context.registry) if isinstance(parent, ResolvedModel) else None
        if options.extend_vocabulary:
            parent = self._extended(parent, parts, options.extend_vocabulary)
        quant = context.options.quant
        if quant and not options.peft:
            raise UsageError(
                f"--quant {quant}: weights of so few bits cannot be trained, only adapters beside them",
                hint="add --peft lora; or score a checkpoint as it is with --train never",
            )
        return Stage(tuple(parts), parent, options, context.compute.dtype, quant, known)

    def _extended(self, model: ResolvedModel | Stage, parts: Sequence[StageTask], size: int) -> ResolvedModel:
        """The model with ``size`` more tokens, learned from the plain text of the stage; made once for a model and a text."""
        texts = [part.train.examples for part in parts if isinstance(part.train.examples, Corpus)]
        if isinstance(model, Stage) or not texts:
            raise UsageError(
                "extend_vocabulary: for the first stage, where it models plain text",
                hint="harness train --task 'mlm[sw]' --set extend_vocabulary=2000",
            )
        content = f"{model.fingerprint} {texts[0].fingerprint} {size}"
        folder = self.root / f"vocabulary-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
        name = f"{model.reference} with {size} more tokens"
        built(folder, lambda scratch: extend_vocabulary(model.folder, texts[0], size, scratch))
        return check_folder(folder, name, model.revision)

    def via(self, expressions: Sequence[str], model: ResolvedModel) -> ResolvedModel | Stage:
        """The stages of ``--via``, in order; ``a+b`` is one stage over both tasks."""
        return self.last(expressions, model) if expressions else model

    def last(self, expressions: Sequence[str], model: ResolvedModel) -> Stage:
        """The last of one or more stages."""
        *before, expression = expressions
        parent = self.last(before, model) if before else model
        return self.stage(via_tasks(expression, self.context.registry), parent)

    def train(self, stage: Stage, folder: Path | None = None) -> TrainedStage:
        """The trained stage, and before it its parents; trains what is not there yet."""
        if stage.key in self.trained:
            return self.trained[stage.key]
        folder = folder or stage.folder(self.root)
        parent = self.train(stage.parent).folder if isinstance(stage.parent, Stage) else stage.parent.folder
        trained = finished(stage, folder)
        if trained is None or working_folder(folder).exists():  # left behind by a kill: train_stage cleans up
            from harness.training.train import train_stage

            tell = self.begin(stage.name) if trained is None else _silent
            with blaming(stage.tasks[0].task, self.context.registry):
                trained = train_stage(stage, parent, folder, compute=self.context.compute, tell=tell)
        self.trained[stage.key] = trained
        return trained


def _silent(step: int, total: int, loss: float) -> None:
    pass
