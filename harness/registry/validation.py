"""Checks the values that plugins provide, so that a mistake is named as the plugin is loaded, not hours into a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, get_args

from harness.core.errors import DataError, PluginError, did_you_mean
from harness.registry.reserved import COMMANDS
from harness.types import entity_tags, positive_label
from harness.types.languages import languages
from harness.types.tasks import (
    Attribute,
    Benchmark,
    Command,
    DatasetsData,
    DoctorCheck,
    Family,
    FileData,
    FileFormat,
    HubData,
    IntermediateTask,
    Launcher,
    Need,
    Objective,
    Origin,
    Recipe,
    ReportFormat,
    Source,
    Split,
    Study,
    TargetTask,
)

Value = (
    TargetTask
    | IntermediateTask
    | Family
    | Benchmark
    | Recipe
    | Study
    | Objective
    | ReportFormat
    | Attribute
    | Command
    | Launcher
    | DoctorCheck
)

KINDS: dict[str, tuple[str, type[Value]]] = {
    "harness_families": ("family", Family),
    "harness_target_tasks": ("target task", TargetTask),
    "harness_intermediate_tasks": ("intermediate task", IntermediateTask),
    "harness_benchmarks": ("benchmark", Benchmark),
    "harness_recipes": ("recipe", Recipe),
    "harness_studies": ("study", Study),
    "harness_objectives": ("objective", Objective),
    "harness_report_formats": ("report format", ReportFormat),
    "harness_attributes": ("attribute", Attribute),
    "harness_commands": ("command", Command),
    "harness_launchers": ("launcher", Launcher),
    "harness_doctor_checks": ("doctor check", DoctorCheck),
}
"""Each collector hook: the word for what it provides, and its type."""

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


def check(hook: str, value: object) -> Value:
    """The value, if ``hook`` may provide it; PluginError saying what is wrong with it, and where, otherwise."""
    word, kind = KINDS[hook]
    if not isinstance(value, kind):
        raise PluginError(f"{hook} provides {_shown(value)}, expected {kind.__name__} values")
    _require(isinstance(value.name, str), f"the name of a {word} must be a string, not {_shown(value.name)}")
    where = f"{word} {value.name!r}"
    _require(
        NAME.fullmatch(value.name) is not None,
        f"{where}: a name is made of lower-case letters, digits, '_', '.' and '-', and starts with a letter or digit",
    )
    _CHECKS[kind](value, where)
    return value


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise PluginError(message)


def _shown(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def _text(where: str, field: str, value: object, *, needed: bool = True) -> None:
    holds = isinstance(value, str) and (bool(value) or not needed)
    _require(holds, f"{where}: {field} must be a {'non-empty ' if needed else ''}string, not {_shown(value)}")


def _whole(where: str, field: str, value: object) -> None:
    holds = isinstance(value, int) and not isinstance(value, bool) and value > 0
    _require(holds, f"{where}: {field} must be a positive whole number, not {_shown(value)}")


def _mapping(where: str, field: str, value: object, *, needed: bool = False) -> None:
    _require(isinstance(value, Mapping), f"{where}: {field} must be a mapping, not {_shown(value)}")
    assert isinstance(value, Mapping)
    _require(bool(value) or not needed, f"{where}: {field} is empty")
    for key in value:
        _require(isinstance(key, str), f"{where}: the keys of {field} must be strings, not {_shown(key)}")


def _strings(where: str, field: str, value: object) -> tuple[str, ...]:
    holds = isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    _require(holds, f"{where}: {field} must be a tuple of strings, not {_shown(value)}")
    assert isinstance(value, tuple)
    twice = sorted({item for item in value if value.count(item) > 1})
    _require(not twice, f"{where}: {field} lists {', '.join(map(repr, twice))} more than once")
    return value


def _languages(where: str, codes: Iterable[str]) -> None:
    known = languages()
    for code in codes:
        if code not in known:  # the hint takes time, and there are thousands of good codes
            _require(False, f"{where}: unknown language {code!r}; {did_you_mean(code, known)}")


def _plain(where: str, field: str, value: object) -> None:
    """Options are written into records: text, numbers, booleans, None, sequences and mappings of these."""
    if isinstance(value, Mapping):
        _mapping(where, field, value)
        for key, item in value.items():
            _plain(where, f"{field}[{key!r}]", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _plain(where, f"{field}[{index}]", item)
    else:
        holds = value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))
        _require(
            holds, f"{where}: {field} must be a plain value (text, finite number, list or mapping), not {_shown(value)}"
        )


def _options(where: str, field: str, value: object) -> None:
    _mapping(where, field, value)
    _plain(where, field, value)


def _split(where: str, field: str, value: object) -> None:
    _require(isinstance(value, Split), f"{where}: {field} must be a Split, not {_shown(value)}")
    assert isinstance(value, Split)
    _require(bool(value.sources), f"{where}: {field} has no source")
    for source in value.sources:
        _require(
            isinstance(source, HubData | FileData | DatasetsData),
            f"{where}: the sources of {field} must be HubData, FileData or DatasetsData, not {_shown(source)}",
        )
        if isinstance(source, DatasetsData):
            _datasets(where, f"a source of {field}", source)
        _origin(where, field, source)
    for part in value.parts or (value,):
        _languages(where, [part.language] if part.language else [])
    if value.rows is not None:
        _whole(where, f"rows of {field}", value.rows)


def _datasets(where: str, field: str, source: DatasetsData) -> None:
    if source.load is not None:
        _require(callable(source.load), f"{where}: load of {field} must be a function, not {_shown(source.load)}")
        _require(
            source.format is None and not source.files and not source.repo,
            f"{where}: {field} has load, and format, files or repo, too: one or the other",
        )
        return
    known = get_args(FileFormat)
    _require(
        source.format in known,
        f"{where}: format of {field} must be one of {', '.join(map(repr, known))}, not {_shown(source.format)}",
    )
    _require(bool(_strings(where, f"files of {field}", source.files)), f"{where}: {field} has no files")
    _text(where, f"obtain of {field}", source.obtain, needed=not source.repo)
    _options(where, f"options of {field}", source.options)
    _require(source.format != "json" or not source.options, f"{where}: {field}: JSON Lines are read without options")


def _origin(where: str, field: str, source: Source) -> None:
    known = get_args(Origin)
    _require(
        source.origin in known,
        f"{where}: origin of a source of {field} must be one of {', '.join(map(repr, known))}, not {_shown(source.origin)}",
    )
    _text(where, f"system of a source of {field}", source.system, needed=False)
    _require(
        not source.system or source.origin != "native",
        f"{where}: a source of {field} names the system {source.system!r}, but its origin is 'native': "
        "say origin='machine_translation', 'human_translation' or 'generated', or leave system out",
    )


def _splits(where: str, value: object, *, needed: bool) -> None:
    _mapping(where, "languages", value, needed=needed)
    assert isinstance(value, Mapping)
    _languages(where, value)
    for code, table in value.items():
        _mapping(where, f"languages[{code!r}]", table, needed=True)
        for name, split in table.items():
            _require(NAME.fullmatch(name) is not None, f"{where}: languages[{code!r}]: {name!r} is no name for a split")
            _split(where, f"languages[{code!r}][{name!r}]", split)


def _task(task: TargetTask | IntermediateTask, where: str) -> None:
    _whole(where, "version", task.version)
    _text(where, "family", task.family)
    _text(where, "metric", task.metric)
    for field in ("summary", "licence", "citation"):
        _text(where, field, getattr(task, field), needed=False)
    _require(callable(task.example), f"{where}: example must be a function of a row, not {_shown(task.example)}")
    labels = _strings(where, "labels", task.labels)
    try:
        if task.metric == entity_tags.METRIC:
            entity_tags.check(labels)
        positive_label.check(task.metric, labels)
    except DataError as error:
        raise PluginError(f"{where}: labels: {error}", hint=error.hint) from None
    _options(where, "options", task.options)
    _splits(where, task.languages, needed=isinstance(task, TargetTask))


def _target(task: TargetTask, where: str) -> None:
    _task(task, where)
    holds = task.average in ("languages", "items")
    _require(holds, f"{where}: average must be 'languages' or 'items', not {_shown(task.average)}")
    if isinstance(task.train, str):
        _text(where, "train", task.train)
    elif isinstance(task.train, tuple):
        _require(bool(_strings(where, "train", task.train)), f"{where}: train names no intermediate task")
    elif task.train is not None:
        _split(where, "train", task.train)
        _require(
            "dev" in task.languages.get("en", {}),
            f"{where}: training on its own English data needs languages['en']['dev'] to select on",
        )


def _intermediate(task: IntermediateTask, where: str) -> None:
    _task(task, where)
    _split(where, "train", task.train)
    _split(where, "dev", task.dev)


def _family(family: Family, where: str) -> None:
    holds = isinstance(family.examples, tuple) and all(isinstance(kind, type) for kind in family.examples)
    _require(holds and bool(family.examples), f"{where}: examples must be a tuple of classes")
    for field in ("implementation", "format"):
        _reference(where, field, getattr(family, field))


def _reference(where: str, field: str, value: object) -> None:
    holds = isinstance(value, str) and re.fullmatch(r"[\w.]+:[\w.]+", value) is not None
    _require(holds, f"{where}: {field} must be of the form 'module:name', not {_shown(value)}")


def _benchmark(benchmark: Benchmark, where: str) -> None:
    _whole(where, "version", benchmark.version)
    _text(where, "title", benchmark.title)
    _text(where, "rule", benchmark.rule)
    if benchmark.overall != "":
        _reference(where, "overall", benchmark.overall)
    _mapping(where, "tasks", benchmark.tasks, needed=True)
    for name, codes in benchmark.tasks.items():
        _require(bool(_strings(where, f"tasks[{name!r}]", codes)), f"{where}: tasks[{name!r}] lists no language")
        _languages(where, codes)
    _mapping(where, "groups", benchmark.groups)
    for group, names in benchmark.groups.items():
        for name in _strings(where, f"groups[{group!r}]", names):
            hint = did_you_mean(name, benchmark.tasks)
            _require(name in benchmark.tasks, f"{where}: groups[{group!r}]: {name!r} is not one of its tasks; {hint}")
    _mapping(where, "train", benchmark.train)
    for name, sources in benchmark.train.items():
        hint = did_you_mean(name, benchmark.tasks)
        _require(name in benchmark.tasks, f"{where}: train[{name!r}]: not one of its tasks; {hint}")
        _require(bool(_strings(where, f"train[{name!r}]", sources)), f"{where}: train[{name!r}] names no task")


def _recipe(recipe: Recipe, where: str) -> None:
    _whole(where, "version", recipe.version)
    for field in ("defaults", "large"):
        _options(where, field, getattr(recipe, field))
    for field in ("tasks", "large_tasks"):
        table = getattr(recipe, field)
        _mapping(where, field, table)
        for name, values in table.items():
            _options(where, f"{field}[{name!r}]", values)


def _study(study: Study, where: str) -> None:
    _whole(where, "version", study.version)
    for field in ("models", "tasks", "languages"):
        _strings(where, field, getattr(study, field))
    _require(bool(study.models), f"{where}: models is empty")
    _require(isinstance(study.benchmark, str), f"{where}: benchmark must be a string, not {_shown(study.benchmark)}")
    _require(bool(study.benchmark or study.tasks), f"{where}: it names neither a benchmark nor tasks")
    _text(where, "recipe", study.recipe)
    _require(isinstance(study.via, tuple) and bool(study.via), f"{where}: via must be a tuple of sequences of stages")
    for stages in study.via:
        _strings(where, "a sequence of stages in via", stages)
    holds = isinstance(study.seeds, tuple) and all(
        isinstance(seed, int) and not isinstance(seed, bool) for seed in study.seeds
    )
    _require(holds and bool(study.seeds), f"{where}: seeds must be a tuple of whole numbers, not {_shown(study.seeds)}")
    _require(len(set(study.seeds)) == len(study.seeds), f"{where}: seeds lists a seed more than once")


def _objective(objective: Objective, where: str) -> None:
    _whole(where, "version", objective.version)
    _reference(where, "implementation", objective.implementation)
    _strings(where, "families", objective.families)
    for need in _strings(where, "needs", objective.needs):
        hint = did_you_mean(need, get_args(Need))
        _require(need in get_args(Need), f"{where}: needs: {need!r} is nothing that is known; {hint}")
    for field in ("summary", "citation"):
        _text(where, field, getattr(objective, field), needed=False)


def _report_format(format: ReportFormat, where: str) -> None:
    _reference(where, "render", format.render)
    holds = isinstance(format.extension, str) and NAME.fullmatch(format.extension) is not None
    _require(
        holds, f"{where}: extension must be the end of a file name, such as 'html', not {_shown(format.extension)}"
    )
    _text(where, "summary", format.summary, needed=False)


def _attribute(attribute: Attribute, where: str) -> None:
    _reference(where, "compute", attribute.compute)
    holds = isinstance(attribute.examples, tuple) and all(isinstance(kind, type) for kind in attribute.examples)
    _require(holds, f"{where}: examples must be a tuple of classes of examples, not {_shown(attribute.examples)}")
    _text(where, "summary", attribute.summary, needed=False)


def _command(command: Command, where: str) -> None:
    _reference(where, "run", command.run)
    _text(where, "summary", command.summary, needed=False)
    _require(command.name not in COMMANDS, f"{where}: the harness has a command of this name: choose another")


def _launcher(launcher: Launcher, where: str) -> None:
    _reference(where, "implementation", launcher.implementation)
    _text(where, "summary", launcher.summary, needed=False)


def _doctor_check(check: DoctorCheck, where: str) -> None:
    _reference(where, "run", check.run)
    _text(where, "summary", check.summary, needed=False)


_CHECKS: dict[type[Value], Callable[[Any, str], None]] = {
    TargetTask: _target,
    IntermediateTask: _intermediate,
    Family: _family,
    Benchmark: _benchmark,
    Recipe: _recipe,
    Study: _study,
    Objective: _objective,
    ReportFormat: _report_format,
    Attribute: _attribute,
    Command: _command,
    Launcher: _launcher,
    DoctorCheck: _doctor_check,
}
