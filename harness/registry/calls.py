"""Calls choosers and observers, each implementation separately, so that an exception in one does not affect the others.

``registry.hook.harness_resolve_data(source=..., data_dir=..., offline=...)`` asks the choosers in turn; an observer hook
is called in the same way. Collectors are called as the plugins are loaded, see :mod:`harness.registry.loading`.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.environment import flag
from harness.core.errors import HarnessError, PluginError

log = logging.getLogger("harness.plugins")

OBSERVERS = (
    "harness_configure",
    "harness_run_started",
    "harness_step_trained",
    "harness_unit_scored",
    "harness_run_finished",
)


def trace(message: str, *values: object) -> None:
    """Says what the plugins do, where ``HARNESS_TRACE_PLUGINS=1``."""
    if flag("HARNESS_TRACE_PLUGINS"):
        log.info("plugins: " + message, *values)


@dataclass(frozen=True)
class Implementation:
    """One plugin's implementation of a hook, with the arguments that it names."""

    provider: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]

    def __call__(self, offered: Mapping[str, Any]) -> Any:
        """Calls it with those of the arguments offered that it names."""
        with contextlib.redirect_stdout(sys.stderr):  # stdout belongs to the command's own output
            return self.function(**{name: offered[name] for name in self.arguments})


class Hooks:
    """The choosers and observers of the plugins that are alive; ``find(hook)`` lists implementations, first to ask first.

    Each failure of a plugin is logged once. Under ``HARNESS_STRICT_PLUGINS=1`` a chooser that fails is an error.
    """

    def __init__(self, find: Callable[[str], Iterable[Implementation]]) -> None:
        self._find = find
        self._told: set[tuple[str, str]] = set()

    def __getattr__(self, hook: str) -> Callable[..., Any]:
        if not hook.startswith("harness_"):
            raise AttributeError(hook)
        call = self._tell if hook in OBSERVERS else self._choose
        return lambda **offered: call(hook, offered)

    def implemented(self, hook: str) -> Callable[..., Any] | None:
        """The hook, or None where no plugin implements it."""
        return getattr(self, hook) if any(True for _ in self._find(hook)) else None

    def _choose(self, hook: str, offered: Mapping[str, Any]) -> Any:
        """The first answer that is not None. A plugin that fails, or answers with something else, is passed over.

        An error that a plugin raises on purpose (a HarnessError) is the answer: it is passed on with the plugin's name.
        """
        for implementation in self._find(hook):
            provider = implementation.provider
            try:
                answer = implementation(offered)
                if answer is not None:
                    answer = _ANSWERS[hook](answer)
            except HarnessError as error:
                error.args = (f"{error} ({hook} of plugin {provider})",)
                raise
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit, say: a plugin cannot end the command without a word
                message = f"plugin {provider} failed in {hook}: {_shown(error)}"
                if flag("HARNESS_STRICT_PLUGINS"):
                    raise PluginError(message, hint="HARNESS_STRICT_PLUGINS is set") from error
                self._failed(provider, f"{message}; it is passed over", error)
                continue
            trace("%s of %s: %s", hook, provider, "pass" if answer is None else "answers")
            if answer is not None:
                return answer
        return None

    def _tell(self, hook: str, offered: Mapping[str, Any]) -> None:
        for implementation in self._find(hook):
            trace("%s of %s", hook, implementation.provider)
            try:
                implementation(offered)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                message = f"plugin {implementation.provider} failed in {hook}: {_shown(error)}"
                self._failed(implementation.provider, f"{message}; nothing else is affected", error)

    def _failed(self, provider: str, message: str, error: BaseException) -> None:
        told = (provider, _shown(error))
        level = logging.DEBUG if told in self._told else logging.WARNING
        self._told.add(told)
        log.log(level, "%s", message)
        log.debug("the error of plugin %s", provider, exc_info=error)


def _shown(error: BaseException) -> str:
    return str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"


def _paths(answer: Any) -> list[Path]:
    if isinstance(answer, str | Path) or not isinstance(answer, Iterable):
        raise TypeError(f"it returned {type(answer).__name__}, expected a list of parquet files or None")
    paths = [Path(item) for item in answer]
    absent = [path for path in paths if not path.is_file()]
    if absent:
        raise FileNotFoundError(f"it returned {absent[0]}, which is not a file")
    return paths


def _folder(answer: Any) -> Path:
    if not isinstance(answer, str | Path):
        raise TypeError(f"it returned {type(answer).__name__}, expected the path of a folder or None")
    if not Path(answer).is_dir():
        raise FileNotFoundError(f"it returned {answer}, which is not a folder")
    return Path(answer)


def _search(answer: Any) -> Callable[..., Any]:
    if not callable(answer):
        raise TypeError(f"it returned {type(answer).__name__}, expected a search function or None")
    return answer  # type: ignore[no-any-return]


_ANSWERS: dict[str, Callable[[Any], Any]] = {
    "harness_resolve_data": _paths,
    "harness_load_encoder": _folder,
    "harness_build_index": _search,
}
"""Checks the answer of each chooser; what it raises counts as the plugin's failure."""
