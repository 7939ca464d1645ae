"""Evaluates one model: from the names that the user gives to a finished record in the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.counted import counted
from harness.core.errors import DataError, UsageError
from harness.core.offline import without_network
from harness.data.access import DataAccess
from harness.evaluation.cards import update_cards
from harness.evaluation.completion import adhoc_benchmark, finish
from harness.evaluation.evaluator import Evaluator
from harness.evaluation.groups import check_options
from harness.evaluation.observers import Observed
from harness.evaluation.plan import check_mixed, check_selected, make_plan
from harness.evaluation.tracking import Trackers, wanted_trackers
from harness.inference.session import Compute
from harness.models.languages import model_languages
from harness.models.loaded import loaded_folder, model_reference
from harness.models.resolve import Access, resolve_model
from harness.runs.folder import RunFolder
from harness.runs.naming import default_out
from harness.scoring.aggregate import aggregate
from harness.training.context import RunContext
from harness.training.processes import process_count, process_index
from harness.training.recipes import find_recipe
from harness.types.options import EvalOptions, as_plain

if TYPE_CHECKING:
    from harness.models.loaded import LoadedModel
    from harness.models.reference import ModelReference
    from harness.registry.registry import Registry
    from harness.scoring.scores import BenchmarkScore
    from harness.types.progress import ProgressListener
    from harness.types.record import RunRecord


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation: the run folder, its record, and its scores."""

    path: Path
    record: RunRecord
    scores: BenchmarkScore


def evaluate_run(
    model: str | ModelReference | LoadedModel,
    tasks: Sequence[str],
    *,
    benchmark: str | None,
    languages: Sequence[str],
    out: str | Path | None,
    options: EvalOptions,
    registry: Registry,
    reporter: ProgressListener,
) -> Evaluation:
    """Fine-tunes where needed, scores every selected unit, and finishes the record; see :func:`harness.evaluate`."""
    reference = model_reference(model)
    recipe = find_recipe(options.recipe, registry, reference)
    data = DataAccess.of(registry, options.data_dir, offline=options.offline)
    check_selected(benchmark, tasks)
    wanted = wanted_trackers(registry, options.track)
    planned = make_plan(
        registry,
        data,
        benchmark=benchmark,
        tasks=tasks,
        languages=languages,
        split=options.split,
        perturb=options.perturb,
        mixed_pairs=options.mixed_pairs,
        test_on=options.test_on,
        train_on=options.train_on,
    )
    if not any(entry.present for entry in planned):
        first = planned[0]
        raise DataError(
            f"no data for any selected unit ({counted(len(planned), 'unit')}); {first.unit.key}: {first.reason}",
            hint="--data-dir names a folder in the Hub's layout; `harness data sample FOLDER` writes one to try",
        )
    check_mixed(planned, data, options.limit)
    check_options(planned, RunContext(registry, recipe, options, Compute(), data))  # before torch is imported
    context = RunContext(registry, recipe, options, Compute.of(options, registry), data)
    where = Path(out) if out else default_out(reference, benchmark, tasks, options)
    folder = RunFolder(where)
    with without_network(options.offline), loaded_folder(model, where) as found:
        if found is None and reference.kind != "baseline":
            reporter.note(f"model {reference}")
            found = resolve_model(reference, Access.of(options, registry))
        if options.mixed_pairs and found is not None and model_languages(found.config):
            raise UsageError(
                f"--mixed-pairs: {reference} has a module for each language, and a pair in two languages needs two"
            )
        context = context.of_model(found)
        if process_count() > 1:
            # Training is shared; scores come from one process, so that none waits for another while predicting.
            Evaluator(folder, context, reference, found, reporter).train_all(planned)
            if process_index() > 0:
                return Evaluation(where, folder.record, aggregate(adhoc_benchmark(planned, registry), {}, {}))
        units = [entry.unit.key for entry in planned]
        plain = as_plain(options)
        about = {"model": str(reference), "benchmark": benchmark, **plain, "units": units}
        trackers = Trackers(wanted, where.name, where, about, offline=options.offline)
        evaluator = Evaluator(folder, context, reference, found, Observed(reporter, registry.hook, where, trackers))
        with folder.joined(evaluator.identity(planned)), trackers.closing():
            trackers.start()
            registry.hook.harness_run_started(folder=where, model=str(reference), units=units, options=plain)
            scored = evaluator.evaluate(planned, benchmark)
            record, scores = finish(folder, registry, benchmark, scored, evaluator.recorder.scores)
            update_cards(record, registry, evaluator.stages.trained)
            trackers.finish(record)
            registry.hook.harness_run_finished(folder=where, record=record)
            return Evaluation(where, record, scores)
