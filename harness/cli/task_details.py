"""Everything ``harness tasks show`` says about one task, as plain values and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from harness.cli.console import print_table, print_text
from harness.core.errors import UsageError, did_you_mean
from harness.core.safe_text import safe
from harness.data.splits import splits_of, task_languages
from harness.registry.registry import Registry
from harness.report.table import Table, number
from harness.training.sources import benchmark_training, training_source, training_tasks
from harness.types.languages import language as language_of
from harness.types.tasks import Split, TargetTask, Task

if TYPE_CHECKING:
    from harness.data.access import DataAccess


def details(
    registry: Registry,
    role: str,
    task: Task,
    language: str | None,
    examples: int,
    data_dir: str | None,
    model: str = "tiny",
) -> dict[str, Any]:
    """The task with the state of its data; ``language`` narrows, ``examples`` adds so many of its first split.

    With the examples come their tokens, as ``model`` sees them.

    Raises UsageError for a language that the task does not have, DataError where examples are wanted without data.
    """
    codes = task_languages(task)
    if language is not None and language not in codes:
        language_of(language)
        hint = did_you_mean(language, codes)
        raise UsageError(f"the {role} task {task.name!r} has no language {language!r}", hint=hint)
    splits = {code: splits_of(task, code) for code in codes if language in (None, code)}
    from harness.data.access import DataAccess

    if isinstance(task, TargetTask):
        training_tasks(task, registry)  # one that names a task that is not there is refused
    data = DataAccess.of(registry, data_dir, offline=True)
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
    if examples:
        found["examples"] = _examples(registry, task, splits, examples, data, model)
    return found


def _distribution(registry: Registry, provider: str) -> str:
    """Distribution and version of a plugin: "xtreme-harness 1.0"."""
    found = next((plugin for plugin in registry.plugins() if plugin.provider == provider), None)
    return f"{found.distribution} {found.version}".strip() if found else ""


def _state(data: DataAccess, split: Split) -> dict[str, Any]:
    from harness.data.locate import described

    status = data.status(split)
    return {
        "official_rows": split.rows,
        "rows": status.rows,
        "data": status.state,
        "source": status.source,
        "reason": status.reason,
        "sources": [
            {"source": described(source), "origin": source.origin, "system": source.system} for source in split.sources
        ],
    }


def _examples(
    registry: Registry,
    task: Task,
    splits: Mapping[str, Mapping[str, Split]],
    count: int,
    data: DataAccess,
    model: str,
) -> list[dict[str, Any]]:
    from harness.cli.example_tokens import example_tokens
    from harness.inference.session import open_tokenizer
    from harness.models.reference import parse_model
    from harness.models.resolve import Access

    code = "en" if "en" in splits else next(iter(splits))
    table = splits[code]
    name = next((name for name in ("test", "dev", "train") if name in table), next(iter(table)))
    loaded = data.load(task, table[name])
    reference = parse_model(model)
    if reference.kind == "baseline":
        raise UsageError(f"--model {model}: a baseline sees no tokens")
    tokenizer = open_tokenizer(reference, Access(loader=registry.hook.harness_load_encoder))
    return [
        {
            "language": code,
            "split": name,
            "type": type(example).__name__,
            **asdict(cast(Any, example)),
            "tokens": example_tokens(registry, task, example, tokenizer),
        }
        for example in loaded.examples[:count]
    ]


def print_details(found: Mapping[str, Any]) -> None:
    """The details on stdout: fields, a table of languages, examples field by field."""
    print_text(safe(f"{found['name']} ({found['role']} task, version {found['version']})"))
    if found["summary"]:
        print_text(safe(found["summary"]))
    print_text("")
    train = found["train"] or "nothing"
    if found["train_data"] is not None:
        train += f" ({_size(found['train_data'])}; {_origins(found['train_data'])})"
    train += "".join(f"; in {name}: {source}" for name, source in found["train_in_benchmarks"].items())
    fields = {
        "family": found["family"],
        "labels": ", ".join(found["labels"]),
        "metric": found["metric"],
        "average": "over the items of all languages" if found["average"] == "items" else "",
        "options": ", ".join(f"{key}={value!r}" for key, value in found["options"].items()),
        "trains on": train,
        "licence": found["licence"],
        "citation": found["citation"],
        "provider": f"{found['provider']} ({found['distribution']})",
    }
    for name, value in fields.items():
        if value:
            print_text(f"{name:<11}{safe(value)}")
    rows = [
        (
            code,
            language_of(code).name,
            language_of(code).script,
            split,
            "" if state["official_rows"] is None else state["official_rows"],
            _size(state),
            _origins(state),
        )
        for code, table in found["languages"].items()
        for split, state in table.items()
    ]
    print_text("")
    print_table(Table.of("", ["code", "language", "script", "split", number("official"), "data", "origin"], rows))
    states = [state for table in found["languages"].values() for state in table.values()]
    missing = next((state["reason"] for state in states if state["data"] in ("missing", "damaged")), "")
    if missing:
        print_text(safe(missing))
    for example in found.get("examples", ()):
        print_text("")
        for name, value in example.items():
            for line in _rows(value) if name == "tokens" else [value]:
                print_text(f"{name:<11}{safe(line)}")


def _rows(rows: list[list[str]], most: int = 80) -> list[str]:
    """Rows of tokens, each on a line; of long ones the beginning."""
    return [
        " ".join(row[:most]) + (f" ... ({len(row)} tokens)" if len(row) > most else "") if row else "none"
        for row in rows[:4]
    ] + ([f"... ({len(rows)} rows)"] if len(rows) > 4 else [])


def _size(state: Mapping[str, Any]) -> str:
    if state["rows"] is None:
        return str(state["data"])
    return f"{state['data']}, {state['rows']:,} rows"


def _origins(state: Mapping[str, Any]) -> str:
    """Where the text of the sources comes from, each answer once: of most splits all have the same."""
    from harness.data.provenance import origin_words

    return ", or ".join(dict.fromkeys(origin_words(source["origin"], source["system"]) for source in state["sources"]))
