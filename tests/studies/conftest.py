"""Fixtures of the study's tests: the small study, and its outcome in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from own_study import grid, outcome, write_study

from harness.registry.registry import Registry


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin of the small study and its data."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture
def registry(here: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("MODEL", str(small_model))
    found = Registry([here / "plugin.py"])
    found.check()
    return found


@pytest.fixture(scope="session")
def alone(here: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The outcome of the study in one process, one run after the other."""
    out = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL", str(small_model))
        done, _ = grid(Registry([here / "plugin.py"]), here, out)
    assert not done.failed and len(done.summaries) == 3
    return outcome(out)
