"""Output of ``harness doctor``: checks, their hints, and the exit code of the worst of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from harness.cli.console import message, print_json, print_table
from harness.core.installation import Check
from harness.report.table import Table


def print_checks(checks: Sequence[Check], as_json: bool) -> int:
    """Prints the checks, and returns the exit code of the worst that failed; 0 where none did."""
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        rows = [(check.name, check.status, check.detail) for check in checks]
        print_table(Table.of("", ["check", "status", "detail"], rows))
        for check in checks:
            if check.hint:
                message(f"{check.name}: {check.hint}", "hint")
    return min((check.code for check in checks if check.status == "failed"), default=0)
