"""Files of a measurement: all numbers as JSON, a page, and each table as CSV and LaTeX."""

from __future__ import annotations

import json
from pathlib import Path

from harness.core.files import write_atomic
from harness.efficiency.page import efficiency_page
from harness.efficiency.result import FILE, PAGE, Efficiency
from harness.efficiency.tables import efficiency_tables
from harness.report.csv import table_csv
from harness.report.latex import latex_fragment


def write_files(found: Efficiency, folder: Path) -> None:
    """Writes ``efficiency.json``, ``efficiency.html``, ``latency.csv``, ``latency.tex`` and so on.

    Each is written as a whole or not at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / FILE, json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False) + "\n")
    write_atomic(folder / PAGE, efficiency_page(found))
    for table in efficiency_tables(found):
        write_atomic(folder / f"{table.name}.csv", table_csv(table))
        write_atomic(folder / f"{table.name}.tex", latex_fragment(table))
