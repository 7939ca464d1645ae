"""``harness checklist``: what a model that answers questions gets wrong in the simplest cases."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import columns_option, session_options, split_commas
from harness.types.defaults import CHECKLIST_CASES


@click.command("checklist")
@click.option("--model", required=True, help="A run folder with a question-answering task, a checkpoint, or a Hub id.")
@click.option("--language", "languages", multiple=True, callback=split_commas, metavar="CODES", help="Only these.")
@click.option("--test", "tests", multiple=True, metavar="NAME", help="Only tests with this in their name.")
@click.option(
    "--cases", type=click.IntRange(1), default=CHECKLIST_CASES, show_default=True, help="Cases of a test in a language."
)
@click.option("--examples", type=click.IntRange(0), default=0, metavar="N", help="Show up to N failures of each test.")
@session_options()
@click.option(
    "--data-dir",
    envvar="HARNESS_DATA_DIR",
    metavar="FOLDER",
    help="Folder with the published templates, if any.  [env: HARNESS_DATA_DIR]",
)
@click.option("--stages", "stages_dir", metavar="FOLDER", help="Trained stages.  [default: next to the run]")
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str,
    languages: tuple[str, ...],
    tests: tuple[str, ...],
    cases: int,
    examples: int,
    as_json: bool,
    **rest: Any,
) -> None:
    """Ask a model the six tests of MultiCheckList; print the error rate of every test in every language.

    Templates are those of DATA_DIR/multichecklist/checklist_templates.tsv, the published file, or else the harness's own.
    """
    from harness.api import checklist
    from harness.cli.console import print_json, print_table, print_text
    from harness.core.safe_text import safe
    from harness.report.checklist import checklist_table
    from harness.types.options import EvalOptions

    kept = max(examples, 3 if as_json else 0)
    options = EvalOptions(**rest)
    found = checklist(model, languages=languages, tests=tests, cases=cases, examples=kept, options=options)
    if as_json:
        print_json(found.to_dict())
        return
    print_table(checklist_table(found, cases))
    for result in found.results:
        for failure in result.failures[:examples]:
            print_text("")
            print_text(safe(f"{result.test} ({result.language})"))
            for line in (failure.context, failure.question):
                print_text(f"  {safe(line)}")
            print_text(safe(f"  right: {failure.answer}   answered: {failure.predicted}"))
