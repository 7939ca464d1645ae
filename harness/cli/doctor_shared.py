"""``harness doctor --shared``: proves that the processes of one or of two machines can share a folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from harness.cli.console import message, print_json, print_table
from harness.core.shared_folder import shared_folder_checks
from harness.report.table import Table

WAIT = 60.0
"""Seconds to wait for the other machine."""


def print_shared(folder: str, wait: float, as_json: bool) -> int:
    """Checks and prints; returns the exit code."""
    if not as_json:
        message(f"give the same command on another machine: it is waited for {wait:g} s")
    found = list(shared_folder_checks(Path(folder), wait))
    if as_json:
        print_json([asdict(check) for check in found])
    else:
        print_table(Table.of("", ["check", "status", "detail"], [(c.name, c.status, c.detail) for c in found]))
        for check in found:
            if check.hint:
                message(f"{check.name}: {check.hint}", "hint")
    return min((check.code for check in found if check.status == "failed"), default=0)
