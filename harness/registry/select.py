"""The selector grammar of every command: which tasks, which languages, in one stable order.

A selector is ``xnli``, a glob ``x*``, ``family:tagging`` or ``benchmark:xtreme``, each with an optional list of
languages (``xnli[sw,ur]``, ``x*[script:Cyrl]``); a leading ``-`` excludes (``-xnli[en]``). Several are joined by commas
or given apart, in any order. A language is a code, ``script:Cyrl`` (ISO 15924) or ``family:Bantu`` (family or genus).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.core.errors import HarnessError, PluginError, UsageError, did_you_mean
from harness.registry.registry import Registry
from harness.types.benchmarks import Benchmark
from harness.types.languages import KnownLanguages, language
from harness.types.tasks import TargetTask, Task
from harness.types.units import Unit

SYNTAX = "selectors: xnli  'x*'  xnli[sw,ur]  family:tagging  benchmark:xtreme  -xnli[en]"
LANGUAGE_SYNTAX = "languages: sw  script:Cyrl  family:Bantu"


@dataclass(frozen=True)
class Selectable:
    """Selectable task: its family, its languages in order, and those that have the wanted split."""

    family: str
    languages: tuple[str, ...]
    having: tuple[str, ...]


@dataclass(frozen=True)
class _Selector:
    """One parsed selector; ``languages`` is empty where no list was given."""

    source: str
    pattern: str
    languages: tuple[str, ...]
    excludes: bool


def select(
    registry: Registry,
    benchmark: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    split: str = "test",
) -> list[Unit]:
    """The units that selectors and languages ask for: tasks in benchmark order, then alphabetically.

    With a benchmark, its tasks and languages, narrowed by the selectors; without, all tasks and all their languages.
    Languages come in the order of the benchmark, or else of the task. Raises UsageError for bad syntax, unknown names
    and an empty choice; PluginError where a plugin that failed was to provide what was asked for.
    """
    if benchmark is None:
        entries = {name: entry(task, split) for name, task in registry.tasks().items()}
    else:
        entries = _of_benchmark(registry, registry.benchmark(benchmark), split)
    chosen = choose(registry, entries, tasks, languages, f"the benchmark {benchmark!r}" if benchmark else "")
    if benchmark is not None:
        _check_benchmark(registry, registry.benchmark(benchmark), chosen)
    units = [
        Unit(name, code, split) for name, codes in chosen.items() for code in codes if code in entries[name].having
    ]
    if not units:
        known = {name for task in registry.tasks().values() for table in task.languages.values() for name in table}
        raise UsageError(f"nothing that was selected has a split {split!r}", hint=did_you_mean(split, known))
    return units


def entry(task: TargetTask, split: str | None = None) -> Selectable:
    """A task as it can be selected; without a split, all its languages count."""
    codes = tuple(task.languages)
    return Selectable(task.family, codes, codes if split is None else task.languages_with(split))


def _of_benchmark(registry: Registry, benchmark: Benchmark, split: str) -> dict[str, Selectable]:
    known = registry.tasks()
    entries = {}
    for name, codes in benchmark.tasks.items():
        family, having = (known[name].family, entry(known[name], split).having) if name in known else ("", codes)
        entries[name] = Selectable(family, codes, tuple(code for code in codes if code in having))
    return entries


def _check_benchmark(registry: Registry, benchmark: Benchmark, chosen: Iterable[str]) -> None:
    """Only what was chosen must be there: a benchmark can be run without the task of a broken plugin."""
    for name in chosen:
        try:
            task = registry.task(name)
        except HarnessError as error:
            raise type(error)(f"benchmark {benchmark.name!r}: {error}", hint=error.hint) from None
        lacking = [code for code in benchmark.tasks[name] if code not in task.languages]
        if lacking:
            raise PluginError(
                f"benchmark {benchmark.name!r} ({benchmark.provider}) lists {name} in {', '.join(lacking)}, "
                f"which the task ({task.provider}) does not have"
            )


def choose(
    registry: Registry,
    entries: Mapping[str, Selectable],
    selectors: Sequence[str],
    languages: Sequence[str] = (),
    within: str = "",
) -> dict[str, tuple[str, ...]]:
    """Languages of every chosen task, in the order of ``entries``; ``within`` names them in messages."""
    parsed = [_parse(text) for selector in selectors for text in _pieces(selector)]
    _refuse_duplicates([selector.source for selector in parsed], "selector")
    order = {name: list(item.languages) for name, item in entries.items()}
    wanted: dict[str, set[str]] = {name: set() for name in entries}
    if all(selector.excludes for selector in parsed):
        wanted = {name: set(item.languages) for name, item in entries.items()}
    for selector in sorted(parsed, key=lambda selector: selector.excludes):
        for name, codes in _matches(registry, entries, selector, within).items():
            if selector.excludes:
                wanted[name] -= set(codes)
            else:
                wanted[name] |= set(codes)
                if selector.pattern.startswith("benchmark:"):
                    order[name] = [*codes, *(code for code in order[name] if code not in codes)]
    chosen = {name: tuple(code for code in order[name] if code in wanted[name]) for name in entries if wanted[name]}
    if not chosen:
        raise UsageError(f"nothing is left to select: {' '.join(selectors)}" if selectors else "there are no tasks")
    return _narrow(registry, chosen, languages) if languages else chosen


def _matches(
    registry: Registry, entries: Mapping[str, Selectable], selector: _Selector, within: str
) -> dict[str, tuple[str, ...]]:
    """Languages by task of one selector; never empty."""
    pattern = selector.pattern
    kind, colon, value = pattern.partition(":")
    if colon and kind == "benchmark":
        table = registry.benchmark(value).tasks
        found = {n: tuple(c for c in table[n] if c in entries[n].languages) for n in entries if n in table}
    elif colon and kind == "family":
        registry.family(value)
        found = {name: item.languages for name, item in entries.items() if item.family == value}
    elif colon:
        hint = did_you_mean(kind, ("family", "benchmark"))
        raise UsageError(f"unknown kind of selector {kind + ':'!r} in {selector.source!r}", hint=hint)
    elif "*" in pattern or "?" in pattern:
        found = {name: item.languages for name, item in entries.items() if fnmatchcase(name, pattern)}
    elif pattern in entries:
        found = {pattern: entries[pattern].languages}
    elif within and pattern in registry.tasks():
        raise UsageError(f"{pattern!r} is not a task of {within}", hint=f"its tasks: {', '.join(entries)}")
    elif pattern in registry.intermediate_tasks():
        raise UsageError(f"{pattern!r} is an intermediate task, not one to score", hint=f"train on it: --via {pattern}")
    else:
        raise registry.missing("task", pattern, entries)
    if selector.languages:
        found = _narrow(registry, found, selector.languages, selector.source)
    found = {name: codes for name, codes in found.items() if codes}
    if not found:
        where = f" in {within}" if within else ""
        raise UsageError(f"no task{where} matches {selector.source!r}", hint=f"tasks: {', '.join(entries)}")
    return found


def _narrow(
    registry: Registry, found: Mapping[str, tuple[str, ...]], languages: Sequence[str], source: str = ""
) -> dict[str, tuple[str, ...]]:
    """Keeps the languages that are asked for; each item must occur in some task."""
    items = [item for text in languages for item in _split_list(text, "language")]
    _refuse_duplicates(items, "language")
    available = {code for codes in found.values() for code in codes}
    known = registry.languages()
    wanted: set[str] = set()
    for item in items:
        matching = _codes(item, known, available) & available
        if found and not matching:
            who = f"{', '.join(found)} {'has' if len(found) == 1 else 'have'}" if len(found) < 4 else "the tasks have"
            where = f" in {source!r}" if source else ""
            hint = f"languages: {', '.join(sorted(available))}"
            raise UsageError(f"{item!r}{where} is not among the languages that {who}", hint=hint)
        wanted |= matching
    kept = {name: tuple(code for code in codes if code in wanted) for name, codes in found.items()}
    return {name: codes for name, codes in kept.items() if codes}


def _codes(item: str, known: KnownLanguages, available: Iterable[str]) -> set[str]:
    """Codes of one item: a code, ``script:Cyrl``, or ``family:Bantu`` (one word of a family or genus is enough)."""
    kind, colon, value = item.partition(":")
    if not colon:
        return {language(item, known).code}
    table = [known[code] for code in dict.fromkeys((*known, *sorted(available)))]
    names: set[str]
    if kind == "script":
        names = {entry.script for entry in table}
        codes = {entry.code for entry in table if entry.script.lower() == value.lower()}
    elif kind == "family":
        names = {name for entry in table for name in (entry.family, entry.genus)}
        codes = {
            entry.code
            for entry in table
            for name in (entry.family, entry.genus)
            if value.lower() == name.lower() or value.lower() in name.lower().split()
        }
    else:
        raise UsageError(f"unknown kind of language {kind + ':'!r} in {item!r}", hint=LANGUAGE_SYNTAX)
    if not codes:
        raise UsageError(f"unknown {kind} {value!r} in {item!r}", hint=did_you_mean(value, names))
    return codes


def _pieces(text: str) -> list[str]:
    """Cuts at the commas outside brackets."""
    pieces, depth = [""], 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if depth not in (0, 1):
            break
        if character == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    if depth != 0:
        raise UsageError(f"unbalanced brackets in the selector {text!r}", hint=SYNTAX)
    return [piece.strip() for piece in pieces]


def _parse(text: str) -> _Selector:
    match = re.fullmatch(r"(-?)([^\[\]]*)(?:\[([^\[\]]*)\])?", text, re.DOTALL)
    if match is None:
        raise UsageError(f"cannot read the selector {text!r}: languages in brackets come last", hint=SYNTAX)
    minus, pattern, listed = match.groups()
    if not pattern.strip():
        raise UsageError(f"the selector {text!r} names no task", hint=SYNTAX)
    if pattern.startswith("-"):
        raise UsageError(f"no such option, and no selector either: {text!r}", hint=SYNTAX)
    codes = () if listed is None else tuple(_split_list(listed, "language", f" in {text!r}"))
    return _Selector(text, pattern.strip(), codes, bool(minus))


def _split_list(text: str, what: str, where: str = "") -> list[str]:
    items = [item.strip() for item in text.split(",")]
    if "" in items:
        raise UsageError(f"an empty {what}{where}", hint=LANGUAGE_SYNTAX)
    return items


def _refuse_duplicates(items: Sequence[str], what: str) -> None:
    twice = sorted({item for item in items if items.count(item) > 1})
    if twice:
        raise UsageError(f"the {what} {twice[0]!r} is given twice")


def find_tasks(registry: Registry, name: str) -> list[tuple[str, Task]]:
    """The target and the intermediate task of this name; UsageError or PluginError where there is neither."""
    targets, intermediates = registry.tasks(), registry.intermediate_tasks()
    found: list[tuple[str, Task]] = []
    if name in targets:
        found.append(("target", targets[name]))
    if name in intermediates:
        found.append(("intermediate", intermediates[name]))
    if not found:
        raise registry.missing("task", name, {**targets, **intermediates})
    return found
