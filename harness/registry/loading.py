"""Loads plugins one by one and collects what they provide; a failure stays with the plugin that caused it."""

from __future__ import annotations

import contextlib
import inspect
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pluggy

from harness.core.errors import HarnessError, PluginError, did_you_mean
from harness.core.version import __version__
from harness.registry import hookspecs
from harness.registry.calls import Implementation, trace
from harness.registry.discovery import PluginCandidate
from harness.registry.validation import KINDS, check, check_languages
from harness.types.languages import KnownLanguages, Language, first_party_languages
from harness.types.tasks import Family, IntermediateTask, TargetTask
from harness.types.values import PluginValue


@dataclass
class Plugin:
    """One plugin and what became of it: its values by kind, or why it failed.

    ``hooks`` are the choosers and observers it implements.
    ``wanted`` are the names it would provide as far as known, so that a request for one of them can say what went wrong.
    """

    candidate: PluginCandidate
    module: Any = None
    values: dict[type[PluginValue], list[PluginValue]] = field(default_factory=dict)
    hooks: list[str] = field(default_factory=list)
    failure: str = ""
    error: BaseException | None = None
    wanted: set[str] = field(default_factory=set)
    seconds: float = 0.0

    @property
    def alive(self) -> bool:
        """Tells whether it is loaded and has not failed."""
        return not self.failure and not self.candidate.disabled

    def provides(self) -> Iterator[str]:
        """Describes its values and hooks: "target task xnli", "hook harness_resolve_data"."""
        for kind, values in self.values.items():
            yield from (f"{kind.kind} {value.key}" for value in values)
        yield from (f"hook {name}" for name in self.hooks)


class _PluginManager(pluggy.PluginManager):
    """Pluggy's, quicker: it looks twice at every name of every plugin, and most of them are no functions."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        """The options of a hook, None for what can be none."""
        if isinstance(plugin, ModuleType) and not isinstance(vars(plugin).get(name), _HOOKABLE):
            return None
        return super().parse_hookimpl_opts(plugin, name)


_HOOKABLE = (FunctionType, MethodType, staticmethod, classmethod)
"""Types that pluggy takes for hooks."""


def new_manager() -> pluggy.PluginManager:
    """A plugin manager with the hooks."""
    manager = _PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def load_all(manager: pluggy.PluginManager, candidates: Sequence[PluginCandidate]) -> list[Plugin]:
    """Loads, calls and checks every candidate, then settles what can only be seen with all of them present."""
    plugins = [load(manager, candidate) for candidate in candidates]
    _settle_clashes(manager, plugins)
    settle_references(manager, plugins)
    return plugins


def implementations(manager: pluggy.PluginManager, plugins: Sequence[Plugin], hook: str) -> Iterator[Implementation]:
    """The implementations of a chooser or observer, in the order in which pluggy would call them: the last one first."""
    providers = {id(plugin.module): plugin.candidate.provider for plugin in plugins if plugin.alive}
    for found in reversed(getattr(manager.hook, hook).get_hookimpls()):
        yield Implementation(providers.get(id(found.plugin), str(found.plugin_name)), found.function, found.argnames)


def load(manager: pluggy.PluginManager, candidate: PluginCandidate) -> Plugin:
    """Imports one plugin, calls its collectors and checks what they provide."""
    plugin = Plugin(candidate, failure=candidate.refused, wanted={candidate.name})
    if not plugin.alive:
        trace("%s is not loaded: %s", candidate.provider, candidate.disabled or candidate.refused)
        return plugin
    started = time.monotonic()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout belongs to the command's own output
            plugin.module = candidate.load()
            _check_api(plugin.module)
            _check_hooks(manager, plugin.module)
            manager.register(plugin.module, name=candidate.provider if candidate.kind != "file" else None)
            _collect(manager, plugin)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        plugin.error = error
        fail(manager, plugin, _reason(error))
    plugin.seconds = time.monotonic() - started
    outcome = plugin.failure or ", ".join(plugin.provides())
    trace("%s in %.0f ms: %s", candidate.provider, 1000 * plugin.seconds, outcome)
    return plugin


def fail(manager: pluggy.PluginManager, plugin: Plugin, reason: str) -> None:
    """Marks a plugin as failed and takes back all it provides."""
    plugin.failure = reason
    plugin.values, plugin.hooks = {}, []
    # pluggy keeps a plugin whose registration broke half-way
    if plugin.module is not None and manager.is_registered(plugin.module):
        manager.unregister(plugin.module)


def _reason(error: BaseException) -> str:
    """The error in one line, with the place in the plugin where it arose."""
    if isinstance(error, HarnessError):
        return f"{error}; {error.hint}" if error.hint else str(error)
    text = " ".join(str(error).split())
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _foreign(frame.filename)]
    if own and not isinstance(error, SyntaxError):
        reason += f" ({own[-1].filename}, line {own[-1].lineno})"
    return reason


def _foreign(filename: str) -> bool:
    """Tells whether a file belongs neither to this package nor to the standard library."""
    path = Path(filename)
    ours = Path(__file__).parents[1] in path.parents or filename.startswith("<")
    standard = Path(inspect.__file__).parent in path.parents and "site-packages" not in path.parts
    return not ours and not standard


def _check_api(module: Any) -> None:
    wanted = getattr(module, "HARNESS_API", hookspecs.API_VERSION)
    if not isinstance(wanted, int) or isinstance(wanted, bool):
        raise PluginError(f"HARNESS_API must be a whole number, not {wanted!r}")
    if wanted > hookspecs.API_VERSION:
        raise PluginError(
            f"it is written for plugin API {wanted}, but xtreme-harness {__version__} offers "
            f"API {hookspecs.API_VERSION}: upgrade xtreme-harness, or install an older version of the plugin"
        )


def _check_hooks(manager: pluggy.PluginManager, module: Any) -> None:
    known = _hook_names()
    implemented = 0
    for name in dir(module):
        options = manager.parse_hookimpl_opts(module, name)
        if options is None:
            if name in known and inspect.isfunction(inspect.getattr_static(module, name, None)):
                raise PluginError(f"{name} is not marked as a hook: decorate it with @hookimpl")
            continue
        hook = options.get("specname") or name
        if hook not in known:
            raise PluginError(f"there is no hook {hook!r}; {did_you_mean(hook, known)}")
        if options.get("wrapper") or options.get("hookwrapper"):
            raise PluginError(f"{hook} cannot be a wrapper: each plugin is called on its own")
        _check_arguments(hook, getattr(module, name))
        implemented += 1
    if not implemented:
        raise PluginError(f"it implements no hook; the hooks are {', '.join(known)}")


@cache
def _hook_names() -> list[str]:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    return [name for name in vars(hookspecs) if manager.parse_hookspec_opts(hookspecs, name) is not None]


def _check_arguments(hook: str, function: Callable[..., Any]) -> None:
    offered = list(inspect.signature(getattr(hookspecs, hook)).parameters)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.default is parameter.empty and name not in offered:
            expected = f"offers {', '.join(offered)}" if offered else "takes no arguments"
            raise PluginError(f"{hook} has no argument {name!r}: the hook {expected}")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PluginError(f"{hook} is asynchronous; hooks are plain functions")


def _collect(manager: pluggy.PluginManager, plugin: Plugin) -> None:
    for caller in manager.get_hookcallers(plugin.module) or ():
        if caller.name not in KINDS:
            plugin.hooks.append(caller.name)
            continue
        provided: list[PluginValue] = []
        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin.module:
                provided += _values(plugin, caller.name, implementation.function())
        plugin.values[KINDS[caller.name]] = sorted(provided, key=lambda value: value.key)


def _values(plugin: Plugin, hook: str, result: object) -> Iterator[PluginValue]:
    kind = KINDS[hook]
    if not isinstance(result, Iterable) or isinstance(result, str | bytes):
        expected = f"expected an iterable of {kind.__name__}: yield the values"
        raise PluginError(f"{hook} returned {type(result).__name__}, {expected}")
    seen = set()
    for value in result:
        name = getattr(value, kind.named_by, None)
        if isinstance(name, str):
            plugin.wanted.add(name)
        checked = check(hook, value)
        if checked.key in seen:
            raise PluginError(f"{hook} provides the {checked.where} more than once")
        seen.add(checked.key)
        yield replace(checked, provider=plugin.candidate.provider)  # type: ignore[type-var]


def _settle_clashes(manager: pluggy.PluginManager, plugins: Sequence[Plugin]) -> None:
    """A name belongs to the first-party plugin that has it, and to none where several third parties want it."""
    owners: dict[tuple[str, str], list[Plugin]] = {}
    for plugin in plugins:
        for kind, values in plugin.values.items():
            for value in values:
                if plugin.alive:
                    owners.setdefault((kind.kind, value.key), []).append(plugin)
    # what a first-party plugin would provide stays its own while it is disabled or broken
    absent = {p.candidate.name: p for p in plugins if p.candidate.kind == "first-party" and not p.alive}
    reasons: dict[int, tuple[Plugin, str]] = {}
    for (word, name), claimants in owners.items():
        first = next((p for p in claimants if p.candidate.kind == "first-party"), absent.get(name))
        for plugin in claimants:
            if plugin is first or (first is None and len(claimants) == 1):
                continue
            what = f"the {word} {name!r}"
            if first is not None:
                reason = f"{what} belongs to {first.candidate.provider}: choose another name"
            else:
                both = " and ".join(sorted(p.candidate.provider for p in claimants))
                reason = f"{what} is provided by {both}: none of them is loaded"
            reasons.setdefault(id(plugin), (plugin, reason))
    for plugin, reason in reasons.values():
        fail(manager, plugin, reason)


def settle_references(manager: pluggy.PluginManager, plugins: Sequence[Plugin]) -> None:
    """Tasks need their family and their languages; a plugin that fails here may take its own along, hence the loop."""
    while True:
        alive = [plugin for plugin in plugins if plugin.alive]
        families = {family.key for family in _all(alive, Family)}
        added = {language.key: language for language in _all(alive, Language) if isinstance(language, Language)}
        languages = KnownLanguages({**added, **first_party_languages()})
        reasons = [(plugin, _lacking(plugin, plugins, families, languages)) for plugin in alive]
        if not any(reason for _, reason in reasons):
            return
        for plugin, reason in reasons:
            if reason:
                fail(manager, plugin, reason)


def _lacking(plugin: Plugin, plugins: Sequence[Plugin], families: set[str], languages: KnownLanguages) -> str:
    """Reason why a plugin cannot stay: a language or a family that no plugin provides; "" where nothing is missing."""
    for values in plugin.values.values():
        for value in values:
            try:
                check_languages(value, languages)
            except PluginError as error:
                return str(error)
            if isinstance(value, TargetTask | IntermediateTask) and value.family not in families:
                lost = next((p.candidate.provider for p in plugins if p.failure and value.family in p.wanted), "")
                hint = f"{lost}, which was to provide it, failed" if lost else did_you_mean(value.family, families)
                return f"task {value.name!r}: there is no family {value.family!r}; {hint}"
    return ""


def _all(plugins: Iterable[Plugin], kind: type[PluginValue]) -> Iterator[PluginValue]:
    for plugin in plugins:
        yield from plugin.values.get(kind, ())
