"""Measures the models of a study's runs apart from their scores: how their tokenizers cut languages, and MultiCheckList."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analysis.checklist.run import checklist, find_templates
from harness.core.errors import DataError
from harness.data.access import DataAccess
from harness.evaluation.plan import make_plan
from harness.inference.session import open_tokenizer
from harness.inference.token_counts import token_counts
from harness.models.reference import parse_model
from harness.models.resolve import Access
from harness.studies.collect import collect
from harness.studies.measured import (
    checklist_file,
    checkpoint_of,
    question_tasks,
    read_measured,
    tokens_file,
    write_measured,
)

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.options import EvalOptions
    from harness.types.studies import Study

MOST_EXAMPLES = 200
"""Examples of a test set whose texts are counted."""


def measure_tokens(
    study: Study,
    folder: Path,
    registry: Registry,
    options: EvalOptions,
    said: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Counts words and tokens in the test sets of a study with the tokenizer of each model; returns the files.

    A file that is there is left as it is. DataError where there are no test sets.
    """
    paths = {run.model: tokens_file(folder, run.folder) for run in collect(study, folder, registry).runs}
    wanted = {model: path for model, path in paths.items() if not read_measured(path)}
    texts = _texts(study, registry, options) if wanted else {}
    for model, path in wanted.items():
        said(f"tokens: {model}")
        tokenizer = open_tokenizer(parse_model(model), Access.of(options, registry))
        found = {}
        for code, lines in texts.items():
            counts = token_counts(tokenizer, code, lines)
            found[code] = {
                name: getattr(counts, name) for name in ("words", "characters", "tokens", "unknown", "parts")
            }
        write_measured(path, {"schema": "harness-study-tokens/1", "model": model, "languages": found})
    return [*paths.values()]


def measure_checklists(
    study: Study,
    folder: Path,
    registry: Registry,
    options: EvalOptions,
    *,
    cases: int,
    said: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Asks the models of a study that answer questions MultiCheckList, run by run, and returns the files.

    It is asked in those of the study's languages that it has templates for, of the model that the first task of questions
    was scored with. Answers of the same model to as many cases are left as they are. DataError where no run has such a
    model.
    """
    collected = collect(study, folder, registry)
    tasks = question_tasks([unit.task for unit in collected.units], registry)
    templates, _ = find_templates(options.data_dir)
    codes = [code for code in templates if code in {unit.language for unit in collected.units}]
    written = []
    for run in collected.runs:
        view = collected.views.get(run.folder)
        models = [path for task in tasks if view is not None and (path := checkpoint_of(view, task))]
        if not models:
            continue
        path = checklist_file(folder, run.folder)
        written.append(path)
        known = read_measured(path)
        if (known.get("checkpoint"), known.get("cases")) == (models[0].name, cases):
            continue
        said(f"checklist: {run.name}")
        found = checklist(str(models[0]), registry, options, languages=codes, cases=cases, examples=0)
        languages: dict[str, dict[str, Any]] = {
            code: {
                "error_rate": found.average(code),
                "tests": {each.test: [each.failed, each.cases] for each in found.results if each.language == code},
            }
            for code in found.languages
        }
        content = {"schema": "harness-study-checklist/1", "checkpoint": models[0].name, "cases": cases}
        write_measured(path, {**content, "templates": found.templates, "task": tasks[0], "languages": languages})
    if not written:
        raise DataError(
            f"{folder}: no run has a model that answers questions",
            hint="the study must score a task such as xquad or mlqa",
        )
    return written


def _texts(study: Study, registry: Registry, options: EvalOptions) -> dict[str, list[str]]:
    """The texts of a study's test sets by language, without those that are not there."""
    data = DataAccess.of(registry, options.data_dir, offline=options.offline)
    benchmark = study.benchmark or None
    planned = make_plan(registry, data, split="test", benchmark=benchmark, tasks=study.tasks, languages=study.languages)
    found: dict[str, list[str]] = {}
    for entry in planned:
        if entry.present and entry.split is not None:
            examples = data.load(entry.task, entry.split).examples[:MOST_EXAMPLES]
            found.setdefault(entry.unit.language, []).extend(
                text for example in examples for text in example.texts().values()
            )
    if not found:
        raise DataError(f"{study.name}: none of its test sets is there", hint="--data-dir names the folder of the data")
    return found
