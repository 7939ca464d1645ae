"""``harness compare``: which system is better, by how much, and how sure that is."""

from __future__ import annotations

import click

from harness.cli.shared_options import columns_option, split_commas
from harness.types.defaults import RESAMPLES


@click.command("compare", short_help="Compare runs, paired by example, with tests and intervals.")
@click.argument("systems", nargs=-1, required=True, metavar="RUN RUN...")
@click.option("--task", "tasks", multiple=True, metavar="SELECTOR", help="xnli, 'x*', 'xnli[sw,ur]', -panx.")
@click.option(
    "--language", "languages", multiple=True, callback=split_commas, metavar="CODES", help="de,sw or script:Cyrl."
)
@click.option(
    "--resamples", type=click.IntRange(100, 1_000_000), default=RESAMPLES, show_default=True, help="Bootstrap samples."
)
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown tables.")
def command(
    systems: tuple[str, ...],
    tasks: tuple[str, ...],
    languages: tuple[str, ...],
    resamples: int,
    as_json: bool,
    as_markdown: bool,
) -> None:
    """Compare run folders, paired by example; the first is the baseline.

    Several seeds of one system are joined by commas: harness compare base-1,base-2,base-3 mnli-1,mnli-2,mnli-3. The folder
    that eval --seeds wrote represents all of its seeds.
    Runs on other data, task versions or splits are refused.
    """
    from pathlib import Path

    from harness.api import compare
    from harness.cli.console import message, print_json, print_tables, print_text
    from harness.core.errors import UsageError
    from harness.report.comparison import footnotes, tables

    if as_json and as_markdown:
        raise UsageError("give --json or --markdown, not both")
    groups = [[system] if Path(system).is_dir() else system.split(",") for system in systems]
    found = compare(groups, tasks=tasks, languages=languages, resamples=resamples)
    if as_json:
        print_json(found.to_dict())
    elif as_markdown:
        print_text(found.to_markdown().rstrip("\n"))
    else:
        print_tables(tables(found))
        for note in footnotes(found):
            message(note)
