"""Fills templates and writes the files of a new package, all or none."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from textwrap import indent
from typing import Any

from harness.core.border import border
from harness.core.errors import PluginError, UsageError
from harness.core.version import FIRST_PARTY
from harness.leaderboard.rows import row_text
from harness.leaderboard.schema import SCHEMA
from harness.scaffold.plain import PLAIN
from harness.scaffold.sentences import sentences
from harness.scoring.metrics import get_metric
from harness.types.benchmarks import Benchmark
from harness.types.task_template import Rows, TaskTemplate
from harness.types.tasks import Family, TargetTask

NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_OF_TASK_FILE = "FileData, Split, TargetTask, hookimpl, readers, splits"


def new_task(name: str, family: Family, template: TaskTemplate, folder: Path) -> Path:
    """Writes a package with one target task of a family into ``folder``; returns its path."""
    own = ("train", *template.splits) if template.trains else template.splits
    expected = template.returns.partition(" | ")[0]
    distribution, _, _ = family.provider.partition(":")
    with border(f"plugin {family.provider}: {family.where}: template: rows", PluginError):
        fixtures = {
            f"{split}-{code}": template.rows(code, split)
            for code in template.languages
            for split in own
            if split != "train" or code == "en"
        }
    values = {
        "family": family.name,
        "imports": _imports(("harness", _OF_TASK_FILE), (template.module, template.imports)),
        "test_imports": _imports(
            (template.module, expected),
            ("harness.testing", "CHECKS"),
            ("harness.testing.pytest_plugin", "Contract"),
        ),
        "dependencies": "" if distribution in (FIRST_PARTY, "file") else f', "{distribution}"',
        "labels": f"    labels={_tuple(template.labels)},\n" if template.labels else "",
        "options": f"    options={_table(template.options)},\n" if template.options else "",
        "train": '    train=split("train", "en"),  # selected on English dev\n' if template.trains else "",
        "languages": " ".join(template.languages),
        "splits": "\n".join(f'        {split}=lambda code: split("{split}", code),' for split in template.splits),
        "returns": template.returns,
        "read": indent(template.read, "    "),
        "metric": template.metric,
        "language": template.languages[0],
        "expected": expected,
    }
    return _write("task", name, values, folder, fixtures)


def new_benchmark(name: str, tasks: Mapping[str, TargetTask], folder: Path, most: int = 3) -> Path:
    """Writes a package with a benchmark of these tasks, in at most ``most`` languages each, and its own overall score."""
    rows = [f'        "{task}": {_tuple(tuple(found.languages)[:most])},' for task, found in tasks.items()]
    return _write("benchmark", name, {"tasks": "\n".join(rows), "first": next(iter(tasks))}, folder, {})


def new_plain(kind: str, name: str, folder: Path) -> Path:
    """Writes a package of one module: a recipe, a study, an attribute, ... (:data:`harness.scaffold.plain.PLAIN`)."""
    plain = PLAIN[kind]
    change, attempt = (Template(text).substitute(name=name) for text in (plain.change, plain.attempt))
    values = {"what": plain.what, "attempt": attempt, "change": change}
    return _write(kind, name, values, folder, {}, base=("common", "plain"))


def new_intermediate(name: str, folder: Path) -> Path:
    """Writes a package with an intermediate task: does a sentence say what is done, or where?"""
    rows = {f"{split}-en": _actions_and_places(split, "en") for split in ("train", "dev")}
    return _write("intermediate", name, {}, folder, rows)


def new_pack(name: str, folder: Path) -> Path:
    """Writes a package with a task, the English stage that it is trained on, a benchmark and a language."""
    sources = {"eng_Latn": "en", "swh_Latn": "sw", "qab_Latn": "de"}  # German stands in for the language of nobody
    fixtures = {
        f"{split}-{code}": _actions_and_places(split, source)
        for code, source in sources.items()
        for split in (("train", "dev", "test") if source == "en" else ("test",))
    }
    return _write("pack", name, {}, folder, fixtures)


def _actions_and_places(split: str, code: str) -> Rows:
    return [
        {"id": f"{split}-{i}", "text": one.text, "label": "place" if i % 3 == 2 else "action"}
        for i, one in enumerate(sentences(code))
    ]


def new_launcher(name: str, folder: Path) -> Path:
    """Writes a package with a launcher that starts a process for each job."""
    return _write("launcher", name, {}, folder, {})


def new_store(name: str, folder: Path) -> Path:
    """Writes a package with a task whose examples are read from a file when they are asked for."""
    fixtures: dict[str, Rows] = {}
    for code, split in _SPLITS:
        found = sentences(code)
        fixtures[f"{split}-{code}"] = [
            {"id": f"{split}-{i}", "a": one.text, "b": found[i - i % 2].text, "label": ("same", "different")[i % 2]}
            for i, one in enumerate(found)
        ]
    return _write("store", name, {}, folder, fixtures)


def new_family(name: str, folder: Path) -> Path:
    """Writes a package with its own family (a number for a pair of texts) and one task of it."""
    return _write("family", name, {}, folder, _scored_pairs())


def new_feature_rows(name: str, folder: Path) -> Path:
    """Writes the package of :func:`new_family` with rows that are tokenised when a batch asks for them."""
    return _write("feature-rows", name, {}, folder, _scored_pairs(), base=("common", "family"))


_SPLITS = (("en", "train"), ("en", "dev"), ("en", "test"), ("sw", "dev"), ("sw", "test"))
"""Languages and splits of the packages that do not take them from a template."""


def _scored_pairs() -> dict[str, Rows]:
    fixtures: dict[str, Rows] = {}
    for code, split in _SPLITS:
        found = sentences(code)
        fixtures[f"{split}-{code}"] = [
            {"id": f"{split}-{i}", "a": one.text, "b": found[(i * 5) % 12].text, "score": _overlap(i, (i * 5) % 12)}
            for i, one in enumerate(found)
        ]
    return fixtures


def new_objective(name: str, folder: Path) -> Path:
    """Writes a package with an objective (noise on the word embeddings)."""
    return _write("objective", name, {}, folder, {})


def new_language(name: str, folder: Path) -> Path:
    """Writes a package with a language, its codes of the range for private use."""
    return _write("language", name, {}, folder, {})


def new_rows(name: str, benchmark: Benchmark, task: TargetTask, folder: Path) -> Path:
    """Writes a package with one published row, made up, of a system on one task of a benchmark."""
    metric = get_metric(task.metric).primary[0]
    fact = {"value": 50.0, "status": "unverified", "seen_in": "paper"}
    row = {
        "schema": SCHEMA,
        "id": f"{name}.made-up",
        "kind": "published",
        "system": "made up",
        "benchmark": benchmark.name,
        "benchmark_version": benchmark.version,
        "setting": "zero_shot_en",
        "split": "test",
        "selection": "not_stated",
        "model": {"reference": None, "revision": None, "parameters": None, "fingerprint": None},
        "caveats": {"partial": [], "incomplete": [], "dirty": [], "unpinned": []},
        "source": {"id": name, "title": "made up", "seen": {"paper": {"kind": "primary", "what": "table 1"}}},
        "cells": [
            {"task": task.name, "metric": metric, "language": code, **fact} for code in benchmark.tasks[task.name][:2]
        ],
    }
    values = {"benchmark": benchmark.name, "row": row_text(row).rstrip(), "package_data": ', "*.json"'}
    return _write("rows", name, values, folder, {})


def _overlap(one: int, other: int) -> float:
    """Subjects are the same, predicates are: two halves of the score."""
    return 2.5 * (one // 3 == other // 3) + 2.5 * (one % 3 == other % 3)


def _imports(*wanted: tuple[str, str]) -> str:
    """Import lines, one a module: the names of each are sorted as the formatter sorts them, classes before functions."""
    names: dict[str, list[str]] = {}
    for module, found in wanted:
        names.setdefault(module, []).extend(found.split(", "))
    lines = (f"from {module} import {', '.join(sorted(found))}" for module, found in sorted(names.items()))
    return "\n".join(lines)


def _tuple(items: tuple[str, ...]) -> str:
    return f"({', '.join(json.dumps(item) for item in items)}{',' if len(items) == 1 else ''})"


def _table(values: Mapping[str, Any]) -> str:
    return f"{{{', '.join(f'{json.dumps(name)}: {json.dumps(value)}' for name, value in values.items())}}}"


def _write(
    kind: str,
    name: str,
    values: Mapping[str, str],
    folder: Path,
    fixtures: Mapping[str, Rows],
    *,
    base: Sequence[str] = ("common",),
) -> Path:
    """Fills the templates of a kind, which replace those of the same names in ``base``."""
    if not NAME.fullmatch(name):
        hint = "lower-case letters and digits, words joined by '-' or '_', such as 'news-headlines'"
        raise UsageError(f"{name!r} cannot be the name of a package", hint=hint)
    target = folder / name
    if target.exists():
        raise UsageError(f"{target}: already exists", hint="choose another name or another --out")
    module = name.replace("-", "_")
    common = {
        "name": name,
        "distribution": f"harness-{name.replace('_', '-')}",
        "package": f"harness_{module}",
        "module": module,
        "constant": module.upper(),
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "package_data": "",
        "dependencies": "",
        "class_name": "".join(word.capitalize() for word in module.split("_")),
    }
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
    try:
        templates = files("harness.scaffold") / "templates"
        for template, text in (found for name in (*base, kind) for found in _templates(templates / name)):
            path = scratch / Template(template.removesuffix(".tmpl")).substitute(common)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute({**common, **values}), encoding="utf-8")
        for file, rows in fixtures.items():
            path = scratch / "tests" / "data" / name / f"{file}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            path.write_text("".join(lines), encoding="utf-8")
        scratch.chmod(0o755)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _templates(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".tmpl"):
            yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")
