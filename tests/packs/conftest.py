"""Packs as plugin files, so that no test depends on what is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Registry, get_registry

PACKS = Path(__file__).resolve().parents[2] / "packs"


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Registry]:
    """``pack("sib200")``: a registry with the plugins of these packs."""

    def load(*names: str) -> Registry:
        for name in names:
            monkeypatch.syspath_prepend(PACKS / name)
        return get_registry([file for name in names for file in sorted((PACKS / name).glob("harness_*/plugin.py"))])

    return load
