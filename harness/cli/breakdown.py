"""``harness breakdown``: the scores of a run by length, overlap, type of answer and other attributes of the examples."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.shared_options import COMPUTE, columns_option, session_options, split_commas


@click.command("breakdown")
@click.argument("run", required=False, metavar="RUN", type=click.Path(path_type=Path))
@click.option("--task", "tasks", multiple=True, callback=split_commas, metavar="NAMES", help="Only these tasks.")
@click.option("--language", "languages", multiple=True, callback=split_commas, metavar="CODES", help="Only these.")
@click.option(
    "--attribute", "attributes", multiple=True, callback=split_commas, metavar="NAMES", help="Only these attributes."
)
@click.option(
    "--data-dir",
    envvar="HARNESS_DATA_DIR",
    metavar="FOLDER",
    help="The data that the run was scored on.  [env: HARNESS_DATA_DIR]",
)
@session_options(without=(*COMPUTE, "offline"))  # it opens a tokenizer, and downloads nothing
@columns_option
@click.option("--list", "as_list", is_flag=True, help="List the attributes and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the scores of each language.")
def command(
    run: Path | None,
    tasks: tuple[str, ...],
    languages: tuple[str, ...],
    attributes: tuple[str, ...],
    data_dir: str | None,
    allow_pickle: bool,
    trust_remote_code: str | None,
    as_list: bool,
    as_json: bool,
) -> None:
    """Break the scores of a run folder down by attributes of the examples.

    Numbers are cut into four buckets with as many examples each; the items of all languages are pooled. Attributes of the
    examples need the data of the run; without them there are only the language and its script.
    """
    from harness.api import breakdown
    from harness.cli.console import message, print_json, print_table
    from harness.registry.default import get_registry
    from harness.report.breakdown import attribute_table, breakdown_table

    if as_list:
        print_table(attribute_table(get_registry().attributes().values()))
        return
    if run is None:
        raise click.UsageError("Missing argument 'RUN'.")
    found = breakdown(
        run,
        tasks=tasks,
        languages=languages,
        attributes=attributes,
        data_dir=data_dir,
        allow_pickle=allow_pickle,
        trust_remote_code=trust_remote_code,
    )
    if as_json:
        print_json([part.to_dict() for part in found])
        return
    print_table(breakdown_table(found))
    if data_dir is None:
        message("attributes of the examples need the data: --data-dir FOLDER", "hint")
