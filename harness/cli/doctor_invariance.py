"""``harness doctor --invariance``: the table of decisions that batch size and precision change."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.cli.console import message, print_json, print_table, print_text
from harness.core.safe_text import safe
from harness.report.invariance import invariance_table
from harness.types.defaults import INVARIANCE_EXAMPLES

if TYPE_CHECKING:
    from harness.analysis.invariance import Invariance
    from harness.types.options import EvalOptions


def print_invariance(model: str, limit: int | None, options: EvalOptions, as_json: bool) -> None:
    """Scores, counts and prints; a change is a finding, not an error."""
    from harness.analysis.invariance import invariance
    from harness.registry.default import get_registry

    found = invariance(model, get_registry(), options, limit=limit or INVARIANCE_EXAMPLES)
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)


def _print(found: Invariance) -> None:
    print_table(invariance_table(found))
    for family, reason in found.unchecked.items():
        print_text(safe(f"{family}: not scored: {reason}"))
    if any(change.head == "random" for change in found.changes):
        print_text("random: the checkpoint has no head for this, so one from a fixed seed decides, often by a hair")
    if any(change.fp32 for change in found.changes):
        message("some decisions depend on the batch size even in fp32", "warning")
    if any(change.bf16 or change.precision for change in found.changes):
        message("score and compare with one precision throughout; --dtype fp32 is the surest", "hint")
