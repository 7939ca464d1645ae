"""The one registry of a process, which the command line and the API take where none is handed to them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from harness.registry.eval_yaml import EVAL_YAML
from harness.registry.registry import Registry

_default: tuple[tuple[Path, ...], tuple[str, ...]] = ((), ())


def set_default_plugins(files: Iterable[Path] = (), disabled: Iterable[str] = ()) -> None:
    """Plugin files and disabled plugins that :func:`get_registry` uses when called plainly (the command's options)."""
    global _default
    _default = (tuple(files), tuple(disabled))


def default_plugins() -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The plugin files and the disabled plugins of :func:`set_default_plugins`, for another process."""
    return _default


def get_registry(plugin_files: Sequence[Path] = (), disabled: Sequence[str] = (), *, check: bool = True) -> Registry:
    """The registry of the installed plugins, with further plugin files and without the disabled ones.

    It is built once, and again for plugin files that are others or have changed.

    Reads ``HARNESS_DISABLE_PLUGINS`` (names), ``HARNESS_PLUGINS_AUTOLOAD`` (0: first-party plugins and files only) and
    ``HARNESS_STRICT_PLUGINS``. Raises UsageError for a missing file or an unknown name to disable; with ``check``,
    PluginError for a plugin file that failed, or under ``HARNESS_STRICT_PLUGINS=1`` for any failure.
    """
    files, off = (tuple(plugin_files), tuple(disabled)) if plugin_files or disabled else _default
    environment = [os.environ.get(name) for name in ("HARNESS_DISABLE_PLUGINS", "HARNESS_PLUGINS_AUTOLOAD")]
    registry = _build(files, off, *map(_state, files), *environment)
    if check:
        registry.check()
    return registry


@cache
def _build(files: tuple[Path, ...], disabled: tuple[str, ...], *states: str | None) -> Registry:
    return Registry(files, disabled)


def _state(file: Path) -> str:
    """Tells a file from one of the same name in another folder, and from its own earlier content."""
    try:
        about = (file / EVAL_YAML if file.is_dir() else file).stat()
    except OSError:
        return ""
    return f"{file.absolute()} {about.st_size} {about.st_mtime_ns}"
