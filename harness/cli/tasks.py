"""``harness tasks``: what can be scored and what can be trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from harness.cli.console import print_json, print_table, print_text
from harness.cli.shared_options import COMPUTE, columns_option, language_adapter_options, session_options
from harness.cli.task_selection import SELECTING, selected_languages
from harness.core.safe_text import safe
from harness.data.splits import task_languages
from harness.registry.default import get_registry
from harness.registry.select import find_tasks
from harness.report.table import Table, columns, detail, number
from harness.training.sources import task_summary
from harness.types.languages import language as language_of
from harness.types.tasks import Task


@click.group()
def command() -> None:
    """List the tasks, or show one of them."""


@command.command(name="list", context_settings=SELECTING)
@click.argument("selectors", nargs=-1, metavar="[SELECTOR]...")
@click.option("--role", type=click.Choice(["target", "intermediate"]), help="Only tasks to score, or to train on.")
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_tasks(selectors: tuple[str, ...], role: str | None, as_json: bool) -> None:
    """List the tasks, all of them or those that are selected.

    A SELECTOR is a name, a glob 'x*', family:tagging or benchmark:xtreme, with languages in brackets if need be:
    'xnli[sw,ur]', 'x*[script:Cyrl]'. A leading - excludes: -xnli.
    """
    registry = get_registry()
    tasks: list[tuple[str, Task]] = []
    if role != "intermediate":
        tasks += [("target", task) for task in registry.tasks().values()]
    if role != "target":
        tasks += [("intermediate", task) for task in registry.intermediate_tasks().values()]
    chosen = selected_languages(registry, (task for _, task in tasks), selectors)
    rows = [
        task_summary(registry, kind, task, [code for code in chosen[task.name] if code in task_languages(task)])
        for kind, task in tasks
        if task.name in chosen
    ]
    if as_json:
        print_json(rows)
        return
    head = columns(
        "task", detail("role"), "family", number("languages"), "metric", detail("trains on"), detail("provider")
    )
    cells = [
        (r["name"], r["role"], r["family"], len(r["languages"]), r["metric"], r["train"] or "-", r["provider"])
        for r in rows
    ]
    print_table(Table.of("", head, cells))


@command.command(name="show")
@click.argument("name")
@click.option("--language", metavar="CODE", help="Only this language.")
@click.option("--examples", "count", type=click.IntRange(min=0), default=0, help="Number of examples to show.")
@click.option("--data-dir", envvar="HARNESS_DATA_DIR", metavar="FOLDER", help="Data folder.")
@click.option("--model", default="tiny", show_default=True, help="Model whose tokenizer is shown.")
@language_adapter_options
@session_options(without=COMPUTE)
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_task(
    name: str, language: str | None, count: int, data_dir: str | None, model: str, as_json: bool, **access: Any
) -> None:
    """Show a task: languages, official sizes, training data, metric, licence, who provides it, what data is there.

    With --examples, the first ones of a language with their tokens, as the task's family gives them to a model. With
    --language-adapters, the adapter that each language gets.
    """
    registry = get_registry()
    found = find_tasks(registry, name)
    from harness.evaluation.task_details import task_details
    from harness.types.options import EvalOptions

    options = EvalOptions(data_dir=data_dir, **access)
    shown = [task_details(registry, role, task, language, count, options, model) for role, task in found]
    if as_json:
        print_json(shown[0] if len(shown) == 1 else shown)
    else:
        for item in shown:
            _print_details(item)


def _print_details(found: Mapping[str, Any]) -> None:
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
            _origins(state, who=False),
        )
        for code, table in found["languages"].items()
        for split, state in table.items()
    ]
    print_text("")
    head = columns("code", "language", detail("script"), "split", number("official"), "data", detail("origin"))
    states = [state for table in found["languages"].values() for state in table.values()]
    told = dict.fromkeys(_origins(state) for state in states if any(source["system"] for source in state["sources"]))
    print_table(Table.of("", head, rows, notes=told))
    if "language_adapters" in found:
        from harness.report.language_adapters import adapters_table

        print_text("")
        print_table(adapters_table(found["language_adapters"]))
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


def _origins(state: Mapping[str, Any], *, who: bool = True) -> str:
    """The origins of the sources' texts, each once: most splits have only one. ``who`` names the translators as well."""
    from harness.data.provenance import origin_words

    named = (origin_words(source["origin"], source["system"] if who else "") for source in state["sources"])
    return ", or ".join(dict.fromkeys(named))
