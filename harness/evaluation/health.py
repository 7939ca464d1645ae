"""Checks of what a run relies on: the plugins, their references to each other, and the data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.border import border
from harness.core.errors import DataError, HarnessError, PluginError
from harness.core.installation import Check
from harness.data.access import DataAccess
from harness.evaluation.plan import make_plan
from harness.registry.registry import SLOW, load_part
from harness.training.sources import training_tasks
from harness.types.extensions import Finding

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def plugin_checks(registry: Registry) -> Iterator[Check]:
    """The plugins that failed or are slow, references that lead nowhere, and what the checks of plugins find."""
    yield from _plugins(registry)
    yield from _of_plugins(registry)


def data_checks(registry: Registry, data_dir: str | None) -> Iterator[Check]:
    """The data folder and, if there is one, the test sets in it."""
    folder = _data_folder(data_dir)
    yield folder
    if folder.status == "ok":
        yield _data(registry, data_dir)


def _plugins(registry: Registry) -> Iterator[Check]:
    plugins = registry.plugins()
    failed = [plugin for plugin in plugins if plugin.status == "failed"]
    for plugin in failed:
        hint = (
            f"upgrade or uninstall {plugin.distribution}, or switch it off with HARNESS_DISABLE_PLUGINS={plugin.name}"
        )
        hint = f"correct {plugin.name}.py" if plugin.kind == "file" else hint
        yield Check(f"plugin {plugin.provider}", "failed", plugin.reason, hint, PluginError.exit_code)
    for plugin in plugins:
        if plugin.status == "ok" and plugin.seconds > SLOW:
            hint = "its modules should import heavy packages only when they are used; see python -X importtime"
            yield Check(f"plugin {plugin.provider}", "warning", plugin.reason, hint)
    disabled = sum(plugin.status == "disabled" for plugin in plugins)
    detail = f"{len(plugins) - len(failed) - disabled} loaded, {disabled} disabled, {len(failed)} failed"
    yield Check("plugins", "ok", detail)
    for problem in _dangling(registry):
        yield Check("plugins", "failed", problem, "'harness plugins' says who provides what", PluginError.exit_code)


def _of_plugins(registry: Registry) -> Iterator[Check]:
    """Runs the checks of plugins; one that raises is a failure of its plugin."""
    for check in registry.doctor_checks().values():
        name = f"{check.name} ({check.provider})"
        try:
            with border(check.run, PluginError):
                found = load_part(check, "run")()
                if not isinstance(found, Finding):
                    raise TypeError(f"it returned {type(found).__name__}, expected a Finding")
        except HarnessError as error:
            yield Check(name, "failed", str(error), f"correct or remove {check.provider}", PluginError.exit_code)
            continue
        code = PluginError.exit_code if found.status == "failed" else 0
        yield Check(name, found.status, found.detail, found.hint, code)


def _dangling(registry: Registry) -> Iterator[str]:
    """References between plugins that lead nowhere; they are looked up only when used, so nothing else reports them."""
    for task in registry.tasks().values():
        try:
            training_tasks(task, registry)
        except HarnessError as error:
            yield str(error)
    for benchmark in registry.benchmarks().values():
        missing = [name for name in benchmark.tasks if name not in registry.tasks()]
        if missing:
            yield f"benchmark {benchmark.name!r} ({benchmark.provider}) lacks the tasks {', '.join(missing)}"


def _data_folder(value: str | None) -> Check:
    if not value:
        hint = "data are then looked for in the Hugging Face cache and on the Hub"
        return Check("data folder", "ok", f"HARNESS_DATA_DIR is not set: {hint}")
    names = [value] if Path(value).is_dir() else [name for name in value.split(os.pathsep) if name.strip()]
    missing = [name for name in names if not Path(name).expanduser().is_dir()]
    if missing:
        hint = "correct --data-dir or HARNESS_DATA_DIR, or write a small corpus there: harness data sample"
        return Check("data folder", "failed", f"not a folder: {', '.join(missing)}", hint, DataError.exit_code)
    return Check("data folder", "ok", ", ".join(names))


def _data(registry: Registry, data_dir: str | None) -> Check:
    """Share of the installed tasks' test data that is there. Nothing is fetched, and only the heads of files are read."""
    try:
        planned = make_plan(registry, DataAccess.of(registry, data_dir, offline=True), split="test")
    except HarnessError as error:
        return Check("data", "warning", str(error), error.hint)
    damaged = [entry for entry in planned if entry.damaged]
    if damaged:
        detail = f"{len(damaged)} damaged, {damaged[0].unit.key}: {damaged[0].reason}"
        return Check("data", "failed", detail, "'harness data verify' reads everything", DataError.exit_code)
    present = [entry for entry in planned if entry.present]
    tasks = ", ".join(dict.fromkeys(entry.task.name for entry in present))
    return Check(
        "data", "ok", f"test sets: {len(present)} of {len(planned)} are there" + (f" ({tasks})" if tasks else "")
    )
