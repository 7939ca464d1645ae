"""The stages that evaluations need, with their keys; those that several share become jobs of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api import find_recipe
from harness.core.errors import DataError, ModelError, PluginError
from harness.evaluation.groups import chain, check_options, required_stages
from harness.evaluation.plan import make_plan
from harness.inference.session import Compute
from harness.models.reference import parse_model
from harness.models.resolve import Access, resolve_model
from harness.studies.job import Job
from harness.training.chain import Stages
from harness.training.context import RunContext
from harness.types.progress import ProgressListener

if TYPE_CHECKING:
    from harness.evaluation.plan import PlannedUnit
    from harness.registry.registry import Registry
    from harness.training.stage import Stage


@dataclass(frozen=True)
class StagePlan:
    """The stages that a job's selection leads to, parents first, and what trains them."""

    stages: Stages
    required: tuple[Stage, ...]

    def folder(self, stage: Stage) -> Path:
        """Where the checkpoint of a stage is, or will be."""
        return stage.folder(self.stages.root)


def check_job(job: Job, registry: Registry) -> None:
    """Refuses what the job's process would refuse: an unknown task, recipe or option. Loads no model, reads no examples."""
    context = _context(job, registry, Compute())
    check_options(_planned(job, context), context)


def plan_stages(job: Job, registry: Registry, reporter: ProgressListener) -> StagePlan:
    """Plans the stages of a job. Trains nothing and loads no weights, but reads training data, which are in the keys.

    A baseline has none. Raises :class:`~harness.core.errors.HarnessError` where the model or the plan cannot be had.
    """
    reference = parse_model(job.model)
    found = None if reference.kind == "baseline" else resolve_model(reference, Access.of(job.options, registry))
    context = _context(job, registry).of_model(found)
    root = Path(job.options.stages_dir) if job.options.stages_dir else Path(job.out).parent / "stages"
    stages = Stages(context, root, reporter.training)
    if found is None:
        return StagePlan(stages, ())
    return StagePlan(stages, tuple(required_stages(_planned(job, context), context, stages, found)))


def with_shared_stages(evaluations: Sequence[Job], registry: Registry) -> list[Job]:
    """The evaluations and, before them, a job for every stage that more than one of them needs.

    A stage job needs that of the stage before it, an evaluation those of all its shared stages. An evaluation whose
    stages cannot be told stands alone: it will say itself what is wrong.
    """
    plans: dict[str, StagePlan] = {}
    for job in evaluations:
        try:
            plans[job.key] = plan_stages(job, registry, ProgressListener())
        except (DataError, ModelError, PluginError):
            continue
    count = Counter(stage.key for plan in plans.values() for stage in plan.required)
    found: dict[str, Job] = {}
    waiting = []
    for job in evaluations:
        plan = plans.get(job.key)
        shared = [stage for stage in plan.required if count[stage.key] > 1] if plan else []
        for stage in shared:
            if plan and stage.key not in found:
                found[stage.key] = stage_job(job, plan, stage)
        waiting.append(replace(job, needs=(*job.needs, *(stage.key for stage in shared))))
    return [*found.values(), *waiting]


def stage_job(job: Job, plan: StagePlan, stage: Stage) -> Job:
    """The job that trains a stage of an evaluation's plan; a parent is shared by all who share the stage."""
    lineage = chain(stage)
    seed = "" if job.seed is None else f", seed {job.seed}"
    return replace(
        job,
        name=f"stage {' > '.join(each.name for each in lineage)} of {job.model}{seed}",
        kind="stage",
        stage=stage.key,
        out=str(plan.folder(stage)),
        options=replace(job.options, stages_dir=str(plan.stages.root)),
        needs=tuple(each.key for each in lineage[-2:-1]),
    )


def _context(job: Job, registry: Registry, compute: Compute | None = None) -> RunContext:
    recipe = find_recipe(job.options.recipe, registry, parse_model(job.model))
    return RunContext.of(registry, recipe, job.seeded, compute)


def _planned(job: Job, context: RunContext) -> list[PlannedUnit]:
    return make_plan(
        context.registry,
        context.data,
        benchmark=job.benchmark,
        tasks=job.tasks,
        languages=job.languages,
        split=job.options.split,
        perturb=job.options.perturb,
    )
