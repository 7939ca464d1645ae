"""Every hook a plugin can implement, typed and documented.

Three kinds, distinguished by grammar: *collectors* are plural nouns and yield frozen values; *choosers* are verbs, and the
first answer that is not None wins, the built-in coming last; *observers* are in the past tense and return nothing. An
implementation names only the arguments it needs. What an observer raises is logged and costs no result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from harness.types.benchmarks import Benchmark, PublishedRows, Recipe
from harness.types.extensions import (
    Attribute,
    Command,
    DoctorCheck,
    ExportFormat,
    Launcher,
    Objective,
    ReportFormat,
    Tracker,
)
from harness.types.languages import Language
from harness.types.sources import HubData
from harness.types.studies import Study
from harness.types.tasks import Family, IntermediateTask, TargetTask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from harness.registry.registry import Registry

    Search = Callable[[NDArray[np.float32], int], tuple[NDArray[np.float32], NDArray[np.int64]]]

PROJECT = "harness"
API_VERSION = 1
"""A plugin may say ``HARNESS_API = 1``; one written for a newer API is refused with a clear error."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def harness_target_tasks() -> Iterable[TargetTask]:  # type: ignore[empty-body]
    """Tasks scored zero-shot in many languages.

    Example::

        @hookimpl
        def harness_target_tasks():
            yield TargetTask("reviews", 1, "classification", LANGUAGES, read, "accuracy", train=TRAIN)
    """


@hookspec
def harness_intermediate_tasks() -> Iterable[IntermediateTask]:  # type: ignore[empty-body]
    """Tasks to train on before, or instead of, a target's own English data (``--via NAME``).

    Example::

        @hookimpl
        def harness_intermediate_tasks():
            yield IntermediateTask("headlines", 1, "classification", TRAIN, read, "accuracy", dev=DEV)
    """


@hookspec
def harness_languages() -> Iterable[Language]:  # type: ignore[empty-body]
    """Facts about languages: a resource class, another script or branch. Tasks of all plugins may use them.

    A task may be in any language of BCP 47 without this hook. Those of XTREME and XTREME-R cannot be changed.

    Example::

        @hookimpl
        def harness_languages():
            yield Language("gd", "gla", "Scottish Gaelic", "Latn", "Indo-European", "Celtic", resource_class=0)
    """


@hookspec
def harness_families() -> Iterable[Family]:  # type: ignore[empty-body]
    """Kinds of task: how examples become features, predictions and files.

    Example::

        @hookimpl
        def harness_families():
            yield Family("parsing", (Tree,), "my_package.parsing:Parsing", "my_package.conllu:Trees")
    """


@hookspec
def harness_benchmarks() -> Iterable[Benchmark]:  # type: ignore[empty-body]
    """Lists of tasks and languages with the rule that turns unit scores into an overall score.

    Example::

        @hookimpl
        def harness_benchmarks():
            yield Benchmark("mine", 1, "Mine", tasks={"reviews": ("sw", "ur")}, groups={}, rule="mean of the tasks")
    """


@hookspec
def harness_published_rows() -> Iterable[PublishedRows]:  # type: ignore[empty-body]
    """Leaderboard rows of published systems, shown by ``harness leaderboard show`` and ``render``.

    Example::

        @hookimpl
        def harness_published_rows():
            yield PublishedRows("mine", Path(__file__).parent / "rows.json")
    """


@hookspec
def harness_recipes() -> Iterable[Recipe]:  # type: ignore[empty-body]
    """Named, versioned hyper-parameters (``--recipe NAME``).

    Example::

        @hookimpl
        def harness_recipes():
            yield Recipe("mine", 1, defaults={"lr": 1e-5, "epochs": 3})
    """


@hookspec
def harness_studies() -> Iterable[Study]:  # type: ignore[empty-body]
    """Named grids: models, intermediate stages, tasks and seeds.

    Example::

        @hookimpl
        def harness_studies():
            yield Study("mine", 1, models=("xlm-roberta-base",), tasks=("reviews",), via=((), ("headlines",)), seeds=(1, 2))
    """


@hookspec
def harness_objectives() -> Iterable[Objective]:  # type: ignore[empty-body]
    """Ways to train a stage other than plainly on its labels (``--set objective=NAME``, ``--via 'mnli@NAME'``).

    Example::

        @hookimpl
        def harness_objectives():
            yield Objective("smoothed", 1, "my_package.smoothed:Smoothed", summary="cross-entropy with smoothed labels")
    """


@hookspec
def harness_report_formats() -> Iterable[ReportFormat]:  # type: ignore[empty-body]
    """Ways to write a report (``harness report --format NAME``): a function from runs to text.

    Example::

        @hookimpl
        def harness_report_formats():
            yield ReportFormat("tsv", "my_package.reports:tsv", extension="tsv")
    """


@hookspec
def harness_export_formats() -> Iterable[ExportFormat]:  # type: ignore[empty-body]
    """Layouts in which other places take results (``harness leaderboard export --format NAME``): a function to files.

    Example::

        @hookimpl
        def harness_export_formats():
            yield ExportFormat("wiki", "my_package.exports:wiki_page", options=("title",))
    """


@hookspec
def harness_attributes() -> Iterable[Attribute]:  # type: ignore[empty-body]
    """Attribute of examples for ``harness breakdown``: a function from the examples of a unit to a number or a word for each.

    Example::

        @hookimpl
        def harness_attributes():
            yield Attribute("question-mark", (Pair,), "my_package.attributes:question_mark")
    """


@hookspec
def harness_commands() -> Iterable[Command]:  # type: ignore[empty-body]
    """Commands for the command line, each a click command that is imported when it is called.

    Example::

        @hookimpl
        def harness_commands():
            yield Command("count", "my_package.commands:count", "Count the words of a task.")
    """


@hookspec
def harness_launchers() -> Iterable[Launcher]:  # type: ignore[empty-body]
    """Ways to run the jobs of a study or of ``--seeds`` (``--launcher NAME``): each a class that starts and watches jobs.

    Example::

        @hookimpl
        def harness_launchers():
            yield Launcher("cluster", "my_package.cluster:Cluster", "one batch job each")
    """


@hookspec
def harness_trackers() -> Iterable[Tracker]:  # type: ignore[empty-body]
    """Places that follow runs as they go (``--track NAME``): each a class that is told of losses and scores.

    Example::

        @hookimpl
        def harness_trackers():
            yield Tracker("diary", "my_package.diary:Diary", summary="a line for each event")
    """


@hookspec
def harness_doctor_checks() -> Iterable[DoctorCheck]:  # type: ignore[empty-body]
    """Checks that ``harness doctor`` makes besides its own; each returns a :class:`~harness.types.extensions.Finding`.

    Example::

        @hookimpl
        def harness_doctor_checks():
            yield DoctorCheck("mirror", "my_package.mirror:reachable", "whether the data mirror answers")
    """


@hookspec(firstresult=True)
def harness_resolve_data(source: HubData, data_dir: str | Path | None, offline: bool) -> Sequence[str | Path] | None:
    """Finds the files of a data source: local parquet paths, or None to pass.

    ``source`` names a data set of the Hub, ``data_dir`` is what the user gave, and with ``offline`` nothing may be
    downloaded.

    Example::

        @hookimpl
        def harness_resolve_data(source):
            folder = Path("/data/mirror") / source.repo / (source.config or "data")
            return sorted(folder.glob(f"{source.split}-*.parquet")) or None
    """


@hookspec(firstresult=True)
def harness_load_encoder(reference: str, offline: bool) -> str | Path | None:
    """Finds a model: a folder as ``save_pretrained`` writes it (safetensors and a fast tokenizer), or None to pass.

    ``reference`` is the ``--model`` string; one of the form ``scheme:rest`` that is not ours is only for plugins. With
    ``offline`` nothing may be downloaded.

    Example::

        @hookimpl
        def harness_load_encoder(reference):
            scheme, _, name = reference.partition(":")
            return Path("/data/models") / name if scheme == "lab" else None
    """


@hookspec(firstresult=True)
def harness_build_index(name: str, vectors: NDArray[np.float32], device: str) -> Search | None:
    """Builds an index for nearest neighbours (``--set index=NAME``): a search function, or None to pass.

    ``vectors`` has shape (m, d) and rows of unit length. The function takes queries of shape (n, d) and k, and returns
    inner products and rows of ``vectors``, both of shape (n, k), best first. Retrieval and mining use it; its recall
    against the exact search is measured on up to 1,000 queries and recorded.

    Example::

        @hookimpl
        def harness_build_index(name, vectors):
            return MyIndex(vectors).search if name == "mine" else None
    """


@hookspec(historic=True)
def harness_configure(registry: Registry) -> None:
    """Called once, when all plugins are loaded; for a plugin that is loaded later, when it is loaded.

    Example::

        @hookimpl
        def harness_configure(registry):
            logging.getLogger("mine").info("%d tasks", len(registry.tasks()))
    """


@hookspec
def harness_run_started(folder: Path, model: str, units: Sequence[str], options: Mapping[str, Any]) -> None:
    """A run begins: its folder, the model string, the keys of its units ("reviews/sw/test") and all options.

    Example::

        @hookimpl
        def harness_run_started(folder, model, units):
            print(f"{model}: {len(units)} units into {folder}", file=sys.stderr)
    """


@hookspec
def harness_step_trained(folder: Path, task: str, step: int, total: int, loss: float) -> None:
    """Called every few training steps, not at each one: the step, of how many, and the mean loss since the last call.

    Example::

        @hookimpl
        def harness_step_trained(task, step, loss):
            writer.add_scalar(f"loss/{task}", loss, step)
    """


@hookspec
def harness_unit_scored(
    folder: Path, task: str, language: str, split: str, entry: Mapping[str, Any], cached: bool
) -> None:
    """A unit has its result: ``entry`` as in the record, its ``score`` None without gold labels.

    ``cached``: the result was there before.

    Example::

        @hookimpl
        def harness_unit_scored(task, language, entry):
            if entry["score"]:
                print(task, language, entry["score"]["metrics"])
    """


@hookspec
def harness_run_finished(folder: Path, record: Mapping[str, Any]) -> None:
    """A run has ended, and its record is complete.

    Example::

        @hookimpl
        def harness_run_finished(folder, record):
            print(folder, record["scores"]["overall"])
    """
