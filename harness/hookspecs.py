"""Every hook a plugin can implement, typed and documented.

Two kinds so far, told apart by grammar: *collectors* are plural nouns and yield frozen values; *choosers* are verbs and
the first answer that is not None wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from harness.specs import Benchmark, Family, IntermediateTask, Recipe, TargetTask

PROJECT = "harness"
API_VERSION = 1
"""A plugin may say ``HARNESS_API = 1``; one written for a newer API is refused in words."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def harness_target_tasks() -> Iterable[TargetTask]:  # type: ignore[empty-body]
    """Tasks scored zero-shot in many languages.

    Example::

        @hookimpl
        def harness_target_tasks():
            yield TargetTask(name="xnli", version=1, family="classification", ...)
    """


@hookspec
def harness_intermediate_tasks() -> Iterable[IntermediateTask]:  # type: ignore[empty-body]
    """Tasks to train on before, or instead of, a target's own English data (``--via NAME``).

    Example::

        @hookimpl
        def harness_intermediate_tasks():
            yield IntermediateTask(name="squad", version=1, family="span_qa", ...)
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
            yield Benchmark("mine", 1, "My benchmark", tasks={"xnli": ("sw", "ur")}, groups={}, rule="mean of tasks")
    """


@hookspec
def harness_recipes() -> Iterable[Recipe]:  # type: ignore[empty-body]
    """Named, versioned hyper-parameters (``--recipe NAME``).

    Example::

        @hookimpl
        def harness_recipes():
            yield Recipe("mine", 1, defaults={"lr": 1e-5, "epochs": 3})
    """


@hookspec(firstresult=True)
def harness_resolve_data(source: Any, data_dir: Any, offline: bool) -> Any:
    """Finds the files of a :class:`~harness.specs.HubData`: a list of local parquet paths, or None to pass.

    Example::

        @hookimpl
        def harness_resolve_data(source, data_dir, offline):
            folder = MIRROR / source.repo
            return sorted(folder.glob("*.parquet")) or None
    """
