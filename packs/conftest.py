"""Tests of packs load the plugins that are installed; those of the harness do not (``tests/conftest.py``)."""

import pytest

from harness.testing.pytest_plugin import harness_contract

__all__ = ["harness_contract"]


@pytest.fixture(autouse=True)
def installed_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads third-party plugins, and asks the Hub for nothing."""
    monkeypatch.setenv("HARNESS_PLUGINS_AUTOLOAD", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
