"""Benchmarks, recipes and published rows: what runs consist of and are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.types.checks import (
    check_known,
    check_mapping,
    check_options,
    check_strings,
    check_text,
    check_whole,
    require,
)
from harness.types.values import PluginValue


@dataclass(frozen=True)
class Benchmark(PluginValue):
    """A list of tasks with the languages that count, how tasks are grouped, and the rule of the overall score.

    ``rule`` describes how the overall score is computed. ``overall`` ("module:function") computes it from the scores
    of the tasks, ``Mapping[str, TaskScore]`` (see :mod:`harness.scoring.scores`), and is called only when none is missing;
    by default it is their mean. ``train`` names the intermediate tasks, in sequence, that a task is fine-tuned on in this
    benchmark, where that is not what the task says itself.
    """

    kind = "benchmark"
    hook = "harness_benchmarks"
    references = ("overall",)

    name: str
    version: int
    title: str
    tasks: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    rule: str
    citation: str = ""
    provider: str = ""
    overall: str = ""
    train: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def check(self) -> None:
        """The tasks with their languages, and groups and training that name no others."""
        where = self.where
        check_whole(where, "version", self.version)
        check_text(where, "title", self.title)
        check_text(where, "rule", self.rule)
        check_mapping(where, "tasks", self.tasks, needed=True)
        for name, codes in self.tasks.items():
            require(
                bool(check_strings(where, f"tasks[{name!r}]", codes)), f"{where}: tasks[{name!r}] lists no language"
            )
        check_mapping(where, "groups", self.groups)
        for group, names in self.groups.items():
            for name in check_strings(where, f"groups[{group!r}]", names):
                check_known(f"{where}: groups[{group!r}]", name, self.tasks, "is not one of its tasks")
        check_mapping(where, "train", self.train)
        for name, sources in self.train.items():
            check_known(f"{where}: train", name, self.tasks, "is not one of its tasks")
            require(bool(check_strings(where, f"train[{name!r}]", sources)), f"{where}: train[{name!r}] names no task")

    def language_codes(self) -> Iterator[str]:
        """Those that count in its tasks."""
        for codes in self.tasks.values():
            yield from codes


@dataclass(frozen=True)
class PublishedRows(PluginValue):
    """Leaderboard rows of published systems, which every board shows, each with its provider.

    ``path`` is absolute: a JSON file of one row or an array of rows, or a folder of such files. The schema of a row is
    ``leaderboards/row.schema.json``; ``harness leaderboard validate`` checks files. They are read when a board is made.
    """

    kind = "published rows"
    hook = "harness_published_rows"

    name: str
    path: str | Path
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """A path of something that is there."""
        super().check()
        require(isinstance(self.path, str | Path), f"{self.where}: path must be a path", self.path)
        path = Path(self.path)
        hint = "write Path(__file__).parent / 'rows.json'"
        require(path.is_absolute(), f"{self.where}: path must be absolute, not {str(path)!r}; {hint}")
        require(path.exists(), f"{self.where}: path: there is neither a file nor a folder {str(path)!r}")


@dataclass(frozen=True)
class Recipe(PluginValue):
    """Named, versioned hyper-parameters.

    Looked up in order, later wins: ``defaults``, ``tasks[stage]``, then, for large models (hidden size of 1,024 or more),
    ``large`` and ``large_tasks[stage]``. Keys are fields of TrainOptions or of the family's options.
    """

    kind = "recipe"
    hook = "harness_recipes"

    name: str
    version: int
    defaults: Mapping[str, Any]
    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    large: Mapping[str, Any] = field(default_factory=dict)
    large_tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    summary: str = ""
    source: str = ""
    provider: str = ""

    def check(self) -> None:
        """Four tables of plain values."""
        check_whole(self.where, "version", self.version)
        check_options(self.where, "defaults", self.defaults)
        check_options(self.where, "large", self.large)
        for title, table in (("tasks", self.tasks), ("large_tasks", self.large_tasks)):
            check_mapping(self.where, title, table)
            for name, values in table.items():
                check_options(self.where, f"{title}[{name!r}]", values)
