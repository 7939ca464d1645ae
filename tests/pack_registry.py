"""Packs as plugin files, so that no test depends on what is installed."""

from __future__ import annotations

import sys
from pathlib import Path

from harness import Registry, get_registry

PACKS = Path(__file__).resolve().parents[1] / "packs"
NAMES = tuple(sorted(path.parent.name for path in PACKS.glob("*/pyproject.toml")))


def with_packs(*names: str) -> Registry:
    """The registry with the plugins of these packs; without names, of all packs."""
    files = []
    for name in names or NAMES:
        if (folder := str(PACKS / name)) not in sys.path:
            sys.path.append(folder)
        files += sorted((PACKS / name).glob("harness_*/plugin.py"))
    return get_registry(files)
