"""The stages that evaluations need, with their keys; those that several share become separate jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError, ModelError, PluginError, UsageError
from harness.core.offline import without_network
from harness.data.access import DataAccess
from harness.evaluation.groups import chain, check_options, required_stages
from harness.evaluation.plan import check_selected, make_plan
from harness.inference.session import Compute
from harness.models.reference import parse_model
from harness.models.resolve import Access, resolve_model
from harness.studies.job import Job
from harness.training.chain import Stages
from harness.training.context import RunContext
from harness.training.recipes import find_recipe
from harness.types.progress import ProgressListener

if TYPE_CHECKING:
    from harness.evaluation.plan import PlannedUnit
    from harness.models.resolve import ResolvedModel
    from harness.registry.registry import Registry
    from harness.training.stage import Stage


@dataclass(frozen=True)
class StagePlan:
    """The stages that a job's selection leads to, and what trains them; ``model`` is None for a baseline, which has none."""

    stages: Stages
    model: ResolvedModel | None
    planned: Sequence[PlannedUnit]

    def required(self) -> Iterator[Stage]:
        """The stages, parents first; each is yielded as soon as the training data that lead to it are read."""
        if self.model is not None:
            yield from required_stages(self.planned, self.stages.context, self.stages, self.model)

    def folder(self, stage: Stage) -> Path:
        """Folder of a stage's checkpoint, which may not be there yet."""
        return stage.folder(self.stages.root)


def check_job(job: Job, registry: Registry) -> None:
    """Refuses what the job's process would refuse: an unknown task, recipe or option. Loads no model, reads no examples."""
    context = _context(job, registry, Compute())
    check_options(_planned(job, context), context)


def plan_stages(job: Job, registry: Registry, reporter: ProgressListener, data: DataAccess | None = None) -> StagePlan:
    """Plans the stages of a job. Trains nothing and loads no weights, but reads training data, which are in the keys.

    ``data`` may have read some of them already. Raises :class:`~harness.core.errors.HarnessError` where the model cannot
    be found or the plan cannot be made.
    """
    reference = parse_model(job.model)
    found = None if reference.kind == "baseline" else resolve_model(reference, Access.of(job.options, registry))
    context = _context(job, registry).of_model(found)
    if data is not None:
        context = replace(context, data=data)
    root = Path(job.options.stages_dir) if job.options.stages_dir else Path(job.out).parent / "stages"
    return StagePlan(Stages(context, root, reporter.training), found, _planned(job, context))


def with_shared_stages(evaluations: Sequence[Job], registry: Registry) -> list[Job]:
    """The evaluations and, behind them, a job for every stage that more than one of them needs.

    A stage job needs that of the stage before it, an evaluation those of all its shared stages. An evaluation whose
    stages cannot be determined shares none: its own run reports what is wrong. One with a choice yet to be made counts
    with the recipe's own value, with which there is another anyway.
    """
    data: dict[tuple[str | None, bool], DataAccess] = {}  # training data are read once for all
    needed: dict[str, list[Job]] = {}
    for job in evaluations:
        folder, offline = job.options.data_dir, job.options.offline
        own = data.setdefault((folder, offline), DataAccess.of(registry, folder, offline=offline))
        with suppress(DataError, ModelError, PluginError, UsageError), without_network(offline):
            plan = plan_stages(job, registry, ProgressListener(), own)
            needed[job.key] = [stage_job(job, plan, stage) for stage in plan.required()]
    count = Counter(stage.key for stages in needed.values() for stage in stages)
    shared: dict[str, Job] = {}
    waiting = []
    for job in evaluations:
        stages = [stage for stage in needed.get(job.key, ()) if count[stage.key] > 1]
        shared |= {stage.key: stage for stage in stages if stage.key not in shared}
        waiting.append(replace(job, needs=(*job.needs, *(stage.key for stage in stages))))
    return [*waiting, *shared.values()]


def stage_job(job: Job, plan: StagePlan, stage: Stage) -> Job:
    """The job that trains a stage of an evaluation's plan; what it needs itself is shared by all who share the stage."""
    lineage = chain(stage)
    return replace(
        job,
        name=f"stage {' > '.join(each.name for each in lineage)} of {job.model}, seed {stage.options.seed}",
        kind="stage",
        choice=None,
        stage=stage.key,
        out=str(plan.folder(stage)),
        options=replace(job.options, stages_dir=str(plan.stages.root)),
        needs=tuple(each.key for each in stage.prerequisites),
    )


def _context(job: Job, registry: Registry, compute: Compute | None = None) -> RunContext:
    recipe = find_recipe(job.options.recipe, registry, parse_model(job.model))
    return RunContext.of(registry, recipe, job.seeded, compute)


def _planned(job: Job, context: RunContext) -> list[PlannedUnit]:
    check_selected(job.benchmark, job.tasks)
    return make_plan(
        context.registry,
        context.data,
        benchmark=job.benchmark,
        tasks=job.tasks,
        languages=job.languages,
        split=job.options.split,
        perturb=job.options.perturb,
        mixed_pairs=job.options.mixed_pairs,
        test_on=job.options.test_on,
        train_on=job.options.train_on,
    )
