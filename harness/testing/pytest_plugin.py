"""The contract as a pytest fixture.

The ``conftest.py`` of a plugin asks for it: ``pytest_plugins = ["harness.testing.pytest_plugin"]``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from harness.testing.contract import Outcome, check_plugin


class Contract(Protocol):
    """Value of the fixture."""

    def __call__(self, plugin: str, *checks: str, data_dir: str | Path | None = None) -> list[Outcome]:
        """Runs the checks (all by default); fails the test with a line for each check that fails."""


@pytest.fixture
def harness_contract() -> Contract:
    """``harness_contract("mine", data_dir=...)``: runs the checks of ``harness plugins check`` on a plugin."""

    def check(plugin: str, *checks: str, data_dir: str | Path | None = None) -> list[Outcome]:
        outcomes = check_plugin(plugin, checks=checks, data_dir=data_dir)
        failed = [f"{o.check}: {o.subject}: {o.detail}" for o in outcomes if o.status == "failed"]
        if failed:
            pytest.fail("\n".join(failed), pytrace=False)
        return outcomes

    return check
