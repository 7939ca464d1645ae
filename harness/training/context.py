"""The context of a run: the plugins, the recipe, the options, the machine and the data that all of its parts share."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import PluginError, UsageError
from harness.data.access import DataAccess
from harness.data.class_names import class_names
from harness.inference.session import Compute
from harness.models.language_adapters import LanguageAdapters
from harness.models.languages import check_adaptable
from harness.registry.registry import load_part
from harness.training.lineage import ancestors, trained_with_adapters
from harness.training.objectives.base import StageObjective
from harness.training.objectives.composition import PLAIN, Composition, Layer
from harness.training.sources import training_tasks
from harness.training.train_on import OWN, trained_on
from harness.training.via import parse_via, via_tasks
from harness.types.benchmarks import Recipe
from harness.types.extensions import Objective
from harness.types.options import EvalOptions, ObjectiveOptions, TrainOptions, build, check_keys, option_values
from harness.types.tasks import Family, IntermediateTask, TargetTask, Task

if TYPE_CHECKING:
    from harness.data.sources import LoadedSplit
    from harness.families.base import Predictor
    from harness.models.resolve import ResolvedModel
    from harness.registry.registry import Registry
    from harness.scoring.formats.base import Format

log = logging.getLogger(__name__)

_OF_TRAINING = frozenset(each.name for kind in (TrainOptions, ObjectiveOptions) for each in fields(kind))
_FAMILY = "the page about plugins says what a family takes"
_OBJECTIVE = "the page about plugins says what an objective takes"


@dataclass(frozen=True)
class RunContext:
    """Everything that is decided before a run begins. ``large`` chooses the recipe's column, by the size of the model."""

    registry: Registry
    recipe: Recipe
    options: EvalOptions
    compute: Compute
    data: DataAccess
    large: bool = False
    _trained_on: dict[tuple[str, str], tuple[IntermediateTask, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, registry: Registry, recipe: Recipe, options: EvalOptions, compute: Compute | None = None) -> RunContext:
        """The context of these options on this machine; ``compute`` is chosen by the options unless it is given."""
        data = DataAccess.of(registry, options.data_dir, offline=options.offline)
        return cls(registry, recipe, options, compute or Compute.of(options, registry), data)

    @cached_property
    def adapters(self) -> LanguageAdapters | None:
        """The language adapters that the options name; UsageError or ModelError where they cannot be used."""
        place = self.options.language_adapters
        return LanguageAdapters.of(place, self.options.adapter_fallback) if place is not None else None

    def of_model(self, model: ResolvedModel | None) -> RunContext:
        """The same for a model that is found; None for a baseline. ModelError where the adapters are of another model."""
        if self.adapters is not None and model is not None:
            check_adaptable(model.config)
            self.adapters.check_base({model.fingerprint, *ancestors(model.folder)}, model.reference)
        elif model is not None and trained_with_adapters(model.folder):
            log.warning("%s was trained with language adapters in place: give it --language-adapters", model.reference)
        return replace(self, large=model is not None and model.hidden_size >= 1024)

    def values(self, names: Sequence[str]) -> dict[str, Any]:
        """Option values in force under these names."""
        return option_values(self.recipe, names, large=self.large, overrides=self.options.overrides)

    def train_options(self, names: Sequence[str]) -> TrainOptions:
        """The training options in force under these names."""
        return build(TrainOptions, self.values(names))  # type: ignore[no-any-return]

    def family(self, task: Task, labels: tuple[str, ...], names: Sequence[str]) -> Predictor:
        """The family of a task, for these labels, with the options in force under these names; the task's own count least.

        It has the names of the classes, where it reads them.
        """
        found = self.registry.family(task.family)
        kind = load_part(found, "implementation")
        with border(f"plugin {found.provider}: family {task.family!r}: implementation", PluginError, hint=_FAMILY):
            family: Predictor = kind(labels, build(kind.Options, {**task.options, **self.values(names)}))
        if family.reads_class_names:
            family.class_names = class_names(self.data.data_dir, task.name.partition("[")[0], labels)
        return family

    def format(self, family: str) -> Format:
        """Format of the family's predictions."""
        return load_part(self.registry.family(family), "format")()  # type: ignore[no-any-return]

    def training_split(self, task: IntermediateTask, name: str, *, originals: bool = False) -> LoadedSplit:
        """The train or dev split of a task, read once; with ``originals``, it tells which rows its examples translate."""
        split = task.train if name == "train" else task.dev
        return self.data.load_once(task, split, self.options.train_limit, originals=originals)

    def training_tasks(self, task: TargetTask, language: str = "en") -> tuple[IntermediateTask, ...]:
        """The training tasks of a target task scored in ``language``, in those of ``--train-on``, looked for once."""
        if not self.options.train_on:
            return training_tasks(task, self.registry)
        known = (task.name, language if OWN in self.options.train_on else "")
        if known not in self._trained_on:
            narrowed = trained_on(task, self.registry, self.options.train_on, self.data, language)
            self._trained_on[known] = tuple(narrowed)
        return self._trained_on[known]

    def objective_names(self, names: Sequence[str]) -> list[str]:
        """The names of the objectives that the options say for a task that is scored; none for plain training."""
        text = build(ObjectiveOptions, self.values(names)).objective
        found = [each.strip() for each in text.split("@")] if text.strip() else []
        wrong = next((each for each in found if not each or found.count(each) > 1), None)
        if wrong is not None:
            what = f"the objective {wrong!r} occurs twice" if wrong else "a name expected before and after each '@'"
            raise UsageError(f"option objective: {text!r}: {what}", hint="--set objective=synonyms@noise")
        return found

    def composition(self, objectives: Sequence[str], names: Sequence[str]) -> Composition:
        """The objectives with the options in force under these names of a task."""
        layers = []
        for name in objectives:
            value = self.registry.objective(name)
            kind = load_part(value, "implementation")
            where = f"plugin {value.provider}: objective {name!r}: implementation"
            if not (isinstance(kind, type) and issubclass(kind, StageObjective)):
                raise PluginError(f"{where}: {value.implementation!r} is not a StageObjective", hint=_OBJECTIVE)
            with border(where, PluginError, hint=_OBJECTIVE):
                layers.append(Layer(value, kind(build(kind.Options, self.values(names)))))
        return Composition(tuple(layers)) if layers else PLAIN

    def check_options(
        self,
        expressions: Sequence[str],
        families: Iterable[tuple[str, str]] = (),
        untrained: Collection[str] = (),
    ) -> None:
        """Refuses option names that are unknown or that nothing reads, unusable values, other tasks and unfit adapters.

        ``families`` are the names that the options of tasks that are scored and of their training go by, each with a
        family; ``untrained`` those of them that are scored with the model as it is.
        """
        if self.adapters is not None:  # read here, before anything heavy is loaded
            log.debug("language adapters: %s", ", ".join(self.adapters.found))
        kinds = [(f"family {name}", options_of(value)) for name, value in self.registry.families().items()]
        kinds += [(f"objective {name}", options_of(value)) for name, value in self.registry.objectives().items()]
        owners = {owner: kind for owner, kind in kinds if kind is not None}
        known: dict[str, set[str]] = {}
        for name, family in families:
            known.setdefault(name, set()).add(family)
        scored, untrained = set(known), set(untrained)
        used = {name: self.objective_names([name]) for name in sorted(scored)}
        for expression in expressions:
            for part, task in zip(parse_via(expression), via_tasks(expression, self.registry), strict=True):
                for name in (expression, str(part), *option_names(task)):
                    known.setdefault(name, set()).add(task.family)
                    untrained.discard(name)
                used[str(part)] = list(part.objectives)
        check_keys(self.recipe, self.options.overrides, owners.values(), known)
        self._check_objectives(scored, used)
        self._check_trained(known, untrained)
        self._check_read(owners, known, {name for names in used.values() for name in names})
        for name in sorted(known):
            self.train_options([name])

    def _check_objectives(self, scored: Collection[str], used: Mapping[str, Sequence[str]]) -> None:
        """Refuses unknown objectives, and options of objectives that would have no effect."""
        values = [self.registry.objective(name) for names in used.values() for name in names]
        for key in self.options.overrides:
            task, _, option = key.rpartition(".")
            if option == "objective" and not (task in scored if task else scored):
                raise UsageError(
                    f"--set {key}: it is for tasks that are scored", hint=f"behind the task: '{task or 'TASK'}@NAME'"
                )
            if option == "teacher" and not any("teacher" in value.needs for value in values):
                raise UsageError(f"--set {key}: no objective of this run needs a teacher")

    def _check_trained(self, names: Collection[str], untrained: Collection[str]) -> None:
        """Refuses an option of training for a task without any; one for a whole run without any is only noted."""
        for key in self.options.overrides:
            task, _, option = key.rpartition(".")
            if option not in _OF_TRAINING:
                continue
            if task in untrained:
                raise UsageError(
                    f"--set {key}: {task} is scored with the model as it is, and nothing is trained for it",
                    hint="options of a stage of --via go by its name: --via mnli --set mnli.lr=1e-5",
                )
            if option != "seed" and not task and untrained and set(names) <= set(untrained):
                log.warning("--set %s: nothing is trained in this run", key)

    def _check_read(
        self, owners: Mapping[str, type], families: Mapping[str, set[str]], objectives: Collection[str]
    ) -> None:
        """Refuses an option of a task that does not have it; one for the whole run is a default, and only noted.

        ``owners`` are the options of every family and objective, ``families`` those of each task of the run.
        """
        for key in self.options.overrides:
            task, _, option = key.rpartition(".")
            here = families[task] if task else set().union(*families.values())
            read = {*(f"family {name}" for name in here), *(f"objective {name}" for name in objectives)}
            having = [owner for owner, kind in owners.items() if option in {each.name for each in fields(kind)}]
            if option in _OF_TRAINING or not read.isdisjoint(having):
                continue
            hint = f"it is one of {', '.join(f'the {owner}' for owner in having)}"
            if task:
                raise UsageError(f"--set {key}: {task} has no such option", hint=hint)
            log.warning("--set %s: no task of this run has such an option; %s", key, hint)


def options_of(value: Family | Objective) -> type | None:
    """The options of a family or an objective; None where its plugin is broken, which matters only where it is used."""
    try:
        return load_part(value, "implementation").Options  # type: ignore[no-any-return]
    except (PluginError, AttributeError) as error:
        log.debug("%s", error)
        return None


def option_names(task: IntermediateTask, objectives: Sequence[str] = ()) -> list[str]:
    """The names that a task's options go by: ``squad``, then ``squad[ar,es]``, then ``squad[ar,es]@shuffled``."""
    suffix = "".join(f"@{name}" for name in objectives)
    return list(dict.fromkeys([task.name.partition("[")[0], task.name, task.name + suffix]))
