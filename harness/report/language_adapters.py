"""The adapter of each language, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report.table import Table
from harness.types.languages import languages


def adapters_table(used: Mapping[str, Mapping[str, Any]]) -> Table:
    """Languages by code, each with its adapter and the reason, as records describe them."""
    known = languages()
    rows = [
        (code, known[code].name if code in known else "", choice["adapter"] or "none", choice["reason"])
        for code, choice in used.items()
    ]
    return Table.of("language adapters", ["code", "language", "adapter of", "reason"], rows)
