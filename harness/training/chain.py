"""The chain of stages between a pretrained model and a task, each trained once however many targets use it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.built import built
from harness.core.errors import PluginError, UsageError
from harness.data.corpus import Corpus
from harness.data.sources import label_set, load_examples
from harness.families.base import HeadFamily, Predictor
from harness.models.reference import parse_model
from harness.models.resolve import ResolvedModel, check_folder, resolve_model
from harness.models.vocabulary import extend_vocabulary
from harness.registry.attribution import blaming
from harness.registry.registry import load_part
from harness.training.lineage import before
from harness.training.objectives.composition import PLAIN, Composition, Layer
from harness.training.stage import Stage, StageInput, StageTask, TrainedStage, finished, working_folder
from harness.training.via import in_languages, parse_via
from harness.types.options import EvalOptions, ObjectiveOptions, TrainOptions, build, check_keys, option_values
from harness.types.tasks import Family, IntermediateTask, Objective, Recipe, Split, TargetTask

if TYPE_CHECKING:
    from harness.data.sources import LoadedSplit
    from harness.registry.registry import Registry
    from harness.scoring.formats.base import Format

log = logging.getLogger(__name__)

Tell = Callable[[int, int, float], None]


class Stages:
    """Builds stages from the registry, the recipe and the options, and trains those that are not there yet.

    ``begin`` is called with a stage's name before it is trained and returns who hears (step, total, loss).
    """

    def __init__(
        self,
        registry: Registry,
        recipe: Recipe,
        options: EvalOptions,
        *,
        device: str,
        dtype: str,
        root: Path,
        begin: Callable[[str], Tell],
    ) -> None:
        self.registry = registry
        self.recipe = recipe
        self.options = options
        self.device = device
        self.dtype = dtype
        self.root = root
        self.begin = begin
        self.large = False
        self.trained: dict[str, TrainedStage] = {}
        self._splits: dict[Hashable, LoadedSplit] = {}

    def start_from(self, model: ResolvedModel) -> None:
        """Chooses the recipe's column by the size of the model."""
        self.large = model.hidden_size >= 1024

    def values(self, names: Sequence[str]) -> dict[str, Any]:
        """Option values in force under these names."""
        return option_values(self.recipe, names, large=self.large, overrides=self.options.overrides)

    def family(self, name: str, labels: tuple[str, ...], names: Sequence[str], own: Mapping[str, Any]) -> Predictor:
        """The family with the options in force; ``own`` are those that the task itself sets."""
        found = self.registry.family(name)
        kind = load_part(found, "implementation")
        with border(f"plugin {found.provider}: family {name!r}: implementation", PluginError, hint=_FAMILY):
            return kind(labels, build(kind.Options, {**own, **self.values(names)}))  # type: ignore[no-any-return]

    def format(self, family: str) -> Format:
        """How the family's predictions are written."""
        return load_part(self.registry.family(family), "format")()  # type: ignore[no-any-return]

    def load(self, task: TargetTask | IntermediateTask, split: Split, limit: int | None) -> LoadedSplit:
        """The examples of a split."""
        data_dir = Path(self.options.data_dir) if self.options.data_dir else None
        resolver = self.registry.hook.harness_resolve_data
        offline = self.options.offline
        return load_examples(task, split, data_dir=data_dir, offline=offline, limit=limit, resolver=resolver)

    def training_split(self, task: IntermediateTask, name: str) -> LoadedSplit:
        """The train or dev split of a task, read once."""
        return self.load_once(task, task.train if name == "train" else task.dev, self.options.train_limit)

    def load_once(self, task: TargetTask | IntermediateTask, split: Split, limit: int | None) -> LoadedSplit:
        """The examples of a split, kept for tasks that read the same rows in the same way, whatever their names are."""
        content = (split, task.example, task.labels, limit)
        if content not in self._splits:
            self._splits[content] = self.load(task, split, limit)
        return self._splits[content]

    def stage(
        self,
        tasks: Sequence[IntermediateTask],
        parent: ResolvedModel | Stage,
        objectives: Sequence[Sequence[str]] | None = None,
    ) -> Stage:
        """The stage that trains these tasks together on top of ``parent``; nothing is trained yet.

        ``objectives`` are names, for each task; by default those that the options say, as for a task that is scored.
        """
        scored = objectives is None
        if objectives is None:
            objectives = [self.objective_names(task.name) for task in tasks]
        parts = [self._part(task, names, scored) for task, names in zip(tasks, objectives, strict=True)]
        names = (
            _names(tasks[0], objectives[0])
            if len(tasks) == 1
            else list(dict.fromkeys(["+".join(task.name for task in tasks), "+".join(part.name for part in parts)]))
        )
        inputs = self._inputs(parts, names)
        options = build(TrainOptions, self.values(names))
        known = before(parent.folder, self.registry) if isinstance(parent, ResolvedModel) else None
        if options.extend_vocabulary:
            parent = self._extended(parent, parts, options.extend_vocabulary)
        if self.options.quant and not options.peft:
            raise UsageError(
                f"--quant {self.options.quant}: weights of so few bits cannot be trained, only adapters beside them",
                hint="add --peft lora; or score a checkpoint as it is with --train never",
            )
        stage = Stage(tuple(parts), parent, options, self.dtype, self.options.quant, known, inputs)
        self._check_needs(stage)
        return stage

    def _part(self, task: IntermediateTask, objectives: Sequence[str], scored: bool) -> StageTask:
        """A task of a stage with its data; ``scored``: the checkpoint must have the task's own head."""
        names = _names(task, objectives)
        objective = self.composition(objectives, names)
        with border(f"task {task.name!r}: objective {objective.suffix[1:]!r}", PluginError):
            task = objective.task(task)
        train = self.training_split(task, "train")
        dev = self.training_split(task, "dev") if task.dev.sources else None
        family = self.family(task.family, label_set(task, train), names, task.options)
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
        return StageTask(task, train, dev, trained, self.format(task.family), objective)

    def objective_names(self, name: str) -> list[str]:
        """The names of the objectives that the options say for a task that is scored; none for plain training."""
        text = build(ObjectiveOptions, self.values([name])).objective
        return [each.strip() for each in text.split("@")] if text.strip() else []

    def composition(self, objectives: Sequence[str], names: Sequence[str]) -> Composition:
        """The objectives with the options in force under these names of a task."""
        layers = []
        for name in objectives:
            value = self.registry.objective(name)
            kind = load_part(value, "implementation")
            with border(f"plugin {value.provider}: objective {name!r}: implementation", PluginError, hint=_OBJECTIVE):
                layers.append(Layer(value, kind(build(kind.Options, self.values(names)))))
        return Composition(tuple(layers)) if layers else PLAIN

    def _inputs(self, parts: Sequence[StageTask], names: Sequence[str]) -> tuple[StageInput, ...]:
        """The teacher, where an objective needs one."""
        asking = [name for part in parts for name in part.objective.needing("teacher")]
        if not asking:
            return ()
        text = build(ObjectiveOptions, self.values(names)).teacher
        if not text:
            raise UsageError(f"objective {asking[0]!r}: needs a teacher", hint="--set teacher=MODEL")
        if len(parts) > 1:
            raise UsageError(f"objective {asking[0]!r}: a teacher teaches one task a stage", hint="--via a --via b")
        teacher = resolve_model(
            parse_model(text),
            offline=self.options.offline,
            loader=self.registry.hook.harness_load_encoder,
            allow_pickle=self.options.allow_pickle,
        )
        return (StageInput("teacher", text, teacher, before(teacher.folder, self.registry).resources),)

    def _check_needs(self, stage: Stage) -> None:
        """Refuses objectives that would be silently wrong in this stage."""
        for part in stage.tasks:
            if stage.quant and (asking := part.objective.needing("gradients")):
                raise UsageError(f"objective {asking[0]!r}: not with --quant, whose weights have no gradients")
            translated = any(each.translated for each in part.train.provenance)
            if not translated and (asking := part.objective.needing("translations")):
                raise UsageError(
                    f"objective {asking[0]!r}: needs translations among the training data of {part.task.name!r}",
                    hint=f"--via '{part.task.name}[es]{part.objective.suffix}'",
                )

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
        objectives = [part.objectives for part in parse_via(expression)]
        return self.stage(self.tasks(expression), parent, objectives)

    def tasks(self, expression: str) -> list[IntermediateTask]:
        """The tasks of one stage: ``mnli+squad[ar,es]``."""
        return [in_languages(self.registry.intermediate(part.name), part.languages) for part in parse_via(expression)]

    def check_options(self, expressions: Sequence[str], names: Iterable[str] = ()) -> None:
        """Refuses option names that nothing knows, values that training cannot use, and overrides for other tasks."""
        values: list[Family | Objective] = [*self.registry.families().values(), *self.registry.objectives().values()]
        kinds = [kind for value in values if (kind := options_of(value)) is not None]
        names = set(names)
        known = set(names)
        used = {name: self.objective_names(name) for name in sorted(names)}
        for expression in expressions:
            known |= {expression, *(name for task in self.tasks(expression) for name in _names(task))}
            known |= {str(part) for part in parse_via(expression)}
            used |= {str(part): list(part.objectives) for part in parse_via(expression)}
        check_keys(self.recipe, self.options.overrides, kinds, known)
        self._check_objectives(names, used)
        for name in sorted(known):
            build(TrainOptions, self.values([name]))

    def _check_objectives(self, scored: Collection[str], used: Mapping[str, Sequence[str]]) -> None:
        """Refuses objectives that nobody provides, and options of objectives that would do nothing."""
        values = [self.registry.objective(name) for names in used.values() for name in names]
        for key in self.options.overrides:
            task, _, option = key.rpartition(".")
            if option == "objective" and not (task in scored if task else scored):
                raise UsageError(
                    f"--set {key}: it is for tasks that are scored", hint=f"behind the task: '{task or 'TASK'}@NAME'"
                )
            if option == "teacher" and not any("teacher" in value.needs for value in values):
                raise UsageError(f"--set {key}: no objective of this run needs a teacher")

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
            with blaming(stage.tasks[0].task, self.registry):
                trained = train_stage(stage, parent, folder, device=self.device, tell=tell)
        self.trained[stage.key] = trained
        return trained


_FAMILY = "the page about plugins says what a family takes"
_OBJECTIVE = "the page about plugins says what an objective takes"


def options_of(value: Family | Objective) -> type | None:
    """The options of a family or an objective; None where its plugin is broken, which matters only to whoever uses it."""
    try:
        return load_part(value, "implementation").Options  # type: ignore[no-any-return]
    except (PluginError, AttributeError) as error:
        log.debug("%s", error)
        return None


def _silent(step: int, total: int, loss: float) -> None:
    pass


def _names(task: IntermediateTask, objectives: Sequence[str] = ()) -> list[str]:
    """The names that a task's options go by: ``squad``, then ``squad[ar,es]``, then ``squad[ar,es]@shuffled``."""
    suffix = "".join(f"@{name}" for name in objectives)
    return list(dict.fromkeys([task.name.partition("[")[0], task.name, task.name + suffix]))
