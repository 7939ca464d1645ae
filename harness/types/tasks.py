"""Tasks: their training data, their test data, and the family that trains and scores them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from harness.core.errors import DataError, PluginError
from harness.types import entity_tags, positive_label, seen_labels
from harness.types.checks import (
    NAME,
    check_mapping,
    check_options,
    check_seeds,
    check_strings,
    check_text,
    check_whole,
    require,
)
from harness.types.sources import Reader, Split, check_split, with_held_out
from harness.types.values import PluginValue


@dataclass(frozen=True)
class IntermediateTask(PluginValue):
    """English (or other) labelled data to train on, with a dev split to select on.

    ``name`` is what ``--via`` takes, ``title`` what people call it, for pages. ``labels`` is the closed label set, in the
    order of the model's outputs.
    Without ``dev``, a tenth of ``train`` is held out (:func:`harness.data.held_out.held_out`).
    ``languages`` holds training and dev splits of other languages: ``{"es": {"train": Split, "dev": Split}}``;
    ``any_language`` makes those of a language that is not listed (text in a folder of files named by language). ``train``
    and ``dev`` are English, unless ``languages`` lists English as well: then they are a mixture of languages.
    """

    kind = "intermediate task"
    hook = "harness_intermediate_tasks"

    name: str
    version: int
    family: str
    train: Split
    dev: Split = field(default=cast(Split, None), kw_only=True)  # a Split from __post_init__ on
    example: Reader
    metric: str
    labels: tuple[str, ...] = ()
    languages: Mapping[str, Mapping[str, Split]] = field(default_factory=dict)
    any_language: Callable[[str], Mapping[str, Split]] | None = None
    title: str = field(default="", kw_only=True)
    summary: str = ""
    licence: str = ""
    citation: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""

    def __post_init__(self) -> None:
        """Holds out dev data where there are none."""
        if self.dev is None and isinstance(self.train, Split):
            train, dev = with_held_out(self.train)
            object.__setattr__(self, "train", train)
            object.__setattr__(self, "dev", dev)

    def check(self) -> None:
        """The fields of every task, and both splits."""
        _check_task(self)
        check_split(self.where, "train", self.train)
        check_split(self.where, "dev", self.dev)

    def language_codes(self) -> Iterator[str]:
        """Those that it lists, and those of splits that say another."""
        yield from _codes(self.languages, self.train, self.dev)


@dataclass(frozen=True)
class TargetTask(PluginValue):
    """A task scored zero-shot in many languages after fine-tuning on English.

    ``train`` is an English split (examples read by ``example``, selected on ``languages["en"]["dev"]`` or, without it, on
    a tenth of ``train`` that is held out), the name of an intermediate task to train on instead ("squad" for XQuAD),
    several names to train on one after the other (``("socialiqa", "copa")`` for XCOPA), or None where nothing is
    fine-tuned (retrieval).
    ``languages`` maps a language code to its splits ("dev", "test"). ``options`` are options of the family. ``pool`` holds
    the candidates that the queries of every language search, where they do not come with the languages. ``average`` says
    what the average of a metric is over: "languages", each counting once, or "items", those of all languages counting alike
    (a mean over all questions: languages weigh as many items as they have).
    ``seeds`` are those of the runs that ``harness eval`` makes of it unless it is told others: several where scores differ
    much from seed to seed, () for the one of the recipe. ``title`` is what people call it ("PAWS-X"), for pages.
    ``provider`` is stamped by the registry: ``distribution:plugin``.
    """

    kind = "target task"
    hook = "harness_target_tasks"

    name: str
    version: int
    family: str
    languages: Mapping[str, Mapping[str, Split]]
    example: Reader
    metric: str
    train: Split | str | tuple[str, ...] | None = None
    pool: Split | None = None
    labels: tuple[str, ...] = ()
    average: Literal["languages", "items"] = "languages"
    seeds: tuple[int, ...] = field(default=(), kw_only=True)
    title: str = field(default="", kw_only=True)
    summary: str = ""
    licence: str = ""
    citation: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""

    def check(self) -> None:
        """The fields of every task, what it trains on, and how it is averaged."""
        where = self.where
        _check_task(self)
        holds = self.average in ("languages", "items")
        require(holds, f"{where}: average must be 'languages' or 'items'", self.average)
        check_seeds(where, "seeds", self.seeds, needed=False)
        if isinstance(self.train, str):
            check_text(where, "train", self.train)
        elif isinstance(self.train, tuple):
            require(bool(check_strings(where, "train", self.train)), f"{where}: train names no intermediate task")
        elif self.train is not None:
            check_split(where, "train", self.train)

    def languages_with(self, split: str) -> tuple[str, ...]:
        """The languages that have a split ("dev", "test"), in its order."""
        return tuple(code for code, splits in self.languages.items() if split in splits)

    def language_codes(self) -> Iterator[str]:
        """Those that it lists, and those of splits that say another."""
        yield from _codes(self.languages, *((self.train,) if isinstance(self.train, Split) else ()))


Task = TargetTask | IntermediateTask
"""A task in either role."""


@dataclass(frozen=True)
class Family(PluginValue):
    """A kind of task: what its examples are, how they are predicted, and how predictions are written.

    ``implementation`` ("module:Class", see :mod:`harness.families.base`) and ``format`` ("module:Class", see
    :mod:`harness.scoring.formats.base`) are imported on first use, so that listing tasks loads no torch. ``template``
    ("module:VALUE", a :class:`~harness.types.task_template.TaskTemplate`) is for ``harness new task``; "" where it has none.
    ``hub_task`` is what the Hub calls tasks of this kind ("text-classification"), for model cards.
    """

    kind = "family"
    hook = "harness_families"
    references = ("implementation", "format", "template")

    name: str
    examples: tuple[type, ...]
    implementation: str
    format: str
    summary: str = ""
    template: str = ""
    hub_task: str = ""
    provider: str = ""

    def check(self) -> None:
        """The classes of examples, and the Hub's name."""
        super().check()
        check_text(self.where, "hub_task", self.hub_task, needed=False)
        holds = isinstance(self.examples, tuple) and all(isinstance(kind, type) for kind in self.examples)
        require(holds and bool(self.examples), f"{self.where}: examples must be a tuple of classes")


def _check_task(task: Task) -> None:
    where = task.where
    check_whole(where, "version", task.version)
    check_text(where, "family", task.family)
    check_text(where, "metric", task.metric)
    for name in ("title", "summary", "licence", "citation"):
        check_text(where, name, getattr(task, name), needed=False)
    require(callable(task.example), f"{where}: example must be a function of a row", task.example)
    labels = check_strings(where, "labels", task.labels)
    try:
        if task.metric == entity_tags.METRIC:
            entity_tags.check(labels)
        positive_label.check(task.metric, labels)
        seen_labels.check(task.metric, labels)
    except DataError as error:
        raise PluginError(f"{where}: labels: {error}", hint=error.hint) from None
    check_options(where, "options", task.options)
    check_mapping(where, "languages", task.languages, needed=isinstance(task, TargetTask))
    for code, table in task.languages.items():
        check_mapping(where, f"languages[{code!r}]", table, needed=True)
        for name, split in table.items():
            require(
                NAME.fullmatch(name) is not None,
                f"{where}: languages[{code!r}]: {name!r} is not a valid name for a split",
            )
            check_split(where, f"languages[{code!r}][{name!r}]", split)


def _codes(languages: Mapping[str, Mapping[str, Split]], *others: Split) -> Iterator[str]:
    yield from languages
    for split in (*others, *(split for table in languages.values() for split in table.values())):
        yield from (part.language for part in split.parts or (split,) if part.language)
