"""``harness study analyse``: what the runs of a study say, as tables, figures and a page."""

from __future__ import annotations

import click

from harness.cli.shared_options import columns_option, distances_option, size_option


@click.command()
@click.argument("name")
@size_option
@click.option("--out", metavar="FOLDER", help="Where the runs are.  [default: runs/<study>[/<size>]]")
@distances_option
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print what stats.json holds.")
def analyse(name: str, size: str | None, out: str | None, distances: str | None, as_json: bool) -> None:
    """Analyse the runs of a study, and write FOLDER/analysis.

    It holds every unit (results.jsonl), every number that was computed (stats.json), tables (Markdown, CSV, LaTeX), figures
    (PDF, SVG; with the extra "figures") and a page to read from top to bottom (index.html). Runs may be missing: the page
    says which, and means are only over what is whole.
    """
    from harness.api import analyse_study
    from harness.cli.console import message, print_json, print_table, print_text

    found = analyse_study(name, size=size, out=out, distances=distances)
    if as_json:
        print_json(found.to_dict())
    else:
        if found.effects:
            print_table(found.table())
        for line in found.conclusions:
            print_text(line)
    for line in found.report.findings.warnings:
        message(line, "warning")
    if not found.complete:
        scored, planned = len(found.report.scored), len(found.report.units)
        message(f"not complete: {scored:,} of {planned:,} units have a score", "warning")
    message(f"written: {found.page}")
