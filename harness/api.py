"""The one-call Python interface; the command line is a thin layer over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

from harness.core.damage import Damaged
from harness.core.errors import DataError, UsageError
from harness.types.defaults import CHECKLIST_CASES, RESAMPLES
from harness.types.keywords import Keywords, shows_keywords, texts, with_keywords
from harness.types.options import EvalOptions, as_plain

if TYPE_CHECKING:
    from harness.analysis.breakdown.compute import Breakdown
    from harness.analysis.checklist.results import Results
    from harness.models.loaded import LoadedModel
    from harness.models.reference import ModelReference
    from harness.models.resolve import ResolvedModel
    from harness.registry.registry import Registry
    from harness.retrieval.mine_files import MiningOptions
    from harness.run import Comparison, Run, SeedRuns
    from harness.scoring.scores import BenchmarkScore
    from harness.studies.analyse import StudyAnalysis
    from harness.training.chain import Stages
    from harness.training.stage import Stage, TrainedStage
    from harness.types.progress import ProgressListener

    System = str | Path | Run | Sequence[str | Path | Run]


@overload
def evaluate(
    model: str | ModelReference | LoadedModel,
    tasks: str | Sequence[str] = ...,
    *,
    benchmark: str | None = ...,
    languages: str | Sequence[str] = ...,
    out: str | Path | None = ...,
    seeds: None = ...,
    options: EvalOptions | None = ...,
    registry: Registry | None = ...,
    reporter: ProgressListener | None = ...,
    **keywords: Unpack[Keywords],
) -> Run: ...
@overload
def evaluate(
    model: str | ModelReference | LoadedModel,
    tasks: str | Sequence[str] = ...,
    *,
    benchmark: str | None = ...,
    languages: str | Sequence[str] = ...,
    out: str | Path | None = ...,
    seeds: Sequence[int],
    options: EvalOptions | None = ...,
    registry: Registry | None = ...,
    reporter: ProgressListener | None = ...,
    **keywords: Unpack[Keywords],
) -> SeedRuns: ...
@shows_keywords
def evaluate(
    model: str | ModelReference | LoadedModel,
    tasks: str | Sequence[str] = (),
    *,
    benchmark: str | None = None,
    languages: str | Sequence[str] = (),
    out: str | Path | None = None,
    seeds: Sequence[int] | None = None,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    reporter: ProgressListener | None = None,
    **keywords: Unpack[Keywords],
) -> Run | SeedRuns:
    """Fine-tunes on English where needed and scores every selected unit zero-shot.

    ``model`` is a model string (Hub id, ``org/name@revision``, folder, ``tiny``, ``demo:e5-small``,
    ``baseline:majority``), or the pair ``(model, tokenizer)`` of a loaded model. ``tasks`` are selectors ("xnli", "x*",
    "xnli[sw,ur]"), ``languages`` codes; a single one may be given as it is. ``out`` is the run folder,
    ``runs/<model>-<benchmark or tasks>`` if left out; the same call on the same folder does only what is missing, and
    several processes that make it share the work. Units without data are listed in ``Run.missing``.

    All other keywords are the options of ``harness eval`` under the same names (``limit=100``, ``data_dir="data"``,
    ``via="mnli"``, ``seed=7``); ``options`` holds the same as one value, which keywords change. With ``seeds`` there is a
    run for each, see :func:`evaluate_seeds`. ``reporter`` is told of the progress: by default a bar in a notebook, and
    nobody elsewhere.

    Raises :class:`~harness.core.errors.HarnessError` (its subclass says what kind); units that fail on their own do not
    raise but are listed in ``Run.failed``. Under ``accelerate launch`` all processes train, and the first one scores;
    the others return a run without scores.
    """
    from harness.evaluation.evaluate_run import evaluate_run
    from harness.registry.default import get_registry
    from harness.report.notebook_progress import default_reporter
    from harness.run import Run

    selection: dict[str, Any] = {"benchmark": benchmark, "languages": texts(languages), "out": out}
    if seeds is not None:
        return evaluate_seeds(
            model, seeds, tasks, options=options, registry=registry, reporter=reporter, **selection, **keywords
        )
    chosen = with_keywords(options, keywords)
    registry = registry or get_registry()
    with default_reporter(reporter) as listener:
        done = evaluate_run(model, texts(tasks), **selection, options=chosen, registry=registry, reporter=listener)
    return Run(done.path, done.record, done.scores, registry)


@shows_keywords
def evaluate_seeds(
    model: str | ModelReference | LoadedModel,
    seeds: Sequence[int],
    tasks: str | Sequence[str] = (),
    *,
    benchmark: str | None = None,
    languages: str | Sequence[str] = (),
    out: str | Path | None = None,
    launcher: str | None = None,
    jobs: int | None = None,
    launcher_options: Mapping[str, str] | None = None,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    reporter: ProgressListener | None = None,
    **keywords: Unpack[Keywords],
) -> SeedRuns:
    """One run for each seed of the training, in ``out/seed-<n>``, as ``harness eval --seeds`` makes them.

    ``seeds.json`` in ``out`` sums up. ``launcher`` carries out ``jobs`` runs at a time, by default one after the other in
    this process; ``launcher_options`` are its settings. Stages that several runs share are trained once. Other arguments
    are those of :func:`evaluate`.
    Under ``accelerate launch``, processes other than the first return no runs.

    Raises the error of the first run that could not be made, as :func:`evaluate` does; the others are kept.
    """
    from harness.models.loaded import model_reference
    from harness.registry.default import get_registry
    from harness.report.notebook_progress import default_reporter
    from harness.run import SeedRuns, load
    from harness.runs.naming import default_out
    from harness.studies.grid import Cell, run_cells
    from harness.studies.launch import Launch
    from harness.training.processes import process_index

    chosen = with_keywords(options, keywords)
    registry = registry or get_registry()
    reference = model_reference(model)
    loaded = model if isinstance(model, tuple) else None
    where = Path(out) if out else default_out(model, benchmark, texts(tasks), chosen)
    name = f"loaded:{reference.name}" if loaded else str(reference)
    cell = Cell(name, chosen, tuple(seeds), where, benchmark, texts(tasks), texts(languages))
    with default_reporter(reporter) as listener:
        launch = Launch(launcher, jobs, launcher_options or {})
        grid = run_cells([cell], where, registry=registry, reporter=listener, launch=launch, loaded=loaded)
    if error := grid.error():
        raise error
    if process_index() > 0:
        return SeedRuns([], (), where)
    return SeedRuns([load(run, registry) for run in cell.runs], cell.seeds, where)


@shows_keywords
def train(
    model: str | LoadedModel,
    task: str,
    *,
    out: str | Path,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    reporter: ProgressListener | None = None,
    **keywords: Unpack[Keywords],
) -> TrainedStage:
    """Trains one stage ("mnli", or "mnli+squad" on one encoder) after ``options.via``, into the folder ``out``.

    The folder is a transformers checkpoint with a ``stage.json``; an unfinished training is resumed, a finished one is
    returned as it is. The other keywords are options, as in :func:`evaluate`.

    Raises :class:`~harness.core.errors.HarnessError`.
    """
    folder, options = Path(out), with_keywords(options, keywords)

    def wanted(stages: Stages, found: ResolvedModel) -> dict[Path, Stage]:
        return {folder: stages.last([*stages.context.options.via, task], found)}

    [trained] = _trained(model, folder, wanted, options, registry, reporter, expressions=[task])
    return trained


@shows_keywords
def train_adapters(
    model: str | LoadedModel,
    languages: str | Sequence[str] = (),
    *,
    out: str | Path,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    reporter: ProgressListener | None = None,
    **keywords: Unpack[Keywords],
) -> dict[str, TrainedStage]:
    """Trains a language adapter for each language on its plain text, ``DATA_DIR/text/<language>.txt``, by language.

    Without ``languages``, for every file there. An adapter is a LoRA in the format of peft, in the folder
    ``out/<language>``; ``EvalOptions.language_adapters`` takes ``out``. What is finished is left as it is, and what is
    unfinished is resumed. The other keywords are options, as in :func:`evaluate`.

    Raises :class:`~harness.core.errors.HarnessError`.
    """
    options = with_keywords(options, keywords)
    root = Path(out)
    if options.via or options.language_adapters:
        what = "via" if options.via else "language_adapters"
        raise UsageError(f"option {what}: language adapters are trained on the model as it is", hint="leave it out")
    codes = list(dict.fromkeys(texts(languages))) or _languages_with_text(options.data_dir)

    def wanted(stages: Stages, found: ResolvedModel) -> dict[Path, Stage]:
        return {root / code: stages.language_adapter(code, found) for code in codes}

    expressions = [f"mlm[{code}]" for code in codes]
    trained = _trained(model, root, wanted, options, registry, reporter, expressions=expressions, adapters=True)
    return dict(zip(codes, trained, strict=True))


def _languages_with_text(data_dir: str | None) -> list[str]:
    folder = Path(data_dir or ".") / "text"
    codes = sorted(path.stem for path in folder.glob("*.txt"))
    if not codes:
        raise DataError(
            f"{folder}: no text to train language adapters on", hint="write one file a language: DATA_DIR/text/sw.txt"
        )
    return codes


def _trained(
    model: str | LoadedModel,
    beside: Path,
    wanted: Callable[[Stages, ResolvedModel], dict[Path, Stage]],
    options: EvalOptions,
    registry: Registry | None,
    reporter: ProgressListener | None,
    *,
    expressions: Sequence[str],
    adapters: bool = False,
) -> list[TrainedStage]:
    """Trains stages into the folders that ``wanted`` names; ``beside`` is the folder that the user gave."""
    from harness.core.offline import without_network
    from harness.evaluation.groups import needed_stages
    from harness.evaluation.observers import Observed
    from harness.evaluation.tracking import Trackers, wanted_trackers
    from harness.models.loaded import loaded_folder, model_reference
    from harness.models.resolve import Access, resolve_model
    from harness.registry.default import get_registry
    from harness.report.notebook_progress import default_reporter
    from harness.training.adapter_recipe import adapter_recipe
    from harness.training.chain import Stages
    from harness.training.context import RunContext
    from harness.training.processes import process_count, process_index
    from harness.training.recipes import find_recipe
    from harness.training.shared import train_together, train_when_free
    from harness.training.stage import Foreign, stored

    registry = registry or get_registry()
    reference = model_reference(model)
    wanted_here = wanted_trackers(registry, options.track) if process_index() == 0 else []
    about = {"model": str(reference), "trains": list(expressions), **as_plain(options)}
    tracked = beside.with_name(f"{beside.name}.tracking")
    trackers = Trackers(wanted_here, beside.name, tracked, about, offline=options.offline)
    recipe = find_recipe(options.recipe, registry, reference)
    context = RunContext.of(registry, adapter_recipe(recipe) if adapters else recipe, options)
    context.check_options([*options.via, *expressions])
    with (
        default_reporter(reporter) as listener,
        without_network(options.offline),
        loaded_folder(model, _parent(beside)) as loaded,
        trackers.closing(),
    ):
        observed = Observed(listener, registry.hook, beside, trackers)
        resolved = loaded or resolve_model(reference, Access.of(options, registry))
        root = Path(options.stages_dir) if options.stages_dir else beside.parent / "stages"
        stages = Stages(context.of_model(resolved), root, observed.training)
        folders = wanted(stages, resolved)
        for folder, stage in folders.items():
            with suppress(Damaged):  # a damaged checkpoint of this very stage is set aside
                try:
                    stored(stage, folder)
                except Foreign as found:
                    raise UsageError(
                        f"{folder}: holds something else ({found})", hint="choose another --out, or remove the folder"
                    ) from None
        trained = []
        for folder, stage in folders.items():
            observed.stages(stages.coming(needed_stages(stage), folder))
            if process_count() > 1:
                trained.append(train_together(stages, stage, folder))
            else:
                trained.append(train_when_free(stages, stage, folder))
        trackers.trained([stage.summary for stage in trained])
        return trained


def score(
    predictions: str | Path,
    labels: str | Path | None = None,
    benchmark: str | None = None,
    *,
    tasks: str | Sequence[str] = (),
    languages: str | Sequence[str] = (),
    strict: bool = True,
    registry: Registry | None = None,
) -> BenchmarkScore:
    """Scores a folder of predictions against a folder of labels, both in the official submission layout.

    With ``strict``, as the official scorer does: a task counts if both have its folder, and then every language must be
    there; without, everything that both have is scored. Without ``labels``, ``predictions`` is a run folder, which has
    them, and everything in it is scored. ``benchmark`` is by default that of the run's record, or "xtreme"
    (none where ``tasks`` are others); ``tasks`` are selectors ("xnli", "x*", "xnli[sw,ur]"), ``languages`` codes.

    Raises :class:`~harness.core.errors.DataError` naming file and line for anything malformed or missing.
    """
    from harness.registry.default import get_registry
    from harness.results.rescore import score_run, score_submission

    registry = registry or get_registry()
    if labels is None:
        return score_run(Path(predictions), registry, benchmark, texts(tasks), texts(languages))
    where = Path(predictions), Path(labels)
    return score_submission(*where, registry, benchmark, texts(tasks), texts(languages), strict=strict)


def compare(
    systems: Sequence[System],
    *,
    tasks: str | Sequence[str] = (),
    languages: str | Sequence[str] = (),
    resamples: int = RESAMPLES,
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
    from harness.run import Comparison

    groups = [
        list(system) if isinstance(system, Sequence) and not isinstance(system, str) else [system] for system in systems
    ]
    registry = registry or _registry_of([run for group in groups for run in group])
    folders = [[_folder(run) for run in group] for group in groups]
    return Comparison(**vars(compare_systems(folders, registry, texts(tasks), texts(languages), resamples)))


def report(
    runs: Sequence[str | Path | Run],
    format: str = "text",
    *,
    tables: str | Sequence[str] = (),
    data_dir: str | Path | None = None,
    examples: int = 12_000,
    registry: Registry | None = None,
) -> str:
    """Reports runs, or their folders, side by side, with differences from the first, in a format of ours or of a plugin.

    ``tables`` names those that are wanted ("by-task"), all if left out; ``data_dir`` has the examples that the page
    (``html``) shows, about ``examples`` of all tasks and languages together (0: none).

    Raises :class:`~harness.core.errors.DataError` for a folder without a complete record,
    :class:`~harness.core.errors.UsageError` for an unknown format or table.
    """
    from harness.report.formats import report

    return report(
        [_folder(run) for run in runs], registry or _registry_of(runs), format, data_dir, texts(tables), examples
    )


render_report = report
"""The same as ``harness.render_report``: ``harness.report`` is the package."""


def figures(
    runs: str | Path | Run | Sequence[str | Path | Run],
    out: str | Path,
    *,
    type: str = "pdf",
    registry: Registry | None = None,
) -> list[Path]:
    """Writes figures for papers into a folder: languages of each task, transfer gaps, heat maps; returns their files.

    ``type`` is pdf, svg or png. Raises :class:`~harness.core.errors.DataError` for a folder without a complete record,
    :class:`~harness.core.errors.UsageError` for another type, and where matplotlib is not installed.
    """
    from harness.core.files import write_atomic
    from harness.report.figures import figures
    from harness.report.report import make_report
    from harness.results.systems import load_runs

    several = list(runs) if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    made = make_report(load_runs([_folder(run) for run in several]), registry or _registry_of(several))
    written = []
    for figure in figures(made, type):
        written.append(Path(out) / f"{figure.name}.{type}")
        write_atomic(written[-1], figure.content)
    return written


def analyse_study(
    name: str,
    *,
    size: str | None = None,
    out: str | Path | None = None,
    distances: str | Path | None = None,
    registry: Registry | None = None,
) -> StudyAnalysis:
    """Analyses the runs of a study, finished or not, and writes tables, figures and a page into ``analysis`` beside them.

    ``size`` names one of the study's sizes, where it has some. ``out`` is the folder of its runs, ``runs/<study>`` or
    ``runs/<study>/<size>`` if left out. What ``harness study measure`` wrote there is taken along. ``distances`` is a file
    with distances between languages (lines "es<TAB>sw<TAB>0.61"), in place of genealogical ones.

    Raises :class:`~harness.core.errors.UsageError` for a study or a size that there is not,
    :class:`~harness.core.errors.DataError` where no run has begun.
    """
    from harness.efficiency.study_runs import measured_costs
    from harness.registry.default import get_registry
    from harness.studies.analyse import analyse_folders
    from harness.studies.distances import with_distances
    from harness.studies.grid import StudyFolders

    registry = registry or get_registry()
    study = with_distances(registry.study(name).at(size), distances)
    folders = StudyFolders.of(study, size, out)
    costs = measured_costs(study, folders.runs, registry)
    return analyse_folders(study, folders, registry, size or "", costs)


def breakdown(
    run: str | Path | Run,
    *,
    tasks: str | Sequence[str] = (),
    languages: str | Sequence[str] = (),
    attributes: str | Sequence[str] = (),
    data_dir: str | Path | None = None,
    allow_pickle: bool = False,
    trust_remote_code: str | None = None,
    registry: Registry | None = None,
) -> list[Breakdown]:
    """Breaks the scores of a run down by attributes of its examples: length, overlap, the type of the answer.

    ``tasks`` are names of the run's tasks, ``languages`` codes, ``attributes`` names (all of each by default);
    ``data_dir`` has the data that the run was scored on. Attributes of tokens need the run's model, for which
    ``allow_pickle`` and ``trust_remote_code`` are given as for :func:`evaluate`.

    Raises :class:`~harness.core.errors.UsageError` for unknown names, :class:`~harness.core.errors.DataError` for a
    folder that is no run.
    """
    from harness.analysis.breakdown.compute import breakdown
    from harness.models.resolve import Access

    registry = registry or _registry_of([run])
    loader = registry.hook.harness_load_encoder
    return breakdown(
        _folder(run),
        registry,
        tasks=texts(tasks),
        languages=texts(languages),
        attributes=texts(attributes),
        data_dir=data_dir,
        access=Access(True, allow_pickle, trust_remote_code, loader),
    )


@shows_keywords
def checklist(
    model: str | Path,
    *,
    languages: str | Sequence[str] = (),
    tests: str | Sequence[str] = (),
    cases: int = CHECKLIST_CASES,
    examples: int = 3,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    **keywords: Unpack[Keywords],
) -> Results:
    """Asks a model that answers questions the tests of MultiCheckList; returns its error rates.

    ``model`` is a run folder with a question-answering task, or a model string. ``tests`` are parts of the tests' names;
    of each test, ``cases`` are asked in each of the ``languages`` (codes; all by default), and ``examples`` of its
    failures are kept. ``options`` and keywords, as in :func:`evaluate`, say how the model is loaded and how it computes;
    ``data_dir`` may have the published templates, ``stages_dir`` the stages of the run.

    Raises :class:`~harness.core.errors.UsageError` for unknown languages and tests,
    :class:`~harness.core.errors.ModelError` where the model cannot answer questions.
    """
    from harness.analysis.checklist.run import checklist
    from harness.registry.default import get_registry

    return checklist(
        str(model),
        registry or get_registry(),
        with_keywords(options, keywords),
        languages=texts(languages),
        tests=texts(tests),
        cases=cases,
        examples=examples,
    )


@shows_keywords
def mine(
    source: str | Path,
    target: str | Path,
    model: str,
    *,
    out: str | Path,
    mining: MiningOptions | None = None,
    vectors: str | Path | None = None,
    options: EvalOptions | None = None,
    registry: Registry | None = None,
    reporter: ProgressListener | None = None,
    **keywords: Unpack[Keywords],
) -> dict[str, Any]:
    """Mines translation pairs from two text files (a sentence a line, UTF-8) by the margin of their sentence vectors.

    The pairs are written to ``out``, tab-separated, best first; ``mining`` says which ones. Sentence vectors are kept in
    the folder ``vectors``, by default next to ``out``, so that a stopped call continues where it was. The ``options`` say
    how the model is loaded and how it computes. Returns what was done: ``pairs``, ``source`` and ``target`` (sentences),
    ``embedded_tokens``, ``layer`` and why (``layer_from``), ``pool``, ``prompt``, ``max_length``, ``attention`` (that of
    the network, or, where all vectors were there, what was asked for), ``out``, ``vectors``, ``index``, and of an
    approximate index its ``recall``.

    Raises :class:`~harness.core.errors.HarnessError`.
    """
    from harness.core.offline import without_network
    from harness.inference.session import Compute
    from harness.models.reference import parse_model
    from harness.models.resolve import Access
    from harness.registry.default import get_registry
    from harness.report.notebook_progress import default_reporter
    from harness.retrieval.mine_files import MiningOptions, mine_files

    options = with_keywords(options, keywords)
    registry = registry or get_registry()
    with default_reporter(reporter) as listener, without_network(options.offline):
        return mine_files(
            Path(source),
            Path(target),
            parse_model(model),
            Path(out),
            options=mining or MiningOptions(),
            access=Access.of(options, registry),
            compute=Compute.of(options, registry),
            vectors=Path(vectors) if vectors else None,
            reporter=listener,
        )


def _folder(run: str | Path | Run) -> Path:
    return Path(run) if isinstance(run, str | Path) else run.path


def _registry_of(runs: Sequence[str | Path | Run]) -> Registry:
    """The registry that the first of the runs was made or loaded with, else that of the installed plugins."""
    from harness.registry.default import get_registry

    known = (run.registry for run in runs if not isinstance(run, str | Path))
    return next((registry for registry in known if registry is not None), None) or get_registry()


def _parent(folder: Path) -> Path:
    """The folder around a checkpoint, made if need be."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder.parent}: cannot be made: {error.strerror}", hint="choose another --out") from None
    return folder.parent
