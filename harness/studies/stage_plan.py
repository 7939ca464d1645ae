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
from harness.models.device import choose_device, choose_dtype
from harness.models.reference import parse_model
from harness.models.resolve import resolve_model
from harness.studies.job import Job
from harness.training.chain import Stages
from harness.types.progress import ProgressListener

if TYPE_CHECKING:
    from harness.evaluation.plan import PlannedUnit
    from harness.models.resolve import ResolvedModel
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
    check_options(_planned(job, registry), _stages(job, registry, device="", dtype="", reporter=ProgressListener()))


def plan_stages(job: Job, registry: Registry, reporter: ProgressListener) -> StagePlan:
    """Plans the stages of a job. Trains nothing and loads no weights, but reads training data, which are in the keys.

    A baseline has none. Raises :class:`~harness.core.errors.HarnessError` where the model or the plan cannot be had.
    """
    device = choose_device(job.options.device)
    dtype = choose_dtype(job.options.dtype, device)
    stages = _stages(job, registry, device=device, dtype=dtype, reporter=reporter)
    model = _model(job, registry)
    if model is None:
        return StagePlan(stages, ())
    stages.start_from(model)
    return StagePlan(stages, tuple(required_stages(_planned(job, registry), stages, model)))


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


def _planned(job: Job, registry: Registry) -> list[PlannedUnit]:
    options = job.options
    return make_plan(
        registry,
        benchmark=job.benchmark,
        tasks=job.tasks,
        languages=job.languages,
        split=options.split,
        data_dir=Path(options.data_dir) if options.data_dir else None,
        offline=options.offline,
        perturb=options.perturb,
    )


def _stages(job: Job, registry: Registry, *, device: str, dtype: str, reporter: ProgressListener) -> Stages:
    root = Path(job.options.stages_dir) if job.options.stages_dir else Path(job.out).parent / "stages"
    recipe = find_recipe(job.options.recipe, registry, parse_model(job.model))
    return Stages(registry, recipe, job.seeded, device=device, dtype=dtype, root=root, begin=reporter.training)


def _model(job: Job, registry: Registry) -> ResolvedModel | None:
    reference = parse_model(job.model)
    if reference.kind == "baseline":
        return None
    return resolve_model(
        reference,
        offline=job.options.offline,
        loader=registry.hook.harness_load_encoder,
        allow_pickle=job.options.allow_pickle,
        trust_remote_code=job.options.trust_remote_code,
    )
