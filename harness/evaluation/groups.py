"""Groups units by the checkpoint that predicts them, with the stages that lead to it."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from harness.core.errors import DataError, PluginError, UsageError
from harness.evaluation.plan import PlannedUnit
from harness.families.base import HeadFamily, Predictor
from harness.models.embedder import Embedder
from harness.models.fusion import Fusion, stored_fusion
from harness.models.resolve import ResolvedModel
from harness.scoring.metrics import get_metric
from harness.training.chain import Stages
from harness.training.context import RunContext, option_names
from harness.training.stage import Stage
from harness.training.train_on import base_name, check_train_on
from harness.types.options import as_plain
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask, TargetTask


@dataclass(frozen=True)
class CheckpointGroup:
    """Units that one checkpoint predicts in one stream: same stages, same family, same options and labels.

    ``checkpoint`` is a stage (trained or not yet), the model as it is, or None for a baseline.
    """

    family: Predictor
    checkpoint: Stage | ResolvedModel | None
    units: tuple[PlannedUnit, ...]

    @property
    def start(self) -> ResolvedModel | None:
        """The model before any stage; None for a baseline."""
        return self.checkpoint.start if isinstance(self.checkpoint, Stage) else self.checkpoint

    @property
    def fusion(self) -> Fusion | None:
        """The fused layers of the checkpoint, for which examples come in two languages; None where they come in one."""
        if self.checkpoint is None or not (isinstance(self.family, HeadFamily) and self.family.reads_pairs):
            return None
        if isinstance(self.checkpoint, Stage):
            return self.checkpoint.fusion
        return stored_fusion(self.checkpoint.folder)

    @property
    def embedder(self) -> Embedder:
        """Sentence vectors of the checkpoint, as the files of the model before any stage and the stages since say."""
        if self.start is None:
            return Embedder()
        stages = chain(self.checkpoint)
        trained = [stage.name for stage in stages if stage.trains_vectors]
        return Embedder.of(self.start.folder, trained=trained, since=bool(stages))

    @property
    def identity(self) -> str:
        """Identifies the checkpoint that decides the predictions; "" without one."""
        if self.checkpoint is None:
            return ""
        return self.checkpoint.key if isinstance(self.checkpoint, Stage) else self.checkpoint.fingerprint


def grouped(present: Sequence[PlannedUnit], context: RunContext) -> list[list[PlannedUnit]]:
    """The units of each group, before anything is trained or loaded."""
    groups: dict[Hashable, list[PlannedUnit]] = {}
    for entry in present:
        task = entry.task
        # By what is trained on, not by its name: a target and an intermediate task may share one.
        trained_on = context.training_tasks(task, entry.unit.language)
        sources = tuple(
            (source.name, source.version, source.train, source.dev, source.example, source.labels)
            for source in trained_on
        )
        family = family_of(entry.task, context, entry.unit.language)
        options = [
            family.options,
            *(context.train_options([*option_names(source), task.name]) for source in trained_on),
        ]
        alike = (sources, task.family, task.labels, json.dumps([as_plain(each) for each in options], sort_keys=True))
        groups.setdefault((*alike, entry.unit.split if family.joins else ""), []).append(entry)
    return list(groups.values())


def check_options(planned: Sequence[PlannedUnit], context: RunContext) -> None:
    """Refuses what no run of this plan can use: unknown options, values that do not fit theirs."""
    check_train_on(context.options.train_on, [entry.task for entry in planned], context.registry)
    names = [(entry.task.name, entry.task.family) for entry in planned]
    untrained = {entry.task.name for entry in planned}
    for entry in planned:
        for source in context.training_tasks(entry.task, entry.unit.language):
            names += [(name, source.family) for name in option_names(source)]
            untrained.discard(entry.task.name)
    context.check_options(context.options.via, names, untrained)
    grouped([entry for entry in planned if entry.present], context)
    for task in {entry.task.name: entry.task for entry in planned if entry.present}.values():
        get_metric(family_of(task, context).metric_name(task.metric)).check_usable()


def family_of(task: TargetTask, context: RunContext, language: str = "en") -> Predictor:
    """The family of a task, with the options in force for it where it is scored in ``language``."""
    sources = context.training_tasks(task, language)
    last = [name for source in sources[-1:] if source.family == task.family for name in option_names(source)]
    names = [*last, task.name]
    return context.family(task, task.labels, names)


def make_group(
    units: Sequence[PlannedUnit], context: RunContext, stages: Stages, model: ResolvedModel | None
) -> CheckpointGroup:
    """Units that :func:`grouped` put together, with their family and the stages that lead to their checkpoint."""
    options = context.options
    language = units[0].unit.language
    family = family_of(units[0].task, context, language)
    if model is None:
        return CheckpointGroup(family, None, tuple(units))
    checkpoint = stages.via(options.via, model)
    if options.train == "auto":
        sources = context.training_tasks(units[0].task, language)
        if family.trainable and not sources:
            name = units[0].task.name
            raise UsageError(f"task {name!r} has no English training data", hint="use --train never")
        for source in sources:
            selected = _selected(source, units[0], options.select_on)
            checkpoint = stages.stage([selected], checkpoint, target=units[0].task.name)
    if isinstance(checkpoint, ResolvedModel):
        stages.check_as_it_is(checkpoint, units[0].task.name)
    return CheckpointGroup(family, checkpoint, tuple(units))


def required_stages(
    planned: Sequence[PlannedUnit], context: RunContext, stages: Stages, model: ResolvedModel | None
) -> Iterator[Stage]:
    """Every stage that a checkpoint of the plan needs, each once and after those before it; nothing is trained or loaded.

    Training data are read group by group, as they are part of the keys. Units whose stages cannot be determined (damaged data)
    add none.
    """
    seen: set[str] = set()
    for units in grouped([entry for entry in planned if entry.present], context):
        with suppress(DataError, PluginError):
            for stage in needed_stages(make_group(units, context, stages, model).checkpoint):
                if stage.key not in seen:
                    seen.add(stage.key)
                    yield stage


def chain(checkpoint: Stage | ResolvedModel | None) -> list[Stage]:
    """The stages that lead to a checkpoint, the first one first."""
    return [*chain(checkpoint.parent), checkpoint] if isinstance(checkpoint, Stage) else []


def needed_stages(checkpoint: Stage | ResolvedModel | None) -> list[Stage]:
    """The stages that a checkpoint needs, in the order of their training: those that lead to it, and those that teach."""
    return [*checkpoint.needed, checkpoint] if isinstance(checkpoint, Stage) else []


def _selected(source: IntermediateTask, entry: PlannedUnit, languages: Sequence[str]) -> IntermediateTask:
    """The training task with the dev data that choose its checkpoint: English, or what ``select_on`` names."""
    if not languages:
        return source
    name = entry.task.name
    splits = {code: entry.task.languages.get(code, {}).get("dev") for code in languages}
    absent = [code for code, split in splits.items() if split is None]
    if base_name(source) != name or absent:
        raise UsageError(f"task {name!r} has no dev data of its own to select on in {', '.join(absent or splits)}")
    if entry.task.pool is not None and (others := [code for code in languages if code != "en"]):
        raise UsageError(
            f"task {name!r}: dev data in {', '.join(others)} search the task's pool, which training does not read",
            hint="leave out --select-on, or select on 'en'",
        )
    parts = [_in_language(split, code) for code, split in splits.items() if split is not None]
    return replace(source, dev=Split(parts=tuple(parts)))


def _in_language(split: Split, code: str) -> Split:
    """The split, which says its language."""
    return split if split.parts else Split(*split.sources, rows=split.rows, language=split.language or code)
