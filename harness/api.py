"""The one-call Python interface; the command line is a thin layer over it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.damage import Damaged
from harness.core.errors import DataError, UsageError
from harness.types.options import EvalOptions, as_plain, load_recipe_file, seeded
from harness.types.tasks import Recipe

if TYPE_CHECKING:
    from harness.analysis.breakdown.compute import Breakdown
    from harness.analysis.checklist.results import Results
    from harness.models.loaded import LoadedModel
    from harness.models.reference import ModelReference
    from harness.registry.registry import Registry
    from harness.run import Comparison, Run
    from harness.scoring.scores import BenchmarkScore
    from harness.training.stage import TrainedStage
    from harness.types.progress import ProgressListener

    System = str | Path | Run | Sequence[str | Path | Run]


def evaluate(
    model: str | LoadedModel,
    tasks: Sequence[str] = (),
    *,
    benchmark: str | None = None,
    languages: Sequence[str] = (),
    out: str | Path | None = None,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    reporter: ProgressListener | None = None,
) -> Run:
    """Fine-tunes on English where needed and scores every selected unit zero-shot.

    ``model`` is a model string (Hub id, ``org/name@revision``, folder, ``tiny``, ``baseline:majority``), or the pair
    ``(model, tokenizer)`` of a loaded model. ``tasks`` are selectors ("xnli", "x*", "xnli[sw,ur]"). ``out`` is the run
    folder, ``runs/<model>-<benchmark or tasks>`` if left out; the same call on the same folder does only what is
    missing, and several processes that make it share the work. Units without data are listed in ``Run.missing``.

    Raises :class:`~harness.core.errors.HarnessError` (its subclass says what kind); units that fail on their own do not
    raise but are listed in ``Run.failed``. Under ``accelerate launch`` all processes train, and the first one scores;
    the others return a run without scores.
    """
    from harness.core.offline import without_network
    from harness.evaluation.completion import adhoc_benchmark, finish
    from harness.evaluation.evaluator import Evaluator
    from harness.evaluation.observers import Observed
    from harness.evaluation.plan import make_plan
    from harness.models.loaded import loaded_folder, model_reference
    from harness.registry.default import get_registry
    from harness.run import Run
    from harness.runs.folder import RunFolder
    from harness.scoring.aggregate import aggregate
    from harness.training.processes import process_count, process_index
    from harness.types.progress import ProgressListener as Silent

    options = options or EvalOptions()
    registry = registry or get_registry()
    reference = model_reference(model)
    recipe = find_recipe(options.recipe, registry, reference)
    planned = make_plan(
        registry,
        benchmark=benchmark,
        tasks=tasks,
        languages=languages,
        split=options.split,
        data_dir=Path(options.data_dir) if options.data_dir else None,
        offline=options.offline,
        perturb=options.perturb,
    )
    if not any(entry.present for entry in planned):
        first = planned[0]
        raise DataError(
            f"none of the {len(planned)} selected units has data; {first.unit.key}: {first.reason}",
            hint="--data-dir names a folder in the Hub's layout; `harness data sample FOLDER` writes one to try",
        )
    where = Path(out) if out else default_out(model, benchmark, tasks, options)
    folder = RunFolder(where)
    with without_network(options.offline), loaded_folder(model, where) as loaded:
        if process_count() > 1:
            # Training is shared; scores come from one process, so that none waits for another while predicting.
            Evaluator(folder, registry, reference, recipe, options, reporter or Silent(), loaded).train_all(planned)
            if process_index() > 0:
                return Run(where, folder.record, aggregate(adhoc_benchmark(planned), {}, {}))
        observed = Observed(reporter or Silent(), registry.hook, where)
        evaluator = Evaluator(folder, registry, reference, recipe, options, observed, loaded)
        evaluator.check(planned)
        evaluator.resolve()
        with folder.joined(evaluator.identity(planned)):
            units = [entry.unit.key for entry in planned]
            plain = as_plain(options)
            registry.hook.harness_run_started(folder=where, model=str(reference), units=units, options=plain)
            scored = evaluator.evaluate(planned, benchmark)
            record, scores = finish(folder, registry, benchmark, scored)
            registry.hook.harness_run_finished(folder=where, record=record)
            return Run(where, record, scores)


def evaluate_seeds(
    model: str | LoadedModel,
    seeds: Sequence[int],
    tasks: Sequence[str] = (),
    *,
    out: str | Path,
    options: EvalOptions | None = None,
    **more: Any,
) -> list[Run]:
    """One run for each seed of the training, in ``out/seed-<n>``, with their stages beside them; ``seeds.json`` sums up."""
    from harness.results.seeds import SUMMARY, seed_folder, summarise, write_summary

    if len(set(seeds)) != len(seeds):
        raise UsageError(f"seeds {', '.join(map(str, seeds))}: each seed once")
    runs = []
    for seed in seeds:
        own = seeded(options or EvalOptions(), seed)
        runs.append(evaluate(model, tasks, out=seed_folder(Path(out), seed), options=own, **more))
        (Path(out) / SUMMARY).unlink(missing_ok=True)  # an earlier command's, until all seeds are done
    write_summary(summarise([run.scores.to_dict() for run in runs], seeds), Path(out))
    return runs


def train(
    model: str | LoadedModel,
    task: str,
    *,
    out: str | Path,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    reporter: ProgressListener | None = None,
) -> TrainedStage:
    """Trains one stage ("mnli", or "mnli+squad" on one encoder) after ``options.via``, into the folder ``out``.

    The folder is a transformers checkpoint with a ``stage.json``; an unfinished training goes on, a finished one is
    returned as it is. Raises :class:`~harness.core.errors.HarnessError`.
    """
    from harness.core.offline import without_network
    from harness.evaluation.observers import Observed
    from harness.models.device import choose_device, choose_dtype
    from harness.models.loaded import loaded_folder, model_reference
    from harness.models.quantised import check_quant
    from harness.models.resolve import resolve_model
    from harness.registry.default import get_registry
    from harness.training.chain import Stages
    from harness.training.processes import process_count
    from harness.training.shared import train_when_free
    from harness.training.stage import Foreign, stored
    from harness.types.progress import ProgressListener as Silent

    options = options or EvalOptions()
    registry = registry or get_registry()
    folder = Path(out)
    reporter = Observed(reporter or Silent(), registry.hook, folder)
    reference = model_reference(model)
    device = choose_device(options.device)
    check_quant(options.quant, device)
    stages = Stages(
        registry,
        find_recipe(options.recipe, registry, reference),
        options,
        device=device,
        dtype=choose_dtype(options.dtype, device),
        root=Path(options.stages_dir) if options.stages_dir else folder.parent / "stages",
        begin=reporter.training,
    )
    stages.check_options([*options.via, task])
    with without_network(options.offline), loaded_folder(model, _parent(folder)) as loaded:
        loader = registry.hook.harness_load_encoder
        resolved = loaded or resolve_model(
            reference,
            offline=options.offline,
            loader=loader,
            allow_pickle=options.allow_pickle,
            trust_remote_code=options.trust_remote_code,
        )
        stages.start_from(resolved)
        stage = stages.last([*options.via, task], resolved)
        with suppress(Damaged):  # a damaged checkpoint of this very stage is set aside
            try:
                stored(stage, folder)
            except Foreign as found:
                raise UsageError(
                    f"{folder}: holds something else ({found})", hint="choose another --out, or remove the folder"
                ) from None
        if process_count() > 1:
            return stages.train(stage, folder)
        return train_when_free(stages, stage, folder)


def score(
    predictions: str | Path, labels: str | Path, benchmark: str = "xtreme", *, registry: Registry | None = None
) -> BenchmarkScore:
    """Scores a folder of predictions against a folder of labels, both in the official submission layout.

    Raises :class:`~harness.core.errors.DataError` naming file and line for anything malformed or missing.
    """
    from functools import partial

    from harness.registry.default import get_registry
    from harness.scoring.files import TaskScorer, score_folders

    registry = registry or get_registry()
    scorer = partial(TaskScorer.of, registry)
    return score_folders(Path(predictions), Path(labels), registry.benchmark(benchmark), scorer)


def compare(
    systems: Sequence[System],
    *,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    resamples: int = 10_000,
    registry: Registry | None = None,
) -> Comparison:
    """Compares systems with the first of them, paired by example: differences, intervals, tests, Holm's correction.

    A system is a run folder, a :class:`~harness.run.Run`, several of these that differ by the training seed alone,
    or the folder that holds them (``seeds.json``). ``tasks`` are selectors ("xnli", "x*", "xnli[sw,ur]"), ``languages``
    codes; units that not all runs have are listed in ``Comparison.left_out``. More ``resamples`` make smaller p-values of
    the bootstrap possible.

    Raises :class:`~harness.core.errors.DataError` where the runs differ in task version, data or labels, and
    :class:`~harness.core.errors.UsageError` where they share nothing or are not seeds of one system.
    """
    from harness.analysis.comparison.compare import compare_systems
    from harness.registry.default import get_registry
    from harness.run import Comparison

    def folder(run: str | Path | Run) -> Path:
        return Path(run) if isinstance(run, str | Path) else run.path

    groups = [
        [folder(run) for run in system]
        if isinstance(system, Sequence) and not isinstance(system, str)
        else [folder(system)]
        for system in systems
    ]
    return Comparison(**vars(compare_systems(groups, registry or get_registry(), tasks, languages, resamples)))


def report(
    runs: Sequence[str | Path],
    format: str = "text",
    *,
    data_dir: str | Path | None = None,
    registry: Registry | None = None,
) -> str:
    """Reports run folders side by side, with differences from the first, in a format of ours or of a plugin.

    ``data_dir`` has the examples that the page (``html``) shows. Raises :class:`~harness.core.errors.DataError` for a
    folder without a complete record, :class:`~harness.core.errors.UsageError` for an unknown format.
    """
    from harness.registry.default import get_registry
    from harness.report.formats import report

    return report([Path(run) for run in runs], registry or get_registry(), format, data_dir)


def breakdown(
    run: str | Path,
    *,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    attributes: Sequence[str] = (),
    data_dir: str | Path | None = None,
    registry: Registry | None = None,
) -> list[Breakdown]:
    """Breaks the scores of a run down by attributes of its examples: length, overlap, the type of the answer.

    See :func:`harness.analysis.breakdown.compute.breakdown`.
    """
    from harness.analysis.breakdown.compute import breakdown
    from harness.registry.default import get_registry

    return breakdown(
        Path(run),
        registry or get_registry(),
        tasks=tasks,
        languages=languages,
        attributes=attributes,
        data_dir=data_dir,
    )


def checklist(model: str, *, registry: Registry | None = None, **options: Any) -> Results:
    """Asks a model that answers questions the tests of MultiCheckList; returns its error rates.

    ``options`` are those of :func:`harness.analysis.checklist.run.checklist`.
    """
    from harness.analysis.checklist.run import checklist
    from harness.registry.default import get_registry

    return checklist(model, registry or get_registry(), **options)


def _parent(folder: Path) -> Path:
    """The folder around a checkpoint, made if need be."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder.parent}: cannot be made: {error.strerror}", hint="choose another --out") from None
    return folder.parent


def find_recipe(name: str, registry: Registry, model: ModelReference) -> Recipe:
    """A recipe by name, from a TOML file, or ("auto") the one for the model."""
    from harness.models.reference import default_recipe

    if name == "auto":
        name = default_recipe(model)
    return load_recipe_file(Path(name)) if name.endswith(".toml") else registry.recipe(name)


def default_out(
    model: str | LoadedModel, benchmark: str | None, tasks: Sequence[str], options: EvalOptions | None = None
) -> Path:
    """The run folder of :func:`evaluate` without ``out``: ``runs/`` and :func:`~harness.runs.naming.run_name`."""
    from harness.models.loaded import model_reference
    from harness.runs.naming import run_name

    return Path("runs") / run_name(model_reference(model), benchmark, tasks, options or EvalOptions())
