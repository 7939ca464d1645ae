"""The contract of plugins: the checks of ``harness plugins check NAME`` and of the fixture ``harness_contract``."""

from __future__ import annotations

from harness.testing.contract import CHECKS, Check, Outcome, check_plugin

__all__ = ["CHECKS", "Check", "Outcome", "check_plugin"]
