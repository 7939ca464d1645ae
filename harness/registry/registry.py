"""The registry: what the plugins provide, each loaded and called separately, its values checked and stamped.

pluggy validates the hooks. Discovery (:mod:`~harness.registry.discovery`), collection (:mod:`~harness.registry.loading`) and
calls (:mod:`~harness.registry.calls`) are ours, so that one broken plugin costs only what it provides: it is reported once,
listed from then on, and fatal only where it is asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.core.environment import flag
from harness.core.errors import HarnessError, PluginError, UsageError, did_you_mean
from harness.core.imports import load_object
from harness.registry.calls import Hooks
from harness.registry.discovery import Kind, PluginCandidate, find
from harness.registry.loading import Plugin, fail, implementations, load, load_all, new_manager, settle_references
from harness.registry.validation import KINDS
from harness.types.benchmarks import Benchmark, Recipe
from harness.types.extensions import (
    Attribute,
    Command,
    DoctorCheck,
    ExportFormat,
    Launcher,
    Objective,
    ReportFormat,
    Tracker,
)
from harness.types.languages import KnownLanguages, Language, add_languages, first_party_languages
from harness.types.studies import Study
from harness.types.tasks import Family, IntermediateTask, TargetTask
from harness.types.values import PluginValue

log = logging.getLogger(__name__)

V = TypeVar("V", bound=PluginValue)

SLOW = 1.0
"""Seconds of loading from which a plugin is reported as slow: every command waits for it."""


@dataclass(frozen=True)
class PluginStatus:
    """Status of one plugin; ``provides`` names its values ("recipe mine"), ``seconds`` is its loading time.

    ``reason`` says why it failed, what disabled it, or that it is slow; ``path`` is where a plugin file is.
    """

    name: str
    distribution: str
    version: str
    kind: Kind
    status: Literal["ok", "failed", "disabled"]
    reason: str
    provides: tuple[str, ...]
    seconds: float
    path: str = ""

    @property
    def provider(self) -> str:
        """Stamp of its values: ``distribution:plugin``."""
        return f"{self.distribution}:{self.name}"


class Registry:
    """Everything the plugins provide. Built by :func:`get_registry`."""

    def __init__(self, files: Sequence[Path] = (), disabled: Sequence[str] = ()) -> None:
        candidates, warnings = find(files, disabled)
        self._tables: dict[type[PluginValue], dict[str, Any]]
        self._manager = new_manager()
        self._plugins = load_all(self._manager, candidates)
        self._hooks = Hooks(lambda hook: implementations(self._manager, self._plugins, hook))
        self._fill()
        for warning in warnings:
            log.warning("%s", warning)
        for plugin in self._plugins:
            if plugin.failure:
                log.warning("plugin %s is skipped: %s", plugin.candidate.provider, plugin.failure)
                log.debug("the error of plugin %s", plugin.candidate.provider, exc_info=plugin.error)
        self._hooks.harness_configure(registry=self)

    def add(self, plugin: Any, name: str) -> None:
        """Registers a module or an object as one more plugin, an observer in a notebook, say.

        Raises PluginError where it is broken, or where it or its values have a name that is taken.
        """
        if any(known.candidate.name == name for known in self._plugins):
            raise PluginError(f"there is a plugin called {name!r} already", hint="choose another name")
        added = load(self._manager, PluginCandidate(name, "added", "", "file", lambda: plugin))
        everyone = [*self._plugins, added]
        for kind, values in added.values.items():
            for value in values:
                if value.key in self._tables[kind]:
                    fail(self._manager, added, f"the {value.where} is there already: choose another name")
                    break
        settle_references(self._manager, everyone)
        if added.failure:
            raise PluginError(f"plugin {added.candidate.provider}: {added.failure}") from added.error
        self._plugins = everyone
        self._fill()
        provider = added.candidate.provider
        late = [i for i in implementations(self._manager, [added], "harness_configure") if i.provider == provider]
        Hooks(lambda hook: late).harness_configure(registry=self)

    def _fill(self) -> None:
        self._tables = {kind: self._table(kind) for kind in KINDS.values()}
        self._tables[TargetTask] = self._ordered(self._tables[TargetTask])
        add_languages(self._tables[Language].values())

    def _table(self, kind: type[PluginValue]) -> dict[str, Any]:
        """Name to value, what is first-party before the rest, each by name."""
        provided = [
            (plugin.candidate.kind != "first-party", value.key, value)
            for plugin in self._plugins
            for value in plugin.values.get(kind, ())
        ]
        return {name: value for _, name, value in sorted(provided, key=lambda item: item[:2])}

    def _ordered(self, tasks: dict[str, Any]) -> dict[str, Any]:
        """In the order of the benchmarks, then by name."""
        listed = [name for benchmark in self.benchmarks().values() for name in benchmark.tasks if name in tasks]
        return {name: tasks[name] for name in dict.fromkeys(listed + sorted(tasks))}

    @property
    def hook(self) -> Any:
        """Choosers and observers, called with keywords: ``registry.hook.harness_resolve_data(source=..., ...)``."""
        return self._hooks

    def all(self, kind: type[V]) -> dict[str, V]:
        """All values of a kind by name, what is first-party before the rest: ``registry.all(Recipe)``."""
        return dict(self._tables[kind])

    def get(self, kind: type[V], name: str) -> V:
        """The value of a kind; UsageError if there is none, PluginError if a plugin that failed was to provide it."""
        found: dict[str, V] = self._tables[kind]
        if name not in found:
            raise self.missing(kind.kind, name, found)
        return found[name]

    def tasks(self) -> dict[str, TargetTask]:
        """All target tasks by name, in the order of the benchmarks, then alphabetically."""
        return self.all(TargetTask)

    def intermediate_tasks(self) -> dict[str, IntermediateTask]:
        """All intermediate tasks by name."""
        return self.all(IntermediateTask)

    def families(self) -> dict[str, Family]:
        """All families by name."""
        return self.all(Family)

    def titles(self) -> dict[str, str]:
        """Of the tasks and benchmarks that have a title, what people call them."""
        tasks: tuple[IntermediateTask | TargetTask, ...] = (*self.intermediate_tasks().values(), *self.tasks().values())
        named = {task.name: task.title for task in tasks if task.title}
        return {**named, **{benchmark.name: benchmark.title for benchmark in self.benchmarks().values()}}

    def benchmarks(self) -> dict[str, Benchmark]:
        """All benchmarks by name."""
        return self.all(Benchmark)

    def recipes(self) -> dict[str, Recipe]:
        """All recipes by name."""
        return self.all(Recipe)

    def studies(self) -> dict[str, Study]:
        """All studies by name."""
        return self.all(Study)

    def objectives(self) -> dict[str, Objective]:
        """All objectives by name."""
        return self.all(Objective)

    def report_formats(self) -> dict[str, ReportFormat]:
        """All report formats by name."""
        return self.all(ReportFormat)

    def export_formats(self) -> dict[str, ExportFormat]:
        """All export formats by name."""
        return self.all(ExportFormat)

    def attributes(self) -> dict[str, Attribute]:
        """All attributes of examples by name."""
        return self.all(Attribute)

    def commands(self) -> dict[str, Command]:
        """All commands of plugins by name."""
        return self.all(Command)

    def launchers(self) -> dict[str, Launcher]:
        """All launchers by name."""
        return self.all(Launcher)

    def languages(self) -> KnownLanguages:
        """All languages by code; listed are those of XTREME and XTREME-R, and those of plugins."""
        return KnownLanguages({**self.all(Language), **first_party_languages()})

    def trackers(self) -> dict[str, Tracker]:
        """All trackers by name."""
        return self.all(Tracker)

    def doctor_checks(self) -> dict[str, DoctorCheck]:
        """All doctor checks of plugins by name."""
        return self.all(DoctorCheck)

    def task(self, name: str) -> TargetTask:
        """The target task; errors as for :meth:`get`."""
        return self.get(TargetTask, name)

    def intermediate(self, name: str) -> IntermediateTask:
        """The intermediate task; errors as for :meth:`get`."""
        return self.get(IntermediateTask, name)

    def family(self, name: str) -> Family:
        """The family; errors as for :meth:`get`."""
        return self.get(Family, name)

    def benchmark(self, name: str) -> Benchmark:
        """The benchmark; errors as for :meth:`get`."""
        return self.get(Benchmark, name)

    def recipe(self, name: str) -> Recipe:
        """The recipe; errors as for :meth:`get`."""
        return self.get(Recipe, name)

    def study(self, name: str) -> Study:
        """The study; errors as for :meth:`get`."""
        return self.get(Study, name)

    def objective(self, name: str) -> Objective:
        """The objective; errors as for :meth:`get`."""
        return self.get(Objective, name)

    def report_format(self, name: str) -> ReportFormat:
        """The report format; errors as for :meth:`get`."""
        return self.get(ReportFormat, name)

    def export_format(self, name: str) -> ExportFormat:
        """The export format; errors as for :meth:`get`."""
        return self.get(ExportFormat, name)

    def command(self, name: str) -> Command:
        """The command of a plugin; errors as for :meth:`get`."""
        return self.get(Command, name)

    def launcher(self, name: str) -> Launcher:
        """The launcher; errors as for :meth:`get`."""
        return self.get(Launcher, name)

    def missing(self, word: str, name: str, known: Collection[str]) -> HarnessError:
        """The error for a ``word`` ("target task") that no plugin provides: why not, if known, else similar names."""
        for plugin in self._plugins:
            candidate = plugin.candidate
            if plugin.failure and name in plugin.wanted:
                return PluginError(
                    f"the {word} {name!r} is not available: plugin {candidate.provider} failed: {plugin.failure}",
                    hint="'harness plugins' lists every plugin and what is wrong with it",
                )
            if candidate.disabled and name in plugin.wanted:
                message = f"the {word} {name!r} is not available: plugin {candidate.provider} is disabled"
                return UsageError(message, hint=f"it was disabled by {candidate.disabled}")
        hint = did_you_mean(name, known)
        failed = [plugin.candidate.provider for plugin in self._plugins if plugin.failure]
        if failed:
            hint += f"{'; ' if hint else ''}plugins that failed to load: {', '.join(failed)} (see 'harness plugins')"
        return UsageError(f"unknown {word} {name!r}", hint=hint)

    def plugins(self) -> list[PluginStatus]:
        """Every plugin that was found: first-party, third-party, files; each by name."""
        return [_status(plugin) for plugin in self._plugins]

    def check(self) -> None:
        """PluginError for a plugin file that failed and, under ``HARNESS_STRICT_PLUGINS=1``, for any that did."""
        strict = flag("HARNESS_STRICT_PLUGINS")
        fatal = [plugin for plugin in self._plugins if plugin.failure and (strict or plugin.candidate.kind == "file")]
        if fatal:
            lines = "; ".join(f"{plugin.candidate.provider}: {plugin.failure}" for plugin in fatal)
            asked = "HARNESS_STRICT_PLUGINS is set" if strict else "it was asked for with --plugin"
            raise PluginError(f"plugin failed: {lines}", hint=f"{asked}, so nothing runs without it")


def _status(plugin: Plugin) -> PluginStatus:
    candidate = plugin.candidate
    state: Literal["ok", "failed", "disabled"] = (
        "disabled" if candidate.disabled else "failed" if plugin.failure else "ok"
    )
    slow = f"slow: every command waits {plugin.seconds:.1f} s for it" if plugin.seconds > SLOW else ""
    return PluginStatus(
        candidate.name,
        candidate.distribution,
        candidate.version,
        candidate.kind,
        state,
        candidate.disabled or plugin.failure or slow,
        () if plugin.failure else tuple(plugin.provides()),
        plugin.seconds,
        candidate.path,
    )


def load_part(value: PluginValue, field: str) -> Any:
    """Imports what a field of a plugin's value refers to; PluginError names the plugin, the value and the field."""
    try:
        return load_object(getattr(value, field))
    except PluginError as error:
        raise PluginError(f"plugin {value.provider}: {value.where}: {field}: {error}") from error
