"""The contract of plugins: checks that ``harness plugins check NAME`` and the pytest fixture ``harness_contract`` run."""

from __future__ import annotations

from harness.testing.contract import CHECKS, Check, Outcome, check_plugin

__all__ = ["CHECKS", "Check", "Outcome", "check_plugin"]
