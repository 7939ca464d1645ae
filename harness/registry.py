"""The registry: what the plugins provide, each loaded and called on its own, its values checked and stamped.

pluggy validates hooks and runs the choosers. Discovery (:mod:`harness.discovery`) and collection are ours, so that one
broken plugin costs only what it provides: it is reported once, listed for ever, and fatal only to whoever asks for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.discovery import Kind, find
from harness.errors import HarnessError, PluginError, UsageError, did_you_mean
from harness.loading import Plugin, load_all, new_manager
from harness.specs import Benchmark, Family, IntermediateTask, Recipe, Split, TargetTask
from harness.validation import KINDS

log = logging.getLogger(__name__)

V = TypeVar("V", TargetTask, IntermediateTask, Family, Benchmark, Recipe)


@dataclass(frozen=True)
class PluginStatus:
    """What became of one plugin; ``provides`` names its values ("target task xnli"), ``seconds`` is loading time."""

    name: str
    distribution: str
    version: str
    kind: Kind
    status: Literal["ok", "failed", "disabled"]
    reason: str
    provides: tuple[str, ...]
    seconds: float

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
        self._tables = {word: self._table(hook) for hook, (word, _) in KINDS.items()}
        self._tables["target task"] = self._ordered(self._tables["target task"])
        for warning in warnings:
            log.warning("%s", warning)
        for plugin in self._plugins:
            if plugin.failure:
                log.warning("plugin %s is skipped: %s", plugin.candidate.provider, plugin.failure)
                log.debug("the error of plugin %s", plugin.candidate.provider, exc_info=plugin.error)

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
        """The choosers, called with keywords: ``registry.hook.harness_resolve_data(source=..., ...)``."""
        return self._manager.hook

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

    def training(self, task: TargetTask) -> Split | IntermediateTask | None:
        """What a target task is fine-tuned on: its own split, the intermediate task it names, or nothing."""
        if not isinstance(task.train, str):
            return task.train
        try:
            return self.intermediate(task.train)
        except HarnessError as error:
            message = f"the task {task.name!r} ({task.provider}) trains on {task.train!r}: {error}"
            raise PluginError(message, hint=error.hint) from None

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
        strict = os.environ.get("HARNESS_STRICT_PLUGINS", "").strip().lower() in ("1", "true", "yes", "on")
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
    return PluginStatus(
        candidate.name,
        candidate.distribution,
        candidate.version,
        candidate.kind,
        state,
        candidate.disabled or plugin.failure,
        () if plugin.failure else tuple(plugin.provides()),
        plugin.seconds,
    )


_default: tuple[tuple[Path, ...], tuple[str, ...]] = ((), ())


def set_default_plugins(files: Iterable[Path] = (), disabled: Iterable[str] = ()) -> None:
    """Plugin files and disabled plugins that :func:`get_registry` uses when called plainly (the command's options)."""
    global _default
    _default = (tuple(files), tuple(disabled))


def get_registry(plugin_files: Sequence[Path] = (), disabled: Sequence[str] = (), *, check: bool = True) -> Registry:
    """The registry of the installed plugins, built once, with further plugin files and without the disabled ones.

    Reads ``HARNESS_DISABLE_PLUGINS`` (names), ``HARNESS_PLUGINS_AUTOLOAD`` (0: first-party plugins and files only) and
    ``HARNESS_STRICT_PLUGINS``. Raises UsageError for a missing file or an unknown name to disable; with ``check``,
    PluginError for a plugin file that failed, or under ``HARNESS_STRICT_PLUGINS=1`` for any failure.
    """
    files, off = (tuple(plugin_files), tuple(disabled)) if plugin_files or disabled else _default
    registry = _build(files, off, os.environ.get("HARNESS_DISABLE_PLUGINS"), os.environ.get("HARNESS_PLUGINS_AUTOLOAD"))
    if check:
        registry.check()
    return registry


@cache
def _build(files: tuple[Path, ...], disabled: tuple[str, ...], *environment: str | None) -> Registry:
    return Registry(files, disabled)


def load_object(reference: str) -> Any:
    """Imports ``"module:attribute"``; PluginError where the module or the attribute cannot be had."""
    module, _, attribute = reference.partition(":")
    if not module or not attribute:
        raise PluginError(f"{reference!r} is not of the form 'module:attribute'")
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"cannot load {reference!r}: {type(error).__name__}: {error}") from error
    return found
