"""``harness study status``: the state of a study's jobs, wherever they run."""

from __future__ import annotations

import click

from harness.cli.shared_options import columns_option, size_option


@click.command()
@click.argument("name", metavar="NAME|FOLDER")
@size_option
@click.option("--out", metavar="FOLDER", help="Where the runs are.  [default: runs/<study>[/<size>]]")
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(name: str, size: str | None, out: str | None, as_json: bool) -> None:
    """Show the jobs of a study: which wait, run, are done, have failed or were lost, who has them, and the time left.

    Only the folder is read, so it works on any machine that sees it, while the jobs run and afterwards. A job that was lost
    (its process is gone without a result), like one that failed, is done by 'harness study run' or the next 'submit'.
    """
    from pathlib import Path

    from harness.cli.console import message, print_json, print_table, print_text
    from harness.core.pace import duration
    from harness.registry.default import get_registry
    from harness.report.table import Table, columns, detail
    from harness.studies.grid import StudyFolders
    from harness.studies.status import study_status

    if out is None and size is None and Path(name).is_dir():
        folder = Path(name)
    else:
        folder = StudyFolders.of(get_registry().study(name).at(size), size, out).runs
    found = study_status(folder)
    if as_json:
        print_json(found.to_dict())
        return
    rows = [
        (
            each.job.name,
            each.state,
            each.who or "-",
            each.since.replace("T", " ").removesuffix("+00:00") or "-",
            duration(each.seconds) if each.seconds else "-",
        )
        for each in found.jobs
    ]
    print_table(Table.of("", columns("job", "state", "who", "since (UTC)", detail("took")), rows))
    for each in found.jobs:
        if each.state in ("failed", "lost") and (each.message or each.log):
            message(f"{each.job.name}: {each.message or each.log}", each.state)
    count = found.count()
    waiting, lost = found.counts["waiting"], found.counts["lost"]
    more = [f"{number} {state}" for number, state in ((waiting, "waiting"), (lost, "lost")) if number]
    print_text(", ".join([f"{count.done} of {count.total} jobs done", *more, *([count.words] if count.words else [])]))
