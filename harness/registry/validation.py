"""Checks the values that plugins provide, so that a mistake is named as the plugin is loaded, not hours into a run."""

from __future__ import annotations

from harness.core.errors import PluginError
from harness.types import benchmarks, extensions, languages, studies, tasks
from harness.types.checks import shown
from harness.types.languages import KnownLanguages
from harness.types.values import PluginValue

KINDS: dict[str, type[PluginValue]] = {
    kind.hook: kind
    for module in (tasks, benchmarks, studies, extensions, languages)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, PluginValue) and kind is not PluginValue
}
"""Each collector hook, and the kind of value that it yields."""


def check(hook: str, value: object) -> PluginValue:
    """The value, if ``hook`` may provide it; PluginError saying what is wrong with it, and where, otherwise.

    Its languages are checked by :func:`check_languages`, when those of all plugins are known.
    """
    kind = KINDS[hook]
    if not isinstance(value, kind):
        raise PluginError(f"{hook} provides {shown(value)}, expected {kind.__name__} values")
    value.check_key()
    value.check_references()
    value.check()
    return value


def check_languages(value: PluginValue, known: KnownLanguages) -> None:
    """PluginError where the value mentions a language that does not exist."""
    for code in value.language_codes():
        if code not in known:
            raise PluginError(f"{value.where}: unknown language {code!r}; {known.suggest(code)}")
