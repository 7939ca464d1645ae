"""The registry: what the plugins provide, each loaded and called on its own, its values checked and stamped.

pluggy validates the hooks. Discovery (:mod:`~harness.registry.discovery`), collection (:mod:`~harness.registry.loading`) and
calls (:mod:`~harness.registry.calls`) are ours, so that one broken plugin costs only what it provides: it is reported once,
listed for ever, and fatal only to whoever asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.core.environment import flag
from harness.core.errors import HarnessError, PluginError, UsageError, did_you_mean
from harness.core.imports import load_object
from harness.registry.calls import Hooks
from harness.registry.discovery import Candidate, Kind, find
from harness.registry.loading import Plugin, fail, implementations, load, load_all, new_manager, settle_families
from harness.registry.validation import KINDS
from harness.types.tasks import (
    Attribute,
    Benchmark,
    Command,
    DoctorCheck,
    Family,
    IntermediateTask,
    Launcher,
    Objective,
    Recipe,
    ReportFormat,
    Study,
    TargetTask,
)

log = logging.getLogger(__name__)

V = TypeVar("V")

SLOW = 1.0
"""Seconds of loading from which a plugin is reported as slow: every command waits for it."""


@dataclass(frozen=True)
class PluginStatus:
    """What became of one plugin; ``provides`` names its values ("recipe mine"), ``seconds`` is loading time.

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
        """What its values are stamped with: ``distribution:plugin``."""
        return f"{self.distribution}:{self.name}"


class Registry:
    """Everything the plugins provide. Built by :func:`get_registry`."""

    def __init__(self, files: Sequence[Path] = (), disabled: Sequence[str] = ()) -> None:
        candidates, warnings = find(files, disabled)
        self._tables: dict[str, dict[str, Any]]
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
        added = load(self._manager, Candidate(name, "added", "", "file", lambda: plugin))
        everyone = [*self._plugins, added]
        for hook, values in added.values.items():
            word = KINDS[hook][0]
            for value in values:
                if value.name in self._tables[word]:
                    fail(self._manager, added, f"the {word} {value.name!r} is there already: choose another name")
                    break
        settle_families(self._manager, everyone)
        if added.failure:
            raise PluginError(f"plugin {added.candidate.provider}: {added.failure}") from added.error
        self._plugins = everyone
        self._fill()
        provider = added.candidate.provider
        late = [i for i in implementations(self._manager, [added], "harness_configure") if i.provider == provider]
        Hooks(lambda hook: late).harness_configure(registry=self)

    def _fill(self) -> None:
        self._tables = {word: self._table(hook) for hook, (word, _) in KINDS.items()}
        self._tables["target task"] = self._ordered(self._tables["target task"])

    def _table(self, hook: str) -> dict[str, Any]:
        """Name to value, what is first-party before the rest, each by name."""
        provided = [
            (plugin.candidate.kind != "first-party", value.name, value)
            for plugin in self._plugins
            for value in plugin.values.get(hook, ())
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

    def tasks(self) -> dict[str, TargetTask]:
        """All target tasks by name, in the order of the benchmarks, then alphabetically."""
        return dict(self._tables["target task"])

    def intermediate_tasks(self) -> dict[str, IntermediateTask]:
        """All intermediate tasks by name."""
        return dict(self._tables["intermediate task"])

    def families(self) -> dict[str, Family]:
        """All families by name."""
        return dict(self._tables["family"])

    def benchmarks(self) -> dict[str, Benchmark]:
        """All benchmarks by name."""
        return dict(self._tables["benchmark"])

    def recipes(self) -> dict[str, Recipe]:
        """All recipes by name."""
        return dict(self._tables["recipe"])

    def studies(self) -> dict[str, Study]:
        """All studies by name."""
        return dict(self._tables["study"])

    def objectives(self) -> dict[str, Objective]:
        """All objectives by name."""
        return dict(self._tables["objective"])

    def report_formats(self) -> dict[str, ReportFormat]:
        """All report formats by name."""
        return dict(self._tables["report format"])

    def attributes(self) -> dict[str, Attribute]:
        """All attributes of examples by name."""
        return dict(self._tables["attribute"])

    def commands(self) -> dict[str, Command]:
        """All commands of plugins by name."""
        return dict(self._tables["command"])

    def launchers(self) -> dict[str, Launcher]:
        """All launchers by name."""
        return dict(self._tables["launcher"])

    def doctor_checks(self) -> dict[str, DoctorCheck]:
        """All doctor checks of plugins by name."""
        return dict(self._tables["doctor check"])

    def task(self, name: str) -> TargetTask:
        """The target task; UsageError if there is none, PluginError if a plugin that failed was to provide it."""
        return self._get("target task", name, self.tasks())

    def intermediate(self, name: str) -> IntermediateTask:
        """The intermediate task; errors as for :meth:`task`."""
        return self._get("intermediate task", name, self.intermediate_tasks())

    def family(self, name: str) -> Family:
        """The family; errors as for :meth:`task`."""
        return self._get("family", name, self.families())

    def benchmark(self, name: str) -> Benchmark:
        """The benchmark; errors as for :meth:`task`."""
        return self._get("benchmark", name, self.benchmarks())

    def recipe(self, name: str) -> Recipe:
        """The recipe; errors as for :meth:`task`."""
        return self._get("recipe", name, self.recipes())

    def study(self, name: str) -> Study:
        """The study; errors as for :meth:`task`."""
        return self._get("study", name, self.studies())

    def objective(self, name: str) -> Objective:
        """The objective; errors as for :meth:`task`."""
        return self._get("objective", name, self.objectives())

    def report_format(self, name: str) -> ReportFormat:
        """The report format; errors as for :meth:`task`."""
        return self._get("report format", name, self.report_formats())

    def command(self, name: str) -> Command:
        """The command of a plugin; errors as for :meth:`task`."""
        return self._get("command", name, self.commands())

    def launcher(self, name: str) -> Launcher:
        """The launcher; errors as for :meth:`task`."""
        return self._get("launcher", name, self.launchers())

    def _get(self, word: str, name: str, table: Mapping[str, V]) -> V:
        if name not in table:
            raise self.missing(word, name, table)
        return table[name]

    def missing(self, word: str, name: str, known: Collection[str]) -> HarnessError:
        """The error for a ``word`` ("target task") that nobody provides: why not, if known, else near names."""
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


def load_part(
    value: Family | Benchmark | Objective | ReportFormat | Attribute | Command | Launcher | DoctorCheck, field: str
) -> Any:
    """Imports what a field of a plugin's value refers to; PluginError names the plugin, the value and the field."""
    try:
        return load_object(getattr(value, field))
    except PluginError as error:
        kind = next(word for word, of in KINDS.values() if isinstance(value, of))
        raise PluginError(f"plugin {value.provider}: {kind} {value.name!r}: {field}: {error}") from error
