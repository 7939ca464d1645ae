"""The cost of a study before it is run: the stages that it trains, each once, and what they and the scoring cost.

Without data and models, sizes are the official ones, lengths of rows are assumed, and the shapes of published models are
known (:mod:`harness.studies.model_shapes`); nothing is read or downloaded. With ``measure``, training data are read, and
a sample of them is tokenised.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError, ModelError
from harness.core.offline import without_network
from harness.data.access import DataAccess
from harness.data.mixed_pairs import can_mix
from harness.data.perturb import applies
from harness.evaluation.groups import chain
from harness.evaluation.plan import make_plan
from harness.inference.session import Compute
from harness.models.reference import parse_model
from harness.models.resolve import ResolvedModel
from harness.studies.cost import Rate, Work, operations, scoring_bytes, seconds, training_bytes
from harness.studies.model_shapes import Shape, shape_in, shape_of
from harness.studies.stage_plan import plan_stages
from harness.studies.throughput import assumed_rate, measured_rate
from harness.studies.training_tokens import RowLengths, assumed_work, measured_work, scoring_work
from harness.training.chain import OWN_TEACHER
from harness.training.context import RunContext, option_names, options_of
from harness.training.recipes import find_recipe
from harness.training.sources import training_tasks
from harness.training.train_on import OWN
from harness.training.via import parse_via, via_tasks
from harness.types.options import EvalOptions, ObjectiveOptions, TrainOptions, build, seeded
from harness.types.progress import ProgressListener
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask

if TYPE_CHECKING:
    from harness.evaluation.plan import PlannedUnit
    from harness.registry.registry import Registry
    from harness.studies.grid import Cell
    from harness.studies.job import Job

_SEED = (1 << 63) - 1
"""Stands for the seed of a run, of which the stages of all its cell have another; nobody asks for the largest."""
LARGE = 1024
"""Width of the models that take a recipe's second column."""


@dataclass(frozen=True)
class StageCost:
    """The cost of a stage that is trained once, for all ``runs`` that need it.

    ``work`` is None where the size of its data is not known, ``operations`` and ``seconds`` also where the model's is not.
    ``memory`` are the bytes of weights, gradients and optimizer, activations apart.
    """

    model: str
    lineage: str
    seed: int
    runs: int
    work: Work | None = None
    operations: float | None = None
    seconds: float | None = None
    memory: float | None = None


@dataclass(frozen=True)
class ModelCost:
    """The cost of all runs of one model: its training, each stage once, and its scoring. ``unknown`` says why it is less."""

    model: str
    parameters: int | None
    runs: int
    search_runs: int
    stages: tuple[StageCost, ...]
    scoring: Work
    scoring_operations: float | None
    scoring_seconds: float | None
    rate: Rate | None
    unknown: tuple[str, ...] = ()

    @property
    def training_operations(self) -> float:
        """Of the stages whose cost is known."""
        return sum(stage.operations or 0.0 for stage in self.stages)

    @property
    def seconds(self) -> float:
        """On one device, of what is known."""
        return sum(stage.seconds or 0.0 for stage in self.stages) + (self.scoring_seconds or 0.0)

    @property
    def memory(self) -> float | None:
        """Bytes of the stage that needs most; None where that is not known."""
        return max((stage.memory for stage in self.stages if stage.memory is not None), default=None)

    @property
    def trainings(self) -> int:
        """The stages that the runs would train if they shared none."""
        return sum(stage.runs for stage in self.stages)


@dataclass(frozen=True)
class StudyCost:
    """The cost of a study, model by model."""

    models: tuple[ModelCost, ...]
    measured: bool = False

    @property
    def training_operations(self) -> float:
        """Of all models."""
        return sum(model.training_operations for model in self.models)

    @property
    def scoring_operations(self) -> float:
        """Of all models."""
        return sum(model.scoring_operations or 0.0 for model in self.models)

    @property
    def seconds(self) -> float:
        """On one device after the other."""
        return sum(model.seconds for model in self.models)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Everything that is not counted, and why."""
        return tuple(dict.fromkeys(text for model in self.models for text in model.unknown))


@dataclass
class _Counted:
    """Stages by key, and the runs that need each."""

    stages: dict[str, StageCost] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def add(self, key: str, stage: StageCost) -> None:
        known = self.stages.get(key)
        self.stages[key] = replace(stage, runs=1) if known is None else replace(known, runs=known.runs + 1)


def study_cost(
    cells: Sequence[Cell],
    registry: Registry,
    *,
    measure: bool = False,
    stages: Path | None = None,
    device: str | None = None,
) -> StudyCost:
    """The cost of the cells.

    ``stages`` is a folder of stages that this machine has trained, whose speed is taken; else that of ``device``
    (:data:`harness.studies.throughput.DEVICES`; None: a processor core for ``tiny`` and ``demo:``, else an H100).
    """
    counter = _Counter(registry, measure, stages, device)
    models = list(dict.fromkeys(cell.model for cell in cells))
    return StudyCost(
        tuple(counter.model([cell for cell in cells if cell.model == model], model) for model in models), measure
    )


@dataclass
class _Counter:
    """Counts for one study; keeps what several models have in common."""

    registry: Registry
    measure: bool
    trained: Path | None
    device: str | None
    _plans: dict[str, tuple[list[PlannedUnit], Work]] = field(default_factory=dict)
    _works: dict[str, Work | None] = field(default_factory=dict)
    _data: dict[str | None, DataAccess] = field(default_factory=dict)

    def model(self, cells: Sequence[Cell], model: str) -> ModelCost:
        counted = _Counted()
        shape, rate = self._shape(model, counted), None
        if shape is not None and shape.parameters:
            rate = (measured_rate(shape, self.trained) if self.trained else None) or assumed_rate(
                shape, self.device or _usual(model)
            )
        lengths = RowLengths()
        scoring = Work()
        runs = searches = 0
        for cell in cells:
            jobs = cell.jobs(self.registry)
            runs, searches = (runs, searches + len(jobs)) if cell.tried else (runs + len(jobs), searches)
            if parse_model(model).kind != "baseline":
                self._stages(jobs, shape, rate, counted, lengths)
            for job in jobs:
                scoring += self._planned(job, lengths)[1]
        bare = shape is None or not shape.parameters
        return ModelCost(
            model,
            shape.parameters if shape else None,
            runs,
            searches,
            tuple(counted.stages.values()),
            scoring,
            None if bare or shape is None else operations(shape, scoring),
            None if rate is None or shape is None else seconds(shape, scoring, rate),
            rate,
            tuple(dict.fromkeys(counted.unknown)),
        )

    def _shape(self, model: str, counted: _Counted) -> Shape | None:
        try:
            return shape_of(model)
        except ModelError as error:
            counted.unknown.append(str(error))
            return None

    def _stages(
        self, jobs: Sequence[Job], shape: Shape | None, rate: Rate | None, counted: _Counted, lengths: RowLengths
    ) -> None:
        """Counts the stages of the runs of a cell, by the data where they are to be measured and can be had."""
        if self.measure:
            try:
                found = [each for job in jobs for each in self._measured(job, shape, rate, lengths)]
            except HarnessError as error:
                counted.unknown.append(f"{jobs[0].model}: not measured: {error}")
            else:
                for key, stage in found:
                    counted.add(key, stage)
                return
        found = list(self._assumed(jobs[0], shape, rate, counted))
        for job in jobs:
            for key, stage in found:
                seed = job.seed if stage.seed == _SEED and job.seed is not None else stage.seed
                counted.add(f"{key} {seed}", replace(stage, seed=seed))

    def _measured(
        self, job: Job, shape: Shape | None, rate: Rate | None, lengths: RowLengths
    ) -> Iterator[tuple[str, StageCost]]:
        data = self._access(job.options)
        with without_network(job.options.offline):
            for stage in plan_stages(job, self.registry, ProgressListener(), data).required():
                lineage = " > ".join(each.name for each in chain(stage))
                work = measured_work(stage, lengths)
                taught = stage.teacher.content if stage.teacher else None
                teacher = shape_in(taught.folder) if isinstance(taught, ResolvedModel) else shape if taught else None
                yield stage.key, _cost(job, lineage, stage.options, work, shape, rate, teacher)

    def _assumed(
        self, job: Job, shape: Shape | None, rate: Rate | None, counted: _Counted
    ) -> Iterator[tuple[str, StageCost]]:
        """The stages by what decides them as far as it is known without data, each with that as its key."""
        options = seeded(job.options, _SEED)
        context = RunContext(
            self.registry,
            find_recipe(options.recipe, self.registry, parse_model(job.model)),
            options,
            Compute(),
            self._access(options),
            large=shape is not None and shape.width >= LARGE,
        )
        key, lineage = job.model, list[str]()
        for expression in options.via:
            tasks = self._tasks(expression, counted)
            own = [option_names(task)[0] for task in tasks or ()]
            for name in self._with_teacher(context, expression, [*own, expression]) if tasks else [expression]:
                names = list(dict.fromkeys([*own, name]))
                values = self._values(context, names, name, taught=name == expression)
                made = json.dumps([key, name, values], sort_keys=True, default=str)
                yield made, self._cost_of(job, [*lineage, name], tasks, context, names, shape, rate, counted)
            key = made
            lineage.append(expression)
        seen: set[str] = set()
        by_language = OWN in options.train_on
        planned = {(each.task.name, by_language and each.unit.language): each for each in self._planned(job, None)[0]}
        for entry in planned.values():  # the units of a task have one training, unless it is in their own language
            parent, before = key, list(lineage)
            for source in self._sources(context, entry, counted):
                names = [*option_names(source), entry.task.name]
                expression = "@".join([source.name, *context.objective_names(source.name)])
                for name in self._with_teacher(context, expression, names):
                    values = self._values(context, names, name, taught=name == expression)
                    made = json.dumps([parent, source.name, values], sort_keys=True, default=str)
                    if made not in seen:
                        seen.add(made)
                        yield made, self._cost_of(job, [*before, name], [source], context, names, shape, rate, counted)
                parent = made
                before.append(expression)

    def _sources(self, context: RunContext, entry: PlannedUnit, counted: _Counted) -> list[IntermediateTask]:
        """Training tasks of a unit; [], with a note, where only data could tell the languages."""
        try:
            found = context.training_tasks(entry.task, entry.unit.language)
        except HarnessError as error:
            counted.unknown.append(f"training of {entry.task.name}: {error}")
            return []
        sized = []
        for source, english in zip(found, training_tasks(entry.task, self.registry), strict=True):
            epochs = context.values([*option_names(source), entry.task.name]).get("epochs_of", "english")
            once = epochs == "english" and _is_translated(source.train)
            sized.append(
                _of_rows(source, rows) if once and (rows := english.train.rows) else _with_rows(source, english)
            )
        return sized

    def _with_teacher(self, context: RunContext, expression: str, names: Sequence[str]) -> list[str]:
        """The stages of an expression: itself and, before it, the same one that teaches it, if it asks for that."""
        [part, *_] = parse_via(expression)
        others = tuple(name for name in part.objectives if name not in self._taught(part.objectives))
        if build(ObjectiveOptions, context.values(names)).teacher != OWN_TEACHER or others == part.objectives:
            return [expression]
        return [str(replace(part, objectives=others)), expression]

    def _taught(self, objectives: Sequence[str]) -> list[str]:
        return [name for name in objectives if "teacher" in self.registry.objective(name).needs]

    def _values(self, context: RunContext, names: Sequence[str], name: str, *, taught: bool) -> dict[str, Any]:
        """The options of a stage; of one that teaches, less those of being taught: it is the same in a plain run."""
        values = context.values(names)
        if taught:
            return values
        kinds = [options_of(value) for value in self.registry.objectives().values() if "teacher" in value.needs]
        own = {field.name for kind in (ObjectiveOptions, *filter(None, kinds)) for field in fields(kind)}
        kept = {name: value for name, value in values.items() if name not in own}
        others = "@".join(parse_via(name)[0].objectives)
        return {**kept, **({"objective": others} if others and "objective" in values else {})}

    def _tasks(self, expression: str, counted: _Counted) -> list[IntermediateTask] | None:
        """The tasks of a stage; None, with a note, where one of them or an objective is not known."""
        try:
            for part in parse_via(expression):
                for objective in part.objectives:
                    self.registry.objective(objective)
            found = via_tasks(expression, self.registry)
        except HarnessError as error:
            counted.unknown.append(f"stage {expression}: {error}")
            return None
        return [_with_rows(task, self.registry.intermediate(task.name.partition("[")[0])) for task in found]

    def _cost_of(
        self,
        job: Job,
        lineage: Sequence[str],
        tasks: Sequence[IntermediateTask] | None,
        context: RunContext,
        names: Sequence[str],
        shape: Shape | None,
        rate: Rate | None,
        counted: _Counted,
    ) -> StageCost:
        """The cost of a stage; its expression is the last of the ``lineage``, its options go by ``names``."""
        options = context.train_options(names)
        work, teacher = None, None
        if tasks is not None:
            parts = parse_via(lineage[-1])
            objectives = [
                context.composition(part.objectives, [*names, *option_names(task, part.objectives)])
                for task, part in zip(tasks, parts, strict=True)
            ]
            if any(objective.needing("teacher") for objective in objectives):
                teacher = self._teacher(build(ObjectiveOptions, context.values(names)).teacher, shape, counted)
            limit = job.options.train_limit
            plain = replace(options, seed=0)
            of_each = [objective.key for objective in objectives]
            known = json.dumps(
                [[(task.name, task.train.rows) for task in tasks], repr(plain), limit, of_each], default=str
            )
            if known not in self._works:
                sized = [_of_size(task, options) for task in tasks]
                self._works[known] = assumed_work(sized, plain, limit, self._beside(tasks), objectives)
            work = self._works[known]
        return _cost(job, " > ".join(lineage), options, work, shape, rate, teacher)

    def _teacher(self, text: str, own: Shape | None, counted: _Counted) -> Shape | None:
        """The shape of a teacher, which is the model's own where a stage teaches itself."""
        return own if text in ("", OWN_TEACHER) else self._shape(text, counted)

    def _beside(self, tasks: Sequence[IntermediateTask]) -> int | None:
        """The place of a task without labels among several, such as running text, which is trained beside the others."""
        kinds = [self.registry.family(task.family).examples for task in tasks]
        unlabelled = [not any(getattr(kind, "label_field", "label") for kind in found) for found in kinds]
        return unlabelled.index(True) if len(tasks) > 1 and True in unlabelled else None

    def _planned(self, job: Job, lengths: RowLengths | None) -> tuple[list[PlannedUnit], Work]:
        """The units of a run, perturbed ones apart, and the tokens of scoring all of them."""
        rows = lengths.by_family if lengths is not None else {}
        selection = [job.benchmark, job.tasks, job.languages, job.options.split, job.options.perturb, job.options.limit]
        selection.append(job.options.mixed_pairs)
        known = json.dumps([*selection, job.options.data_dir, sorted(map(repr, rows.items()))])
        if known not in self._plans:
            planned = make_plan(
                self.registry,
                self._access(job.options),
                benchmark=job.benchmark,
                tasks=job.tasks,
                languages=job.languages,
                split=job.options.split,
            )
            work = scoring_work(planned, rows, job.options.limit)
            for kind in job.options.perturb:
                able = [e for e in planned if applies(kind, self.registry.family(e.task.family).examples)]
                work += scoring_work(able, rows, job.options.limit)
            if job.options.mixed_pairs:
                mixed = [e for e in planned if can_mix(e.task, self.registry, job.options.split)]
                languages = Counter(entry.task.name for entry in mixed)
                for entry in mixed:  # each language with every other
                    work += scoring_work([entry] * (languages[entry.task.name] - 1), rows, job.options.limit)
            self._plans[known] = (planned, work)
        return self._plans[known]

    def _access(self, options: EvalOptions) -> DataAccess:
        """Data as a run reads it if it is to be measured, else what is on this machine."""
        offline = options.offline or not self.measure
        return self._data.setdefault(options.data_dir, DataAccess.of(self.registry, options.data_dir, offline=offline))


def _cost(
    job: Job,
    lineage: str,
    options: TrainOptions,
    work: Work | None,
    shape: Shape | None,
    rate: Rate | None,
    teacher: Shape | None,
) -> StageCost:
    found = StageCost(job.model, lineage, options.seed, 1, work)
    if shape is None:
        return found
    again = options.gradient_checkpointing
    memory = training_bytes(shape, options, job.options.quant) + (scoring_bytes(teacher) if teacher else 0.0)
    found = replace(found, memory=max(memory, scoring_bytes(shape, job.options.quant)))
    if work is None:
        return found
    return replace(
        found,
        operations=operations(shape, work, recomputed=again, teacher=teacher),
        seconds=seconds(shape, work, rate, recomputed=again, teacher=teacher) if rate else None,
    )


def _usual(model: str) -> str:
    """The device that a model is expected to be trained on."""
    return "cpu" if parse_model(model).kind in ("tiny", "demo") else "h100"


def _with_rows(task: IntermediateTask, original: IntermediateTask) -> IntermediateTask:
    """The task with a number of rows: in languages whose number is not known, that of the original, for each of them."""
    rows = original.train.rows
    if task.train.rows is not None or rows is None:
        return task
    return _of_rows(task, rows * (task.name.count(",") + 1))


def _is_translated(split: Split) -> bool:
    """Tells whether all that is known of a split in other languages are translations."""
    parts = [part for part in split.parts if part.language != "en"]
    return bool(parts) and all(source.origin != "native" for part in parts for source in part.sources)


def _of_size(task: IntermediateTask, options: TrainOptions) -> IntermediateTask:
    """The task with at least as many rows as it is to be trained on: own data of that size are yet to be put there."""
    if options.train_size > (task.train.rows or 0):
        return _of_rows(task, options.train_size)
    return task


def _of_rows(task: IntermediateTask, rows: int) -> IntermediateTask:
    return replace(task, train=Split(*task.train.sources, rows=rows, language=task.train.language))
