"""``harness doctor --shared``: proves that the processes of one or of two machines can share a folder."""

from __future__ import annotations

from pathlib import Path

from harness.cli.checks import print_checks
from harness.cli.console import message
from harness.core.shared_folder import shared_folder_checks

WAIT = 60.0
"""Seconds to wait for the other machine."""


def print_shared(folder: str, wait: float, as_json: bool) -> int:
    """Checks and prints; returns the exit code."""
    if not as_json:
        message(f"give the same command on another machine: it is waited for {wait:g} s")
    return print_checks(list(shared_folder_checks(Path(folder), wait)), as_json)
