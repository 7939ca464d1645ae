"""What plugins provide: frozen values that describe tasks, families, benchmarks and the rest. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from harness.core.errors import DataError, PluginError, did_you_mean
from harness.types import entity_tags, positive_label
from harness.types.checks import (
    NAME,
    check_mapping,
    check_options,
    check_strings,
    check_text,
    check_whole,
    require,
    shown,
)
from harness.types.examples import Example
from harness.types.reserved import COMMANDS
from harness.types.values import PluginValue

Row = Mapping[str, Any]
Origin = Literal["native", "human_translation", "machine_translation", "generated"]
"""Where the text of a source comes from: written in its language, translated into it, or made up by a machine."""


@dataclass(frozen=True)
class Where:
    """Keeps the rows whose ``column`` equals a value or starts with a prefix (one language of a mixed table)."""

    column: str
    equals: str | None = None
    startswith: str | None = None


@dataclass(frozen=True)
class HubData:
    """A split of a Hub data set: ``<repo>/<config>/<split>-*.parquet`` in a data folder, the cache, or the Hub.

    ``config`` None means the default configuration (files directly under ``data/``). ``columns`` are the columns that the
    task reads, each ``"name"`` or ``"name: kind"``; a kind is ``string``, ``integer``, ``label``, a list of these
    (``strings``, ``integers``, ``labels``) or ``struct(field, ...)``. A label is stored as its name or as an index of a
    class; ``label(no, yes)`` names the classes for files whose schema does not. ``rows`` overrides the official size for
    this source. ``note`` is shown with the score when this source is used (a copy known to differ from the official one, say).
    ``example`` reads the rows of this source where its columns are not those that the task's own reader expects.
    ``origin`` and ``system`` (who translated, or what made it up) describe the text: they are shown with the score, and
    what was trained on a translation is no zero-shot system.
    """

    repo: str
    config: str | None
    split: str
    revision: str | None = None
    where: Where | None = None
    columns: tuple[str, ...] = ()
    note: str = ""
    rows: int | None = None
    example: Reader | None = None
    origin: Origin = "native"
    system: str = ""


@dataclass(frozen=True)
class FileData:
    """Plain files that the Hub lacks, relative to the data folder, and the function that reads them into rows.

    A name may be a pattern (``UD_*/de_*-ud-test.conllu``). ``read`` receives the absolute paths in the order of ``files``
    (those of a pattern sorted by file name) and yields rows; ``obtain`` tells the user where the files come from and where
    to put them. ``counts`` names the key that a row must have to count towards the official size (the gold pairs among
    the rows of a mining pool, say); by default every row counts. ``rows`` overrides the official size for this source.
    ``example`` is as in :class:`HubData`. ``stays_on_disk``: what ``read`` returns are no rows but an
    :class:`~harness.data.store.ExampleStore` that is never held in memory (running text, :func:`harness.readers.text`).
    ``origin`` and ``system`` are as in :class:`HubData`; ``about`` names a TOML file, beside the files or in a folder
    above them, that may say them instead.
    """

    files: tuple[str, ...]
    read: Callable[..., Iterable[Any]]
    obtain: str
    note: str = ""
    counts: str = ""
    rows: int | None = None
    example: Reader | None = None
    stays_on_disk: bool = False
    origin: Origin = "native"
    system: str = ""
    about: str = ""


FileFormat = Literal["csv", "text", "json", "parquet", "arrow"]
"""What :class:`DatasetsData` reads: rows of JSON are JSON Lines, those of text have the column ``text``."""


@dataclass(frozen=True)
class DatasetsData:
    """Rows that the library ``datasets`` reads: files of a ``format``, or a data set that ``load`` returns.

    ``files`` are names or patterns (``news/*.csv``) in the data folder, or in the Hub data set ``repo``. An archive (tar,
    zip, or one file compressed by gzip, bzip2 or xz) is unpacked into the cache; ``members`` is the pattern of the files
    in it. ``options`` are those of the builder of ``datasets`` (``{"sep": ";"}``). ``load``, in place of ``format`` and
    ``files``, returns a ``datasets.Dataset`` or ``IterableDataset``. No script from the Hub is ever run.

    ``columns``, ``where``, ``rows``, ``note``, ``example``, ``origin`` and ``system`` are as in :class:`HubData`, ``obtain``
    as in :class:`FileData`. A cell of a CSV file is text, unless its column is declared an ``integer``. With
    ``stays_on_disk`` examples are read when they are asked for, from a copy in the cache, so that memory does not grow
    with the data.
    """

    format: FileFormat | None = None
    files: tuple[str, ...] = ()
    obtain: str = ""
    repo: str = ""
    revision: str | None = None
    members: str = "*"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    load: Callable[[], Any] | None = None
    columns: tuple[str, ...] = ()
    where: Where | None = None
    note: str = ""
    rows: int | None = None
    example: Reader | None = None
    stays_on_disk: bool = False
    origin: Origin = "native"
    system: str = ""


Source = HubData | FileData | DatasetsData


@dataclass(frozen=True)
class Split:
    """Where the rows of a split come from, best source first, and how many rows the official release has.

    ``Split(parts=(a, b))`` is the concatenation of other splits, each with its own sources. ``language`` is that of the
    text, where it is not the language under which a task lists the split (test text that was translated into English).
    """

    sources: tuple[Source, ...]
    rows: int | None = None
    parts: tuple[Split, ...] = ()
    language: str = ""

    def __init__(
        self, *sources: Source, rows: int | None = None, parts: tuple[Split, ...] = (), language: str = ""
    ) -> None:
        if sources and parts:
            raise ValueError("a split has either sources or parts")
        if parts and rows is None and all(part.rows is not None for part in parts):
            rows = sum(part.rows or 0 for part in parts)
        object.__setattr__(self, "sources", sources or tuple(source for part in parts for source in part.sources))
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "language", language)


Reader = Callable[[Row], Example | None]
"""Turns a row of the source into a typed example; None drops the row (an unlabelled one, say).

Besides its columns a row has ``_row``, its position in the split (from 0, after ``where``): the id of an example whose
source has none. Labels stored as an index of a class arrive as the name of the class, a missing one (-1) as None.
"""


@dataclass(frozen=True)
class IntermediateTask(PluginValue):
    """English (or other) labelled data to train on, with a dev split to select on.

    ``name`` is what ``--via`` takes. ``labels`` is the closed label set, in the order of the model's outputs.
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
    dev: Split
    example: Reader
    metric: str
    labels: tuple[str, ...] = ()
    languages: Mapping[str, Mapping[str, Split]] = field(default_factory=dict)
    any_language: Callable[[str], Mapping[str, Split]] | None = None
    summary: str = ""
    licence: str = ""
    citation: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""

    def check(self) -> None:
        """The fields of every task, and both splits."""
        _check_task(self)
        _check_split(self.where, "train", self.train)
        _check_split(self.where, "dev", self.dev)

    def language_codes(self) -> Iterator[str]:
        """Those that it lists, and those of splits that say another."""
        yield from _codes(self.languages, self.train, self.dev)


@dataclass(frozen=True)
class TargetTask(PluginValue):
    """A task scored zero-shot in many languages after fine-tuning on English.

    ``train`` is an English split (examples read by ``example``, selected on ``languages["en"]["dev"]``), the name of an
    intermediate task to train on instead ("squad" for XQuAD), several names to train on one after the other
    (``("socialiqa", "copa")`` for XCOPA), or None where nothing is fine-tuned (retrieval).
    ``languages`` maps a language code to its splits ("dev", "test"). ``options`` are options of the family. ``pool`` holds
    the candidates that the queries of every language search, where they do not come with the languages. ``average`` says
    what the average of a metric is over: "languages", each counting once, or "items", those of all languages counting alike
    (a mean over all questions: languages weigh as many items as they have).
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
        require(holds, f"{where}: average must be 'languages' or 'items', not {shown(self.average)}")
        if isinstance(self.train, str):
            check_text(where, "train", self.train)
        elif isinstance(self.train, tuple):
            require(bool(check_strings(where, "train", self.train)), f"{where}: train names no intermediate task")
        elif self.train is not None:
            _check_split(where, "train", self.train)
            require(
                "dev" in self.languages.get("en", {}),
                f"{where}: training on its own English data needs languages['en']['dev'] to select on",
            )

    def language_codes(self) -> Iterator[str]:
        """Those that it lists, and those of splits that say another."""
        yield from _codes(self.languages, *((self.train,) if isinstance(self.train, Split) else ()))


Task = TargetTask | IntermediateTask
"""A task in either role."""


@dataclass(frozen=True)
class Family(PluginValue):
    """A kind of task: what its examples are, how they are predicted, and how predictions are written.

    ``implementation`` ("module:Class", see :mod:`harness.families.base`) and ``format`` ("module:Class", see
    :mod:`harness.scoring.formats.base`) are imported on first use, so that listing tasks loads no torch.
    """

    kind = "family"
    hook = "harness_families"
    references = ("implementation", "format")

    name: str
    examples: tuple[type, ...]
    implementation: str
    format: str
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """The classes of examples."""
        super().check()
        holds = isinstance(self.examples, tuple) and all(isinstance(kind, type) for kind in self.examples)
        require(holds and bool(self.examples), f"{self.where}: examples must be a tuple of classes")


@dataclass(frozen=True)
class Benchmark(PluginValue):
    """A list of tasks with the languages that count, how tasks are grouped, and the rule of the overall score.

    ``rule`` says in words how the overall score comes about. ``overall`` ("module:function") computes it from the scores
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
                hint = did_you_mean(name, self.tasks)
                require(name in self.tasks, f"{where}: groups[{group!r}]: {name!r} is not one of its tasks; {hint}")
        check_mapping(where, "train", self.train)
        for name, sources in self.train.items():
            hint = did_you_mean(name, self.tasks)
            require(name in self.tasks, f"{where}: train[{name!r}]: not one of its tasks; {hint}")
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
        require(isinstance(self.path, str | Path), f"{self.where}: path must be a path, not {shown(self.path)}")
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


@dataclass(frozen=True)
class Study(PluginValue):
    """A named grid of runs: every model, after every sequence of intermediate stages, with every seed.

    ``models`` are model strings. An item of ``via`` is a sequence of stages, ``()`` for none: ``((), ("mnli",),
    ("mnli+qqp", "squad"))``. What is scored is a ``benchmark``, or ``tasks`` (selectors), or tasks of a benchmark.
    """

    kind = "study"
    hook = "harness_studies"

    name: str
    version: int
    models: tuple[str, ...]
    benchmark: str = ""
    tasks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    via: tuple[tuple[str, ...], ...] = ((),)
    seeds: tuple[int, ...] = (42,)
    recipe: str = "xtreme"
    summary: str = ""
    source: str = ""
    provider: str = ""

    def check(self) -> None:
        """The factors of the grid, and something to score."""
        where = self.where
        check_whole(where, "version", self.version)
        for name in ("models", "tasks", "languages"):
            check_strings(where, name, getattr(self, name))
        require(bool(self.models), f"{where}: models is empty")
        require(isinstance(self.benchmark, str), f"{where}: benchmark must be a string, not {shown(self.benchmark)}")
        require(bool(self.benchmark or self.tasks), f"{where}: it names neither a benchmark nor tasks")
        check_text(where, "recipe", self.recipe)
        require(isinstance(self.via, tuple) and bool(self.via), f"{where}: via must be a tuple of sequences of stages")
        for stages in self.via:
            check_strings(where, "a sequence of stages in via", stages)
        holds = isinstance(self.seeds, tuple) and all(
            isinstance(seed, int) and not isinstance(seed, bool) for seed in self.seeds
        )
        require(holds and bool(self.seeds), f"{where}: seeds must be a tuple of whole numbers, not {shown(self.seeds)}")
        require(len(set(self.seeds)) == len(self.seeds), f"{where}: seeds lists a seed more than once")


Need = Literal["teacher", "translations", "gradients"]


@dataclass(frozen=True)
class Objective(PluginValue):
    """A way to train a stage other than plainly on its labels: ``--set objective=NAME``, ``--via 'mnli@NAME'``.

    ``implementation`` ("module:Class") is a :class:`~harness.training.objectives.base.StageObjective`, imported on first
    use. ``version`` is part of the key of every stage trained with it. ``families`` names the families that it works
    with; empty: all that are trained. ``needs`` is checked before any model is loaded: a "teacher" (``--set teacher=MODEL``),
    "translations" among the training data, or "gradients" of inner activations, which sharded or packed weights do not have.
    """

    kind = "objective"
    hook = "harness_objectives"
    references = ("implementation",)

    name: str
    version: int
    implementation: str
    families: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    summary: str = ""
    citation: str = ""
    provider: str = ""

    def check(self) -> None:
        """Needs that are known."""
        super().check()
        where = self.where
        check_whole(where, "version", self.version)
        check_strings(where, "families", self.families)
        for need in check_strings(where, "needs", self.needs):
            hint = did_you_mean(need, get_args(Need))
            require(need in get_args(Need), f"{where}: needs: {need!r} is nothing that is known; {hint}")
        check_text(where, "citation", self.citation, needed=False)


@dataclass(frozen=True)
class ReportFormat(PluginValue):
    """A way to write a report: ``render`` ("module:function") takes a sequence of runs and returns the text of a file.

    ``name`` is what ``harness report --format`` takes; ``extension`` ends the name of the file ("html").
    """

    kind = "report format"
    hook = "harness_report_formats"
    references = ("render",)

    name: str
    render: str
    extension: str = "txt"
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """The end of a file name."""
        super().check()
        holds = isinstance(self.extension, str) and NAME.fullmatch(self.extension) is not None
        wanted = "extension must be the end of a file name, such as 'html'"
        require(holds, f"{self.where}: {wanted}, not {shown(self.extension)}")


@dataclass(frozen=True)
class Attribute(PluginValue):
    """Something about an example that its score may hang on: a column of ``harness breakdown``.

    ``compute`` ("module:function") takes the examples of a unit and the unit (its ``task``, ``language``, ``script``,
    English ``train`` examples and the model's ``tokenizer``, see :mod:`harness.analysis.breakdown._context`) and returns a
    number, a word or None for each. ``examples`` are the classes of examples that it is for; none: it looks at the unit alone.
    """

    kind = "attribute"
    hook = "harness_attributes"
    references = ("compute",)

    name: str
    examples: tuple[type, ...]
    compute: str
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """The classes of examples."""
        super().check()
        holds = isinstance(self.examples, tuple) and all(isinstance(kind, type) for kind in self.examples)
        require(holds, f"{self.where}: examples must be a tuple of classes of examples, not {shown(self.examples)}")


@dataclass(frozen=True)
class Command(PluginValue):
    """A command of the command line: ``run`` ("module:attribute") is a click command, imported when it is called."""

    kind = "command"
    hook = "harness_commands"
    references = ("run",)

    name: str
    run: str
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """A name that is free."""
        super().check()
        require(self.name not in COMMANDS, f"{self.where}: the harness has a command of this name: choose another")


@dataclass(frozen=True)
class Launcher(PluginValue):
    """A way to run the jobs of a study (``harness study run NAME --launcher NAME``): here, on a cluster, with Ray.

    ``implementation`` ("module:Class", a :class:`~harness.studies.launcher.JobLauncher`) is imported when it is used.
    """

    kind = "launcher"
    hook = "harness_launchers"
    references = ("implementation",)

    name: str
    implementation: str
    summary: str = ""
    provider: str = ""


@dataclass(frozen=True)
class DoctorCheck(PluginValue):
    """A check of ``harness doctor``: ``run`` ("module:function") takes no argument and returns a :class:`Finding`."""

    kind = "doctor check"
    hook = "harness_doctor_checks"
    references = ("run",)

    name: str
    run: str
    summary: str = ""
    provider: str = ""


@dataclass(frozen=True)
class Finding:
    """What a doctor check found; ``hint`` says what to do about it."""

    status: Literal["ok", "warning", "failed"]
    detail: str
    hint: str = ""


def splits(codes: str, **make: Callable[[str], Split | None]) -> dict[str, dict[str, Split]]:
    """Builds a task's languages: ``splits("de sw", test=lambda code: Split(...))``; a None split is left out."""
    table: dict[str, dict[str, Split]] = {}
    for code in codes.split():
        if code in table:
            raise ValueError(f"language {code!r} is listed twice")
        built = {name: build(code) for name, build in make.items()}
        table[code] = {name: split for name, split in built.items() if split is not None}
    return table


def _check_task(task: Task) -> None:
    where = task.where
    check_whole(where, "version", task.version)
    check_text(where, "family", task.family)
    check_text(where, "metric", task.metric)
    for name in ("summary", "licence", "citation"):
        check_text(where, name, getattr(task, name), needed=False)
    require(callable(task.example), f"{where}: example must be a function of a row, not {shown(task.example)}")
    labels = check_strings(where, "labels", task.labels)
    try:
        if task.metric == entity_tags.METRIC:
            entity_tags.check(labels)
        positive_label.check(task.metric, labels)
    except DataError as error:
        raise PluginError(f"{where}: labels: {error}", hint=error.hint) from None
    check_options(where, "options", task.options)
    check_mapping(where, "languages", task.languages, needed=isinstance(task, TargetTask))
    for code, table in task.languages.items():
        check_mapping(where, f"languages[{code!r}]", table, needed=True)
        for name, split in table.items():
            require(NAME.fullmatch(name) is not None, f"{where}: languages[{code!r}]: {name!r} is no name for a split")
            _check_split(where, f"languages[{code!r}][{name!r}]", split)


def _check_split(where: str, field: str, value: object) -> None:
    require(isinstance(value, Split), f"{where}: {field} must be a Split, not {shown(value)}")
    assert isinstance(value, Split)
    require(bool(value.sources), f"{where}: {field} has no source")
    for source in value.sources:
        expected = f"the sources of {field} must be HubData, FileData or DatasetsData"
        require(isinstance(source, Source), f"{where}: {expected}, not {shown(source)}")
        if isinstance(source, DatasetsData):
            _check_datasets(where, f"a source of {field}", source)
        _check_origin(where, field, source)
    if value.rows is not None:
        check_whole(where, f"rows of {field}", value.rows)


def _check_datasets(where: str, field: str, source: DatasetsData) -> None:
    if source.load is not None:
        require(callable(source.load), f"{where}: load of {field} must be a function, not {shown(source.load)}")
        require(
            source.format is None and not source.files and not source.repo,
            f"{where}: {field} has load, and format, files or repo, too: one or the other",
        )
        return
    known = get_args(FileFormat)
    require(
        source.format in known,
        f"{where}: format of {field} must be one of {', '.join(map(repr, known))}, not {shown(source.format)}",
    )
    require(bool(check_strings(where, f"files of {field}", source.files)), f"{where}: {field} has no files")
    check_text(where, f"obtain of {field}", source.obtain, needed=not source.repo)
    check_options(where, f"options of {field}", source.options)
    require(source.format != "json" or not source.options, f"{where}: {field}: JSON Lines are read without options")


def _check_origin(where: str, field: str, source: Source) -> None:
    known = get_args(Origin)
    require(
        source.origin in known,
        f"{where}: origin of a source of {field} must be one of {', '.join(map(repr, known))}, not {shown(source.origin)}",
    )
    check_text(where, f"system of a source of {field}", source.system, needed=False)
    require(
        not source.system or source.origin != "native",
        f"{where}: a source of {field} names the system {source.system!r}, but its origin is 'native': "
        "say origin='machine_translation', 'human_translation' or 'generated', or leave system out",
    )


def _codes(languages: Mapping[str, Mapping[str, Split]], *others: Split) -> Iterator[str]:
    yield from languages
    for split in (*others, *(split for table in languages.values() for split in table.values())):
        yield from (part.language for part in split.parts or (split,) if part.language)
