"""``harness tasks``: what can be scored and what can be trained on."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.console import print_json, print_table
from harness.cli.task_details import details, print_details
from harness.cli.task_selection import SELECTING, selected_languages
from harness.data.splits import task_languages
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.report.table import Table, columns, number
from harness.training.sources import training_source
from harness.types.tasks import Task


@click.group()
def command() -> None:
    """List the tasks, or show one of them."""


@command.command(name="list", context_settings=SELECTING)
@click.argument("selectors", nargs=-1, metavar="[SELECTOR]...")
@click.option("--role", type=click.Choice(["target", "intermediate"]), help="Only tasks to score, or to train on.")
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
        _summary(registry, kind, task, [code for code in chosen[task.name] if code in task_languages(task)])
        for kind, task in tasks
        if task.name in chosen
    ]
    if as_json:
        print_json(rows)
        return
    head = columns("task", "role", "family", number("languages"), "metric", "trains on", "provider")
    cells = [
        (r["name"], r["role"], r["family"], len(r["languages"]), r["metric"], r["train"] or "-", r["provider"])
        for r in rows
    ]
    print_table(Table.of("", head, cells))


@command.command(name="show")
@click.argument("name")
@click.option("--language", metavar="CODE", help="Only this language.")
@click.option("--examples", "count", type=click.IntRange(min=0), default=0, help="Show so many examples.")
@click.option("--data-dir", envvar="HARNESS_DATA_DIR", metavar="FOLDER", help="Where data is looked for.")
@click.option("--model", default="tiny", show_default=True, help="Whose tokens of the examples are shown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_task(name: str, language: str | None, count: int, data_dir: str | None, model: str, as_json: bool) -> None:
    """Show a task: languages, official sizes, training data, metric, licence, who provides it, what data is there.

    With --examples, the first ones of a language with their tokens, as the task's family gives them to a model.
    """
    registry = get_registry()
    found = find_tasks(registry, name)
    shown = [details(registry, role, task, language, count, data_dir, model) for role, task in found]
    if as_json:
        print_json(shown[0] if len(shown) == 1 else shown)
    else:
        for item in shown:
            print_details(item)


def _summary(registry: Registry, role: str, task: Task, languages: list[str]) -> dict[str, Any]:
    return {
        "name": task.name,
        "role": role,
        "version": task.version,
        "family": task.family,
        "languages": languages,
        "metric": task.metric,
        "train": training_source(task),
        "benchmarks": [name for name, b in registry.benchmarks().items() if role == "target" and task.name in b.tasks],
        "provider": task.provider,
        "summary": task.summary,
    }


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
