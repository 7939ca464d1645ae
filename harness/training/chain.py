"""The chain of stages between a pretrained model and a task, each trained once, even if several targets use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.border import border
from harness.core.errors import DataError, PluginError, UsageError, did_you_mean
from harness.data.pairing import training_partners
from harness.data.resources import union, without_labels
from harness.data.sources import LoadedSplit, label_set
from harness.data.train_size import of_train_size
from harness.families.base import HeadFamily
from harness.models.languages import check_adaptable
from harness.models.load import load_tokenizer
from harness.models.preparation import new_tokens_of
from harness.models.reference import parse_model
from harness.models.resolve import Access, ResolvedModel, resolve_model
from harness.models.transliterate import transliterates
from harness.registry.attribution import attributing_errors
from harness.runs.model_card import hub_task
from harness.training.context import RunContext, option_names
from harness.training.lineage import before
from harness.training.objectives.composition import Composition
from harness.training.preparation import prepared, tables_of
from harness.training.schedule import make_schedule
from harness.training.stage import (
    SUMMARY,
    InputFile,
    Stage,
    StageInput,
    StageTask,
    TrainedStage,
    finished,
    working_folder,
)
from harness.training.via import parse_via, selected_on_translations, via_tasks
from harness.types.examples import unlabelled
from harness.types.languages import languages as known_languages
from harness.types.options import ObjectiveOptions, TrainOptions, build
from harness.types.progress import ComingStage
from harness.types.tasks import IntermediateTask

Tell = Callable[[int, int, float], None]
OWN_TEACHER = "self"
"""The teacher that is the same stage without what it teaches, trained first."""


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
        if objectives is not None:
            return self._stage(tasks, parent, objectives, target, scored=False)
        own = [self.context.objective_names(option_names(task)) for task in tasks]
        return self._stage(tasks, parent, own, target, scored=True)

    def _stage(
        self,
        tasks: Sequence[IntermediateTask],
        parent: ResolvedModel | Stage,
        objectives: Sequence[Sequence[str]],
        target: str,
        *,
        scored: bool,
        teaches: bool = False,
    ) -> Stage:
        own = [option_names(task, names) for task, names in zip(tasks, objectives, strict=True)]
        together = ["+".join(names) for names in ([task.name for task in tasks], [names[-1] for names in own])]
        names = own[0] if len(tasks) == 1 else list(dict.fromkeys(together))
        last = [target] if target else []
        parts = [
            self._part(task, of_task, scored, (names, last)) for task, of_task in zip(tasks, objectives, strict=True)
        ]
        taught = self._teacher(
            parts,
            [*names, *last],
            lambda others: self._stage(tasks, parent, [others], target, scored=scored, teaches=True),
        )
        if not teaches:
            for part in parts:
                _check_labelled(part)
        inputs = (*taught, *self._files(parts))
        options = self.context.train_options([*names, *last])
        if scored and "epochs_of" not in self.context.values([*names, *last]):
            options = replace(options, epochs_of=_epochs_of(tasks))
        parts = [replace(part, epoch=self._epoch(part, options)) for part in parts]
        known = before(parent.folder, self.context.registry) if isinstance(parent, ResolvedModel) else None
        parent = self._prepared(parent, parts, options)
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
        _check_frozen(stage)
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
        options = context.train_options([*around[0], *names, *around[1]])
        size = options.train_size
        train = of_train_size(every, size, task.name)
        family = context.family(task, label_set(task, every), names)
        if not isinstance(family, HeadFamily):
            raise UsageError(f"task {task.name!r}: the family {task.family!r} cannot be trained on")
        translated = bool(options.select_on_translated)
        if translated:
            task = self._on_translations(task, family, options.select_on_translated, scored)
        has_dev = bool(task.dev.sources or task.dev.parts)
        dev = context.training_split(task, "dev", originals=paired and translated) if has_dev else None
        if dev is not None and translated:
            _check_dev(task, dev)
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
                hint=f"it is for stages before the task, as in --via '{self._before(task)}{objective.suffix}'",
            )
        if (asking := objective.needing("teacher")) and trained.fresh_head != family.fresh_head:
            raise UsageError(
                f"objective {asking[0]!r}: no teacher has the head that {objective.suffix[1:]!r} trains",
                hint=f"'{task.name}@{asking[0]}'",
            )
        if paired:
            _check_translated(task, train, objective, scored)
        partners = training_partners(task, train, context.data) if paired else None
        kind = hub_task(context.registry, task)
        of_dev = objective.fusion is not None and dev is not None and translated
        beside = training_partners(task, dev, context.data, split="dev") if of_dev and dev is not None else None
        form = context.format(task.family)
        return StageTask(task, train, dev, trained, form, objective, kind, size, partners, dev_partners=beside)

    def _before(self, task: IntermediateTask) -> str:
        """The name of an intermediate task: this one if it is one, else another that is as it is trained."""
        known = self.context.registry.intermediate_tasks()
        name = task.name.partition("[")[0]
        return name if name in known else next((n for n, each in known.items() if each.family == task.family), "TASK")

    def _on_translations(self, task: IntermediateTask, family: HeadFamily, text: str, scored: bool) -> IntermediateTask:
        """The task that is selected on translations of its English dev data into the languages in ``text``."""
        codes = [code.strip() for code in text.split(",")]
        what = "option select_on_translated"
        if unknown := [code for code in codes if code not in known_languages()]:
            raise UsageError(f"{what}: no language {unknown[0]!r}", hint=did_you_mean(unknown[0], known_languages()))
        if len(set(codes)) < len(codes) or set(codes) == {"en"}:
            raise UsageError(f"{what}: {text!r}: other languages than English, each once, expected")
        if scored and self.context.options.select_on:
            raise UsageError(f"{what}: not with --select-on, which chooses the dev data as well", hint="leave one out")
        if not task.dev.sources:
            raise UsageError(
                f"{what}: {task.name!r} has no English dev data that could be translated",
                hint="for one task: --set TASK.select_on_translated=...",
            )
        if not family.labels_translate:
            raise UsageError(
                f"{what}: labels of {task.name!r} are not those of a translation",
                hint="leave it out, or --select-on for dev data of the target languages",
            )
        return selected_on_translations(task, codes)

    def _epoch(self, part: StageTask, options: TrainOptions) -> int:
        """The examples of an epoch where English and its translations count once; 0 where each of them counts."""
        if part.objective.samples_translations and part.partners:
            return len({getattr(example, "id", None) for example in part.partners.examples})
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

    def _files(self, parts: Sequence[StageTask]) -> Iterator[StageInput]:
        """The files that objectives read, each once; DataError where one is missing."""
        for role, wanted in {role: file for part in parts for role, file in part.objective.files().items()}.items():
            found = InputFile(self.context.data.file(wanted.name, wanted.obtain))
            yield StageInput(role, wanted.name, found, union(()))

    def _teacher(
        self, parts: Sequence[StageTask], names: Sequence[str], without: Callable[[Sequence[str]], Stage]
    ) -> tuple[StageInput, ...]:
        """The teacher, where an objective needs one; ``without`` makes the stage with these objectives instead."""
        asking = [name for part in parts for name in part.objective.needing("teacher")]
        if not asking:
            return ()
        text = build(ObjectiveOptions, self.context.values(names)).teacher
        if not text:
            raise UsageError(
                f"objective {asking[0]!r}: needs a teacher", hint="--set teacher=MODEL, or --set teacher=self"
            )
        if len(parts) > 1:
            raise UsageError(f"objective {asking[0]!r}: a teacher teaches one task a stage", hint="--via a --via b")
        if self.context.adapters is not None:
            raise UsageError(f"objective {asking[0]!r}: not with --language-adapters, which a teacher lacks")
        if text == OWN_TEACHER:
            names = [layer.value.name for layer in parts[0].objective.layers if layer.value.name not in asking]
            stage = without(names)
            return (StageInput("teacher", text, stage, stage.resources),)
        registry = self.context.registry
        teacher = resolve_model(parse_model(text), Access.of(self.context.options, registry))
        return (StageInput("teacher", text, teacher, before(teacher.folder, registry).resources),)

    def _check_needs(self, stage: Stage) -> None:
        """Refuses objectives that would be silently wrong in this stage."""
        for part in stage.tasks:
            if part.objective.fusion is not None:
                _check_fused(stage, part)
            if stage.quant and (asking := part.objective.needing("gradients")):
                raise UsageError(f"objective {asking[0]!r}: not with --quant, whose weights have no gradients")

    def _prepared(
        self, model: ResolvedModel | Stage, parts: Sequence[StageTask], options: TrainOptions
    ) -> ResolvedModel | Stage:
        """The model that the stage begins with; a stage that is not the first takes it as the first has prepared it."""
        if isinstance(model, ResolvedModel):
            found = prepared(model, parts, options, self.root, self.context.options.data_dir)
            if options.new_tokens_lr and not new_tokens_of(found.folder):
                raise UsageError(
                    "option second_lr: this stage begins with no new tokens to train at it",
                    hint="for the stage that adds them: --set mlm.extend_vocabulary=99 --set mlm.second_lr=1e-4",
                )
            return found
        for name, wanted in (("extend_vocabulary", options.extend_vocabulary), ("second_lr", options.new_tokens_lr)):
            if wanted:
                raise UsageError(
                    f"{name}: for the first stage, where it models plain text",
                    hint=f"--set mlm.{name}=...; or harness train --task 'mlm[sw]' --set {name}=...",
                )
        tables = tables_of(options, self.context.options.data_dir)
        if tables and not transliterates(load_tokenizer(model.start.folder), tables):
            raise UsageError(
                "option transliterate: the stage before this one reads the text as it is",
                hint="--set transliterate=... without the name of a task is for all stages",
            )
        return model

    def check_as_it_is(self, model: ResolvedModel, task: str) -> None:
        """Refuses options that change a model before its first stage, for a task that is scored without any."""
        tables = tables_of(self.context.train_options([task]), self.context.options.data_dir)
        if tables and not transliterates(load_tokenizer(model.folder), tables):
            raise UsageError(
                f"option transliterate: {task!r} is scored with the model as it is, which no stage prepares",
                hint="a stage before all tasks: --via 'mlm[ru]'; or --set <task>.transliterate=... for those that train",
            )

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
        for name in ("extend_vocabulary", "transliterate"):
            if getattr(stage.options, name):
                raise UsageError(
                    f"{name}: adapters of one model share its vocabulary",
                    hint=f"harness train --task 'mlm[sw,ur]' --set {name}=... first, then adapters on its checkpoint",
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
        for each in stage.prerequisites:
            self.train(each)
        trained = finished(stage, folder)
        if trained is None or working_folder(folder).exists():  # left behind by a kill: train_stage cleans up
            from harness.training.train_stage import train_stage

            tell = self.begin(stage.name) if trained is None else _silent
            with attributing_errors(stage.tasks[0].task, self.context.registry):
                trained = train_stage(
                    stage,
                    self._folder(stage.parent),
                    folder,
                    compute=self.context.compute,
                    tell=tell,
                    teacher=self._folder(stage.teacher.content) if stage.teacher else None,
                )
        self.trained[stage.key] = trained
        return trained

    def _folder(self, model: object) -> Path:
        """The folder of a model, or of a stage that is trained."""
        if isinstance(model, Stage):
            return self.trained[model.key].folder
        assert isinstance(model, ResolvedModel)
        return model.folder


def _epochs_of(tasks: Sequence[IntermediateTask]) -> str:
    """Default of ``epochs_of``: "english" where a task that is scored is trained on other languages than English."""
    parts = (part for task in tasks for part in task.train.parts or (task.train,))
    return "english" if any(part.original is not None for part in parts) else TrainOptions.epochs_of


def _check_dev(task: IntermediateTask, dev: LoadedSplit) -> None:
    """Refuses dev data that say that they are in the language itself, which are its gold labels."""
    native = [each.language for each in dev.provenance if each.language != "en" and not each.translated]
    if native:
        raise UsageError(
            f"option select_on_translated: dev data of {task.name!r} in {native[0]} are no translation: about.toml says so",
            hint="--select-on chooses checkpoints on target-language dev data",
        )


def _check_labelled(part: StageTask) -> None:
    """Refuses translations without any labels where they would be left out, and yet be named as used.

    The teacher of the same stage leaves them out, to be asked about them afterwards.
    """
    translated = {each.language for each in part.train.provenance if each.translated}
    if part.family.keeps_unlabelled or unlabelled(part.train.examples) or not translated:
        return
    if lacking := sorted(translated & without_labels(part.train)):
        raise UsageError(
            f"{part.name!r}: no training example in {', '.join(lacking)} has a label",
            hint="--set objective=teaching --set teacher=self learns from examples without labels (alpha 1, the default)",
        )


def _check_translated(task: IntermediateTask, train: LoadedSplit, objective: Composition, scored: bool) -> None:
    """Refuses an objective that needs translations where none of the training data are."""
    if not any(each.translated for each in train.provenance):
        raise UsageError(
            f"objective {objective.needing('translations')[0]!r}: needs translations among the training data of "
            f"{task.name!r}",
            hint="--train-on all" if scored else f"--via '{task.name}[es]{objective.suffix}'",
        )


def _check_frozen(stage: Stage) -> None:
    """Refuses what would train an encoder that one of the stage's tasks leaves as it is."""
    frozen = [part.name for part in stage.tasks if part.family.freezes_encoder or part.objective.freezes_encoder]
    if not frozen:
        return
    if noisy := [name for part in stage.tasks for name in part.objective.disturbing_words]:
        raise UsageError(
            f"{frozen[0]!r}: {noisy[0]!r} adds noise to the embeddings of words, and not beside a soft prompt, whose "
            "vectors are those of no word",
            hint=f"one after the other: a stage with objective {noisy[0]!r} before one that trains the prompt alone",
        )
    if len(stage.tasks) > 1:
        raise UsageError(
            f"{frozen[0]!r} trains a soft prompt on a frozen encoder, which no other task can share",
            hint="give the tasks in sequence: --via a --via b",
        )
    if stage.options.peft:
        raise UsageError(
            f"--peft {stage.options.peft}: {frozen[0]!r} trains a soft prompt, and no adapters", hint="leave it out"
        )


def _check_fused(stage: Stage, part: StageTask) -> None:
    """Refuses to fuse layers where rows of other tasks are no pairs, or where something decides row by row."""
    assert part.objective.fusion is not None
    if len(stage.tasks) > 1:
        raise UsageError(
            f"{part.name}: a network with fused layers trains one task a stage", hint="give the tasks in sequence"
        )
    if stage.adapters is not None:
        raise UsageError(f"{part.name}: not with --language-adapters, as the rows of a pair are in two languages")
    part.objective.fusion.check(stage.start.config)


def _steps(stage: Stage) -> int:
    """Its optimizer steps if every example is one item; those of long texts are several."""
    return len(make_schedule([part.announced for part in stage.tasks], stage.options, stage.beside))


def _silent(step: int, total: int, loss: float) -> None:
    pass
