"""``harness doctor --model``: the families that a model can be used for, and what a reviewer would ask about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.cli.console import message, print_json, print_tables
from harness.core.errors import ModelError
from harness.models.language_adapters import LanguageAdapters, described
from harness.report.language_adapters import adapters_table
from harness.report.model_check import model_check_tables
from harness.types.languages import languages

if TYPE_CHECKING:
    from harness.types.options import EvalOptions


def print_model_check(model: str, options: EvalOptions, as_json: bool) -> int:
    """Checks and prints; the exit code is 0 where any family can use the model."""
    from harness.analysis.model_check.check import check_model
    from harness.registry.default import get_registry

    found = check_model(model, get_registry(), options)
    place = options.language_adapters
    adapters = LanguageAdapters.of(place, options.adapter_fallback) if place is not None else None
    used = described(adapters.chosen(languages())) if adapters else {}
    if as_json:
        print_json({**asdict(found), **({"language_adapters": used} if used else {})})
    else:
        print_tables([*model_check_tables(found), *([adapters_table(used)] if used else [])])
        for trial in found.families:
            if trial.hint:
                message(f"{trial.family}: {trial.hint}", "hint")
        for check in found.checks:
            if check.hint:
                message(f"{check.name}: {check.hint}", "hint")
    return 0 if found.usable else ModelError.exit_code
