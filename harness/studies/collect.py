"""The runs of a study's folder as they are: how far each has come, and the score or the want of every unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from harness.analysis.effects.observations import Observation
from harness.core.damage import Damaged
from harness.core.errors import DataError, HarnessError
from harness.core.sealed import read_sealed
from harness.data.mixed_pairs import can_mix
from harness.data.perturb import applies, split_name, split_of
from harness.registry.select import select
from harness.report.study.content import Cost, StudyRun, StudyUnit
from harness.results.inventory import JOBS
from harness.results.run_view import RunView
from harness.results.systems import load_run
from harness.scoring.scores import UnitScore, mean_estimate
from harness.studies.cost import Work, operations
from harness.studies.grid import Cell, cells
from harness.studies.job import read_job, read_result
from harness.studies.measured import checklist_file, question_tasks, read_measured, token_factors, tokens_file
from harness.studies.model_shapes import Shape, shape_in, shape_of
from harness.studies.search import RECIPE
from harness.studies.search_report import FILE as SEARCHES
from harness.types.studies import Arm, Study, named_stages
from harness.types.units import CHECKLIST, MIXED_PAIRS, Unit, mixed_languages

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.record import StageRecord, UnitRecord

_HOUR = 3600


@dataclass(frozen=True)
class Collected:
    """A study's runs and units, and the views of the runs that have begun, by folder."""

    runs: tuple[StudyRun, ...]
    units: tuple[StudyUnit, ...]
    views: Mapping[str, RunView]


def arms_of(study: Study) -> tuple[Arm, ...]:
    """The arms of a study; one without any has an arm for each item of ``via``."""
    return study.arms or tuple(Arm(named_stages(via), via) for via in study.via)


def collect(study: Study, folder: Path, registry: Registry) -> Collected:
    """Reads every run of the grid in the folder of the study's runs; no run need be there. Those of searches are left out.

    What a run should have scored is what the study selects, together with what any of its runs has scored.
    """
    failures = _failures(folder / JOBS)
    runs: list[StudyRun] = []
    views: dict[str, RunView] = {}
    for cell in (cell for cell in cells(study, folder) if not cell.tried):
        for seed, path in zip(cell.seeds, cell.runs, strict=True):
            run, view = _run(cell, seed, path, folder, failures)
            runs.append(run)
            if view is not None:
                views[run.folder] = view
    planned = _planned(study, registry)
    for view in views.values():
        split = view.split
        keys = (*view.record["units"], *view.missing, *view.failed)
        planned |= {unit: None for unit in map(Unit.of, keys) if split_of(unit.split)[0] == split}
    arms = {arm.name: arm.factors for arm in arms_of(study)}
    selects = {arm.name: _selected(arm, study, registry) for arm in arms_of(study) if arm.on_other_data}
    sizes = {model: _parameters(model, views, runs) for model in study.models}
    units: list[StudyUnit] = []
    for run in runs:
        factors = {**sizes[run.model], **study.model_factors.get(run.model, {}), **arms.get(run.arm, {})}
        view = views.get(run.folder)
        chosen = selects.get(run.arm.removesuffix(f"@{RECIPE}"))
        own = [unit for unit in planned if chosen is None or unit in chosen]
        units += _units(run, view, [unit for unit in own if not unit.mixed], factors)
        units += _mixed_units(run, view, [unit for unit in own if unit.mixed], factors)
        if chosen is None:
            answering = question_tasks([unit.task for unit in own], registry)
            units += _checklist_units(run, view, checklist_file(folder, run.folder), answering, study, factors)
    tokens = {path: token_factors(read_measured(path)) for path in {tokens_file(folder, run.folder) for run in runs}}
    if any(tokens.values()):
        units = [_with_tokens(unit, tokens[tokens_file(folder, unit.run.folder)]) for unit in units]
    return Collected(tuple(runs), tuple(units), views)


def costs(collected: Collected) -> Iterator[Cost]:
    """Hours, tokens and operations of the trainings, each once however many runs share it, and hours of the evaluations."""
    stages: dict[str, tuple[StageRecord, str]] = {}
    scored: set[str] = set()
    seconds, evaluated = 0.0, 0
    for view in collected.views.values():
        stages |= {stage["key"]: (stage, view.reference) for stage in view.stages}
        for unit in view.record["units"].values():
            scored.add(unit.get("checkpoint", ""))
            seconds += unit.get("seconds", 0.0)
            evaluated += 1
    before = [stage for key, stage in stages.items() if key not in scored]
    last = [stage for key, stage in stages.items() if key in scored]
    for name, those in (("intermediate stages", before), ("target stages", last)):
        if those:
            hours = sum(stage.get("seconds", 0.0) for stage, _ in those) / _HOUR
            tokens = sum(stage.get("tokens", 0) for stage, _ in those)
            work = [_operations(stage, model) for stage, model in those]
            known = [each for each in work if each is not None]
            yield Cost(name, len(those), hours, tokens or None, sum(known) if len(known) == len(work) else None)
    if evaluated:
        yield Cost("units scored", evaluated, seconds / _HOUR)


def searches(folder: Path) -> tuple[Mapping[str, Any], ...]:
    """The findings of the searches on record in the folder of the runs; () where they cannot be read."""
    try:
        return tuple(read_sealed(folder / SEARCHES)["searches"])
    except (Damaged, KeyError, TypeError):
        return ()


def _run(
    cell: Cell, seed: int, path: Path, folder: Path, failures: Mapping[Path, str]
) -> tuple[StudyRun, RunView | None]:
    where = path.relative_to(folder).as_posix()
    arm = f"{cell.arm}@{RECIPE}" if cell.beside else cell.treatment
    run = StudyRun(cell.model, arm, seed, where, "not started")
    failure = failures.get(path.absolute(), "")
    if not (path / "record.json").exists():
        return replace(run, state="failed" if failure else "not started", reason=failure), None
    try:
        view = load_run(path, where)
    except DataError as error:
        return replace(run, state="unreadable", reason=str(error)), None
    if view.finished is not None:
        return replace(run, state="finished", partial=tuple(view.partial)), view
    state = replace(run, state="failed" if failure else "unfinished", reason=failure, partial=tuple(view.partial))
    return state, view


def _parameters(model: str, views: Mapping[str, RunView], runs: Sequence[StudyRun]) -> dict[str, int]:
    """The number of parameters of a model's layers, without embeddings; {} where it cannot be told, and of a baseline."""
    shape = _shape(
        model,
        [stage for run in runs if run.model == model and run.folder in views for stage in views[run.folder].stages],
    )
    return {"parameters": shape.parameters} if shape and shape.parameters else {}


def _shape(model: str, stages: Sequence[StageRecord]) -> Shape | None:
    """The shape of a model by its name, or by the configuration of a checkpoint that was trained from it."""
    with suppress(HarnessError):
        return shape_of(model)
    for folder in dict.fromkeys(stage.get("folder") for stage in stages):
        with suppress(HarnessError):
            if folder:
                return shape_in(Path(folder))
    return None


def _operations(stage: StageRecord, model: str) -> float | None:
    """Floating-point operations of a training, from the tokens that it was counted to read; None where that is not known."""
    shape = _shape(model, [stage])
    tokens, steps = float(stage.get("tokens", 0)), stage.get("steps", 0)
    options: Mapping[str, Any] = {**stage["options"]}
    if shape is None or not (tokens and steps and options.get("batch")):
        return None
    work = Work(trained=tokens, length=tokens / (steps * options["batch"]))
    return operations(shape, work, recomputed=bool(options.get("gradient_checkpointing")))


def _failures(folder: Path) -> dict[Path, str]:
    """The messages of evaluations that failed as a whole, by the folder of their run."""
    found: dict[Path, str] = {}
    for path in sorted(folder.glob("evaluation-*.result.json")):
        try:
            job = read_job(path.with_name(path.name.removesuffix(".result.json") + ".json"))
            result = read_result(path)
        except DataError:
            continue  # of another version, or half of one: the run itself says how far it is
        if result is not None and not result.done:
            found[Path(job.folder, job.out).absolute()] = (
                f"{result.message} ({result.hint})" if result.hint else result.message
            )
    return found


def _selected(arm: Arm, study: Study, registry: Registry) -> set[Unit]:
    """The units that an arm on other data is restricted to."""
    return set(select(registry, study.benchmark or None, arm.tasks or study.tasks, study.languages))


def _planned(study: Study, registry: Registry) -> dict[Unit, None]:
    """Every unit that a run of the study scores, whether or not there are data."""
    plain = select(registry, study.benchmark or None, study.tasks, study.languages)
    found = dict.fromkeys(plain)
    for kind in study.perturb:
        able = (unit for unit in plain if applies(kind, registry.family(registry.task(unit.task).family).examples))
        found |= dict.fromkeys(replace(unit, split=split_name(unit.split, kind)) for unit in able)
    if study.mixed_pairs:
        mixed = [unit for unit in plain if can_mix(registry.task(unit.task), registry, unit.split)]
        pairs = ((first, second) for first, second in product(mixed, mixed) if first.task == second.task)
        found |= dict.fromkeys(
            replace(first, language=mixed_languages(first.language, second.language))
            for first, second in pairs
            if first != second
        )
    return found


def _units(
    run: StudyRun, view: RunView | None, planned: Sequence[Unit], factors: Mapping[str, Any]
) -> Iterator[StudyUnit]:
    stages = {stage["key"]: stage for stage in view.stages} if view else {}
    for unit in planned:
        made = StudyUnit(run, unit.task, unit.language, split_of(unit.split)[1])
        if view is None:
            yield made
            continue
        clean = replace(unit, split=split_of(unit.split)[0]).key  # what has no data has no perturbed variant either
        if unit.key in view.failed:
            yield replace(made, state="failed", reason=view.failed[unit.key])
        elif unit.key in view.missing or clean in view.missing:
            yield replace(made, state="missing", reason=view.missing.get(unit.key) or view.missing[clean])
        elif (record := view.record["units"].get(unit.key)) is None:
            yield made if view.finished is None else replace(made, state="missing", reason="not among the run's units")
        elif record["score"] is None:
            yield replace(made, state="missing", reason="there are no labels")
        else:
            yield _scored(made, view, record, stages.get(record.get("checkpoint", "")), factors)


def _mixed_units(
    run: StudyRun, view: RunView | None, planned: Sequence[Unit], factors: Mapping[str, Any]
) -> Iterator[StudyUnit]:
    """Pairs of mixed languages as a unit for each language of first texts: the mean over all languages of second ones.

    The mean over these is that over all pairs. A language without data is in no pair.
    """
    absent = view.missing if view else {}
    rows: dict[tuple[str, str], list[Unit]] = {}
    for unit in planned:
        if not any(replace(unit, language=code).key in absent for code in unit.languages):
            rows.setdefault((unit.task, unit.languages[0]), []).append(unit)
    for (task, language), pairs in rows.items():
        made = StudyUnit(run, task, language, MIXED_PAIRS)
        found = list(_units(run, view, pairs, factors))
        lacking = next((each for each in found if each.observation is None), None)
        if lacking is not None:
            yield replace(made, state=lacking.state, reason=lacking.reason)
            continue
        seen = [each.observation for each in found if each.observation is not None]
        score = fmean(each.score for each in seen)
        mean = replace(seen[0], language=language, score=score, perturbation=MIXED_PAIRS)
        yield replace(made, state="scored", observation=mean, checkpoint=found[0].checkpoint)


def _checklist_units(
    run: StudyRun, view: RunView | None, path: Path, tasks: Sequence[str], study: Study, factors: Mapping[str, Any]
) -> Iterator[StudyUnit]:
    """Units of what a run's model passes of MultiCheckList, by language; the English one where it was not asked."""
    content = read_measured(path) if tasks else {}
    if not content:
        if study.checklist and tasks:
            made = StudyUnit(run, tasks[0], "en", CHECKLIST)
            why = "not asked yet: harness study measure --part checklist"
            yield made if view is None else replace(made, state="missing", reason=why)
        return
    for code, each in content["languages"].items():
        seen = Observation(
            model=run.model,
            arm=run.arm,
            task=content["task"],
            language=code,
            seed=run.seed,
            score=100 - each["error_rate"],
            n=sum(cases for _, cases in each["tests"].values()),
            factors=factors,
            perturbation=CHECKLIST,
        )
        made = StudyUnit(run, seen.task, code, CHECKLIST, state="scored", observation=seen)
        yield replace(made, checkpoint=str(content["checkpoint"]))


def _with_tokens(unit: StudyUnit, tokens: Mapping[str, Mapping[str, float]]) -> StudyUnit:
    if unit.observation is None or unit.language not in tokens:
        return unit
    seen = unit.observation
    return replace(unit, observation=replace(seen, factors={**seen.factors, **tokens[unit.language]}))


def _scored(
    unit: StudyUnit, view: RunView, record: UnitRecord, stage: StageRecord | None, factors: Mapping[str, Any]
) -> StudyUnit:
    assert record["score"] is not None
    score = UnitScore.from_dict(record["score"])
    task = view.tasks.get(unit.task)
    primary = [name for name in (task.primary if task else ()) if name in score.metrics] or list(score.metrics)[:1]
    mean = mean_estimate([score.metrics[name] for name in primary])
    seen = Observation(
        model=unit.run.model,
        arm=unit.run.arm,
        task=unit.task,
        language=unit.language,
        seed=unit.run.seed,
        score=mean.value,
        n=score.n,
        chance=mean.chance.level if mean.chance else None,
        english_dev=stage.get("dev_score") if stage else None,
        dev_loss=stage.get("dev_loss") if stage else None,
        factors=factors,
        perturbation=unit.perturbation,
    )
    return replace(
        unit,
        state="scored",
        observation=seen,
        low=mean.low,
        high=mean.high,
        metrics={name: score.metrics[name].value for name in primary},
        checkpoint=record.get("checkpoint", ""),
    )
