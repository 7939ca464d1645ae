"""The chain of stages between a pretrained model and a task, each trained once, even if several targets use it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.border import border
from harness.core.built import built
from harness.core.errors import DataError, PluginError, UsageError
from harness.data.pairing import training_partners
from harness.data.sources import LoadedSplit, label_set
from harness.data.train_size import of_train_size
from harness.families.base import HeadFamily
from harness.models.languages import check_adaptable
from harness.models.reference import parse_model
from harness.models.resolve import Access, ResolvedModel, check_folder, resolve_model
from harness.models.vocabulary import extend_vocabulary
from harness.registry.attribution import attributing_errors
from harness.runs.model_card import hub_task
from harness.training.context import RunContext, option_names
from harness.training.lineage import before
from harness.training.objectives._composition import Composition
from harness.training.schedule import make_schedule
from harness.training.stage import SUMMARY, Stage, StageInput, StageTask, TrainedStage, finished, working_folder
from harness.training.via import parse_via, via_tasks
from harness.types.examples import unlabelled
from harness.types.options import ObjectiveOptions, TrainOptions, build
from harness.types.progress import ComingStage
from harness.types.tasks import IntermediateTask

Tell = Callable[[int, int, float], None]


class Stages:
    """Builds stages in the context of a run, and trains those that are not there yet into the folder ``root``.

    ``begin`` is called with a stage's name before it is trained and returns the callback for (step, total, loss).
    """

    def __init__(self, context: RunContext, root: Path, begin: Callable[[str], Tell]) -> None:
        self.context = context
        self.root = root
        self.begin = begin
        self.trained: dict[str, TrainedStage] = {}

    def stage(
        self,
        tasks: Sequence[IntermediateTask],
        parent: ResolvedModel | Stage,
        objectives: Sequence[Sequence[str]] | None = None,
        target: str = "",
    ) -> Stage:
        """The stage that trains these tasks together on top of ``parent``; nothing is trained yet.

        ``objectives`` are names, for each task; by default those that the options say, as for a task that is scored.
        ``target`` is the task that is scored, whose training options count more than those of the task that it trains on.
        """
        scored = objectives is None
        if objectives is None:
            objectives = [self.context.objective_names(option_names(task)) for task in tasks]
        own = [option_names(task, names) for task, names in zip(tasks, objectives, strict=True)]
        together = ["+".join(names) for names in ([task.name for task in tasks], [names[-1] for names in own])]
        names = own[0] if len(tasks) == 1 else list(dict.fromkeys(together))
        last = [target] if target else []
        parts = [
            self._part(task, of_task, scored, (names, last)) for task, of_task in zip(tasks, objectives, strict=True)
        ]
        inputs = self._inputs(parts, names)
        options = self.context.train_options([*names, *last])
        if scored and "epochs_of" not in self.context.values([*names, *last]):
            options = replace(options, epochs_of=_epochs_of(tasks))
        parts = [replace(part, epoch=self._epoch(part, options)) for part in parts]
        known = before(parent.folder, self.context.registry) if isinstance(parent, ResolvedModel) else None
        if options.extend_vocabulary:
            parent = self._extended(parent, parts, options.extend_vocabulary)
        quant = self.context.options.quant
        if quant and not options.peft:
            raise UsageError(
                f"--quant {quant}: weights of so few bits cannot be trained, only adapters beside them",
                hint="add --peft lora; or score a checkpoint as it is with --train never",
            )
        attention = self.context.compute.attention
        adapters, dtype = self.context.adapters, self.context.compute.dtype
        stage = Stage(tuple(parts), parent, options, dtype, quant, known, inputs, attention, adapters)
        self._check_needs(stage)
        return stage

    def _part(
        self,
        task: IntermediateTask,
        objectives: Sequence[str],
        scored: bool,
        around: tuple[Sequence[str], Sequence[str]],
    ) -> StageTask:
        """A task of a stage with its data; ``scored``: the checkpoint must have the task's own head.

        ``around`` are the names of options of the stage, which count less than those of the task, and of the target, which
        count more.
        """
        context, names = self.context, option_names(task, objectives)
        objective = context.composition(objectives, names)
        with border(f"task {task.name!r}: objective {objective.suffix[1:]!r}", PluginError):
            task = objective.task(task)
        paired = bool(objective.needing("translations"))
        every = context.training_split(task, "train", originals=paired)
        size = context.train_options([*around[0], *names, *around[1]]).train_size
        train = of_train_size(every, size, task.name)
        dev = context.training_split(task, "dev") if task.dev.sources else None
        family = context.family(task.family, label_set(task, every), names, task.options)
        if not isinstance(family, HeadFamily):
            raise UsageError(f"task {task.name!r}: the family {task.family!r} cannot be trained on")
        for layer in objective.layers:
            if layer.value.families and task.family not in layer.value.families:
                raise UsageError(
                    f"objective {layer.value.name!r}: not for the family {task.family!r} of the task {task.name!r}",
                    hint=f"it works with {', '.join(layer.value.families)}",
                )
        with border(f"task {task.name!r}: objective {objective.suffix[1:]!r}", PluginError):
            trained = objective.family(family)
        if scored and trained.fresh_head != family.fresh_head:
            raise UsageError(
                f"objective {objective.suffix[1:]!r}: trains no head that could be scored on {task.name!r}",
                hint=f"it is for stages before the task: --via '{task.name}{objective.suffix}'",
            )
        if paired:
            _check_translated(task, train, objective)
        partners = training_partners(task, train, context.data) if paired else None
        kind = hub_task(context.registry, task)
        return StageTask(task, train, dev, trained, context.format(task.family), objective, kind, size, partners)

    def _epoch(self, part: StageTask, options: TrainOptions) -> int:
        """The examples of an epoch where English and its translations count once; 0 where each of them counts."""
        originals = [each.original for each in part.task.train.parts or (part.task.train,) if each.original is not None]
        if options.epochs_of != "english" or not originals:
            return 0
        copies = {"en", *(each.language for each in part.train.provenance if each.translated)}
        others = sum(code not in copies for code in part.train.languages)
        if others == len(part.train.examples):
            return 0
        status = self.context.data.status(originals[0])
        if not status.rows:
            raise DataError(
                f"{part.task.name}: an epoch is as long as one of the English data, which are not there: {status.reason}",
                hint="--set epochs_of=all counts the examples that are trained on",
            )
        most = [status.rows, self.context.options.train_limit, part.train_size or None]
        return others + min(each for each in most if each is not None)

    def _inputs(self, parts: Sequence[StageTask], names: Sequence[str]) -> tuple[StageInput, ...]:
        """The teacher, where an objective needs one."""
        asking = [name for part in parts for name in part.objective.needing("teacher")]
        if not asking:
            return ()
        text = build(ObjectiveOptions, self.context.values(names)).teacher
        if not text:
            raise UsageError(f"objective {asking[0]!r}: needs a teacher", hint="--set teacher=MODEL")
        if len(parts) > 1:
            raise UsageError(f"objective {asking[0]!r}: a teacher teaches one task a stage", hint="--via a --via b")
        registry = self.context.registry
        teacher = resolve_model(parse_model(text), Access.of(self.context.options, registry))
        return (StageInput("teacher", text, teacher, before(teacher.folder, registry).resources),)

    def _check_needs(self, stage: Stage) -> None:
        """Refuses objectives that would be silently wrong in this stage."""
        for part in stage.tasks:
            if stage.quant and (asking := part.objective.needing("gradients")):
                raise UsageError(f"objective {asking[0]!r}: not with --quant, whose weights have no gradients")

    def _extended(self, model: ResolvedModel | Stage, parts: Sequence[StageTask], size: int) -> ResolvedModel:
        """The model with ``size`` more tokens, learned from the plain text of the stage; made once for a model and a text."""
        texts = [part.train for part in parts if unlabelled(part.train.examples)]
        if isinstance(model, Stage) or not texts:
            raise UsageError(
                "extend_vocabulary: for the first stage, where it models plain text",
                hint="harness train --task 'mlm[sw]' --set extend_vocabulary=2000",
            )
        content = f"{model.fingerprint} {texts[0].fingerprint} {size}"
        folder = self.root / f"vocabulary-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
        name = f"{model.reference} with {size} more tokens"
        built(
            folder,
            lambda scratch: extend_vocabulary(model.folder, texts[0].examples, size, scratch),
        )
        return check_folder(folder, name, model.revision)

    def via(self, expressions: Sequence[str], model: ResolvedModel) -> ResolvedModel | Stage:
        """The stages of ``--via``, in order; ``a+b`` is one stage over both tasks."""
        return self.last(expressions, model) if expressions else model

    def last(self, expressions: Sequence[str], model: ResolvedModel) -> Stage:
        """The last of one or more stages."""
        *before, expression = expressions
        parent = self.last(before, model) if before else model
        objectives = [part.objectives for part in parse_via(expression)]
        return self.stage(via_tasks(expression, self.context.registry), parent, objectives)

    def language_adapter(self, code: str, model: ResolvedModel) -> Stage:
        """The stage that trains the adapter of a language by masked language modelling on its text."""
        check_adaptable(model.config)
        stage = self.last([f"mlm[{code}]"], model)
        if stage.options.extend_vocabulary:
            raise UsageError(
                "extend_vocabulary: adapters of one model share its vocabulary",
                hint="harness train --task 'mlm[sw,ur]' --set extend_vocabulary=... first, then adapters on its checkpoint",
            )
        if stage.options.peft != "lora":
            raise UsageError("--set peft: language adapters are LoRA", hint="leave it out")
        return replace(stage, adapters=None, adapter_of=code)

    def coming(self, needed: Iterable[Stage], folder: Path | None = None) -> list[ComingStage]:
        """Those of the stages that are not trained yet; ``folder``: where the last one goes if not to the others."""
        stages = list(needed)
        folders = [stage.folder(self.root) for stage in stages]
        if folder is not None:
            folders[-1:] = [folder]
        return [
            ComingStage(stage.name, _steps(stage))
            for stage, where in zip(stages, folders, strict=True)
            if not (where / SUMMARY).exists()
        ]

    def train(self, stage: Stage, folder: Path | None = None) -> TrainedStage:
        """The trained stage, and before it its parents; trains what is not there yet."""
        if stage.key in self.trained:
            return self.trained[stage.key]
        folder = folder or stage.folder(self.root)
        parent = self.train(stage.parent).folder if isinstance(stage.parent, Stage) else stage.parent.folder
        trained = finished(stage, folder)
        if trained is None or working_folder(folder).exists():  # left behind by a kill: train_stage cleans up
            from harness.training.train_stage import train_stage

            tell = self.begin(stage.name) if trained is None else _silent
            with attributing_errors(stage.tasks[0].task, self.context.registry):
                trained = train_stage(stage, parent, folder, compute=self.context.compute, tell=tell)
        self.trained[stage.key] = trained
        return trained


def _epochs_of(tasks: Sequence[IntermediateTask]) -> str:
    """Whose epochs count if nobody says: those of English where a task that is scored is trained on other languages."""
    parts = (part for task in tasks for part in task.train.parts or (task.train,))
    return "english" if any(part.original is not None for part in parts) else TrainOptions.epochs_of


def _check_translated(task: IntermediateTask, train: LoadedSplit, objective: Composition) -> None:
    """Refuses an objective that needs translations where none of the training data are."""
    if not any(each.translated for each in train.provenance):
        raise UsageError(
            f"objective {objective.needing('translations')[0]!r}: needs translations among the training data of "
            f"{task.name!r}",
            hint=f"--via '{task.name}[es]{objective.suffix}'",
        )


def _steps(stage: Stage) -> int:
    """Its optimizer steps if every example is one item; those of long texts are several."""
    sizes = [part.of_epoch(len(part.train.examples)) for part in stage.tasks]
    return len(make_schedule(sizes, stage.options, stage.beside))


def _silent(step: int, total: int, loss: float) -> None:
    pass
