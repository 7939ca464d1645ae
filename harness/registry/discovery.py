"""Finds plugins, installed or given as files, without importing any of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from importlib.metadata import Distribution, EntryPoint, distributions
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, Literal

from harness.core.environment import flag, names
from harness.core.errors import UsageError, did_you_mean
from harness.core.version import FIRST_PARTY
from harness.registry.eval_yaml import EVAL_YAML, read_eval_yaml, task_name

GROUP = "harness.plugins"

Kind = Literal["first-party", "third-party", "file"]
RANK: dict[Kind, int] = {"first-party": 0, "third-party": 1, "file": 2}


@dataclass(frozen=True)
class PluginCandidate:
    """A plugin that was found; ``load`` imports it. ``refused`` says why it may not be loaded, ``disabled`` by what."""

    name: str
    distribution: str
    version: str
    kind: Kind
    load: Callable[[], Any]
    refused: str = ""
    disabled: str = ""
    path: str = ""

    @property
    def provider(self) -> str:
        """Stamp of its values: ``distribution:plugin``."""
        return f"{self.distribution}:{self.name}"


def find(files: Sequence[Path] = (), disabled: Sequence[str] = ()) -> tuple[list[PluginCandidate], list[str]]:
    """All plugins in a stable order, clashes of names refused and unwanted ones disabled, and warnings for the user.

    A plugin is disabled by its name or by ``distribution:name``. Raises UsageError for a file that does not exist and
    for an unknown name in ``disabled``; one in ``HARNESS_DISABLE_PLUGINS`` is a warning (variables outlive installs).
    """
    found = _refuse_clashes(sorted(_installed(), key=lambda c: (RANK[c.kind], c.name, c.distribution)))
    found += [_from_file(path) for path in dict.fromkeys(Path(file).absolute() for file in files)]
    from_environment = names("HARNESS_DISABLE_PLUGINS")
    known = {name for c in found for name in (c.name, c.provider)}
    for name in disabled:
        if name not in known:
            raise UsageError(f"no plugin is called {name!r}", hint=did_you_mean(name, {c.name for c in found}))
    warnings = [
        f"HARNESS_DISABLE_PLUGINS names {name!r}, but no such plugin is installed"
        for name in from_environment
        if name not in known
    ]
    off = dict.fromkeys(from_environment, "HARNESS_DISABLE_PLUGINS") | dict.fromkeys(disabled, "--no-plugin")
    autoload = flag("HARNESS_PLUGINS_AUTOLOAD", default=True)
    return [_switched(c, off, autoload) for c in found], warnings


def _switched(candidate: PluginCandidate, off: dict[str, str], autoload: bool) -> PluginCandidate:
    reason = off.get(candidate.name) or off.get(candidate.provider) or ""
    if candidate.kind == "third-party" and not autoload:
        reason = reason or "HARNESS_PLUGINS_AUTOLOAD=0"
    return replace(candidate, disabled=reason) if reason else candidate


def _installed() -> Iterator[PluginCandidate]:
    seen: set[str] = set()
    for distribution in distributions():
        name = ""
        try:
            if GROUP not in (distribution.read_text("entry_points.txt") or ""):
                continue
            name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
            if name in seen:  # shadowed by one earlier on the path, as on import
                continue
            seen.add(name)
            points = [point for point in distribution.entry_points if point.group == GROUP]
            version = distribution.version or "?"
        except Exception as error:  # metadata that cannot be read must not hide the other plugins
            yield _unreadable(distribution, name, error)
            continue
        kind: Kind = "first-party" if name == FIRST_PARTY else "third-party"
        for point in points:
            yield PluginCandidate(point.name, name, version, kind, point.load, _malformed(point))


def _unreadable(distribution: Distribution, name: str, error: Exception) -> PluginCandidate:
    folder = Path(str(getattr(distribution, "_path", "unknown"))).name  # not every kind of distribution has one
    name = name or folder.partition("-")[0]
    reason = f"its metadata in {folder} cannot be read: {type(error).__name__}: {error}"
    return PluginCandidate(name, name, "?", "third-party", _nothing, reason)


def _nothing() -> None:
    return None


def _malformed(point: EntryPoint) -> str:
    if re.fullmatch(r"[\w.]+(:[\w.]+)?(\s*\[.*\])?", point.value.strip()):
        return ""
    return f"its entry point {point.value!r} is not of the form 'package.module'"


def _refuse_clashes(found: list[PluginCandidate]) -> list[PluginCandidate]:
    """First-party names are reserved; of third parties with one name, none is loaded."""
    owners: dict[str, list[PluginCandidate]] = {}
    for candidate in found:
        owners.setdefault(candidate.name, []).append(candidate)
    return [_refuse_clash(candidate, owners[candidate.name]) for candidate in found]


def _refuse_clash(candidate: PluginCandidate, owners: list[PluginCandidate]) -> PluginCandidate:
    if candidate.kind == "first-party" or len(owners) == 1:
        return candidate
    if owners[0].kind == "first-party":
        reason = f"the plugin name {candidate.name!r} is reserved for {owners[0].distribution}"
    else:
        both = " and ".join(owner.distribution for owner in owners)
        reason = f"the plugin name {candidate.name!r} is claimed by {both}: none of them is loaded"
    return replace(candidate, refused=candidate.refused or reason)


def _from_file(path: Path) -> PluginCandidate:
    if (path / EVAL_YAML).is_file():
        path = path / EVAL_YAML
    if not path.is_file():
        hint = f"--plugin takes the path of a Python file, or of a data set with its {EVAL_YAML}"
        raise UsageError(f"plugin file not found: {path}", hint=hint)
    if path.suffix in (".yaml", ".yml"):
        return PluginCandidate(task_name(path), "file", "", "file", partial(read_eval_yaml, path), path=str(path))
    return PluginCandidate(path.stem, "file", "", "file", partial(_import_file, path), path=str(path))


class _AsItStands(SourceFileLoader):
    """Compiles a file anew: Python's cache takes one edited within the second, to the same length, for the one before."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _import_file(path: Path) -> Any:
    name = f"harness_plugin_file_{sha256(str(path).encode()).hexdigest()[:12]}"
    if path.suffix != ".py":
        raise ImportError(f"{path.name} is not a Python file")
    loader = _AsItStands(name, str(path))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look modules up by name
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
