"""Details of a task as plain values: its fields, its training data, the state of its splits, examples with tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from harness.core.errors import UsageError, did_you_mean
from harness.data.access import DataAccess
from harness.data.splits import splits_of, task_languages
from harness.families.example_tokens import example_tokens
from harness.models.language_adapters import LanguageAdapters
from harness.models.language_adapters import described as described_adapters
from harness.models.reference import parse_model
from harness.models.resolve import Access
from harness.registry.registry import Registry
from harness.training.sources import benchmark_training, training_source, training_tasks
from harness.types.languages import language as language_of
from harness.types.options import EvalOptions
from harness.types.sources import Split, described, pinned
from harness.types.tasks import TargetTask, Task


def task_details(
    registry: Registry,
    role: str,
    task: Task,
    language: str | None,
    examples: int,
    options: EvalOptions,
    model: str = "tiny",
) -> dict[str, Any]:
    """The task with the state of its data; ``language`` narrows, ``examples`` adds that many of its first split.

    With the examples come their tokens, as ``model`` sees them. The ``options`` say where the data are, and what opening
    the model may do.

    Raises UsageError for a language that the task does not have, DataError where examples are wanted without data.
    """
    codes = task_languages(task)
    if language is not None and language not in codes:
        language_of(language)
        hint = did_you_mean(language, codes)
        raise UsageError(f"the {role} task {task.name!r} has no language {language!r}", hint=hint)
    splits = {code: splits_of(task, code) for code in codes if language in (None, code)}
    if isinstance(task, TargetTask):
        training_tasks(task, registry)  # one that names a task that is not there is refused
    data = DataAccess.of(registry, options.data_dir, offline=True)
    found: dict[str, Any] = {
        "name": task.name,
        "role": role,
        "version": task.version,
        "summary": task.summary,
        "family": task.family,
        "labels": list(task.labels),
        "metric": task.metric,
        "average": task.average if isinstance(task, TargetTask) else None,
        "options": dict(task.options),
        "train": training_source(task),
        "train_in_benchmarks": benchmark_training(task, registry) if isinstance(task, TargetTask) else {},
        "train_data": _state(data, task.train) if isinstance(task.train, Split) else None,
        "licence": task.licence,
        "citation": task.citation,
        "provider": task.provider,
        "distribution": _distribution(registry, task.provider),
        "languages": {
            code: {name: _state(data, split) for name, split in table.items()} for code, table in splits.items()
        },
    }
    if options.language_adapters is not None:
        adapters = LanguageAdapters.of(options.language_adapters, options.adapter_fallback)
        found["language_adapters"] = described_adapters(adapters.chosen(splits))
    if examples:
        found["examples"] = _examples(registry, task, splits, examples, data, model, Access.of(options, registry))
    return found


def _distribution(registry: Registry, provider: str) -> str:
    """Distribution and version of a plugin: "xtreme-harness 1.0"."""
    found = next((plugin for plugin in registry.plugins() if plugin.provider == provider), None)
    return f"{found.distribution} {found.version}".strip() if found else ""


def _state(data: DataAccess, split: Split) -> dict[str, Any]:
    status = data.status(split)
    return {
        "official_rows": split.rows,
        "rows": status.rows,
        "data": status.state,
        "source": status.source,
        "reason": status.reason,
        "sources": [
            {"source": described(source, pinned(source)), "origin": source.origin, "system": source.system}
            for source in split.sources
        ],
    }


def _examples(
    registry: Registry,
    task: Task,
    splits: Mapping[str, Mapping[str, Split]],
    count: int,
    data: DataAccess,
    model: str,
    access: Access,
) -> list[dict[str, Any]]:
    from harness.inference.session import open_tokenizer

    code = "en" if "en" in splits else next(iter(splits))
    table = splits[code]
    name = next((name for name in ("test", "dev", "train") if name in table), next(iter(table)))
    loaded = data.load(task, table[name])
    reference = parse_model(model)
    if reference.kind == "baseline":
        raise UsageError(f"--model {model}: a baseline sees no tokens")
    tokenizer = open_tokenizer(reference, access)
    return [
        {
            "language": code,
            "split": name,
            "type": type(example).__name__,
            **_fields(example),
            "tokens": example_tokens(registry, task, example, tokenizer),
        }
        for example in loaded.examples[:count]
    ]


def _fields(value: Any) -> Any:
    """The fields of an example, and of what is in it, but for those that equality leaves out: where a picture is kept."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _fields(getattr(value, each.name)) for each in fields(value) if each.compare}
    return type(value)(map(_fields, value)) if isinstance(value, list | tuple) else value
