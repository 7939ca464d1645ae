"""``harness leaderboard``: rows of runs next to published systems, ranked only where they are comparable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import message, print_json, print_tables, print_text
from harness.cli.shared_options import columns_option, data_dir_option
from harness.core.counted import counted
from harness.core.errors import DataError, UsageError
from harness.types.defaults import BENCHMARK

if TYPE_CHECKING:
    from harness.leaderboard.board import Board

_PATH = click.Path(path_type=Path)
_rows_option = click.option(
    "--rows",
    "folder",
    type=_PATH,
    default=Path("leaderboard"),
    show_default=True,
    metavar="FOLDER",
    help="Folder of added rows.",
)


@click.group("leaderboard", short_help="Compare runs with published systems.")
def command() -> None:
    """Export runs as rows, check rows, and show them next to published systems."""


@command.command()
@click.argument("runs", nargs=-1, required=True, type=_PATH, metavar="RUN...")
@click.option("-o", "--out", type=_PATH, required=True, help="The row's file; else a new folder, or the archive.")
@click.option(
    "--format",
    "kind",
    default="row",
    show_default=True,
    metavar="NAME",
    help="row; hub, eee, mteb or a plugin's; or a benchmark's submission: xtreme.",
)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="One option of the format: license=mit.")
@click.option("--zip", "zipped", is_flag=True, help="Write the files as a zip archive.")
@click.option("--name", help="Name of the system.  [default: model and intermediate tasks]")
@click.option("--allow-partial", is_flag=True, help="Export a limited, excerpted or unfinished run; marked in the row.")
@click.option("--allow-dirty", is_flag=True, help="Export a run of a changed checkout; marked in the row.")
@click.option("--allow-unpinned", is_flag=True, help="Export a run of weights without a revision; marked in the row.")
@click.option("--push", "repository", metavar="ORG/NAME", help="Also open a pull request there on the Hub; asks first.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@data_dir_option
def export(
    runs: tuple[Path, ...],
    out: Path,
    kind: str,
    settings: tuple[str, ...],
    zipped: bool,
    name: str | None,
    repository: str | None,
    yes: bool,
    data_dir: str | None,
    **allowed: bool,
) -> None:
    """Export a run folder as a leaderboard row, in the layout of another place, or as the official submission.

    Several run folders, or the folder that eval --seeds wrote, are seeds of one system: they make one row, of means and
    standard deviations over the seeds.
    """
    from harness.core.errors import did_you_mean
    from harness.leaderboard.formats import export_files
    from harness.leaderboard.official import export_submission
    from harness.registry.default import get_registry

    registry = get_registry()
    formats = registry.export_formats()
    if kind not in ("row", *formats, *registry.benchmarks()):
        known = did_you_mean(kind, ["row", *formats, *registry.benchmarks()])
        raise UsageError(f"--format {kind}: no such format and no benchmark", hint=known)
    if settings and kind not in formats:
        raise UsageError(f"--set: {kind} has no options", hint=f"they are for --format {', '.join(formats)}")
    if repository is not None and not (kind in formats and formats[kind].repository):
        sent = [each for each, value in formats.items() if value.repository]
        raise UsageError(f"--push: {kind} does not belong on the Hub", hint=f"it is for --format {', '.join(sent)}")
    if kind in formats:
        options = dict(_setting(text) for text in settings)
        files = export_files(runs, registry, formats[kind], options=options, data_dir=data_dir, name=name, **allowed)
        _write(files, out, zipped, repository, formats[kind].repository, yes)
    elif kind == "row":
        _write_row(runs, out, zipped, name, allowed)
    else:
        if len(runs) > 1:
            raise UsageError("a submission holds the predictions of one run", hint="give one of the seeds")
        names = export_submission(runs[0], out, registry, kind, zipped=zipped, **allowed)
        message(f"{counted(len(names), 'prediction file')}: {out}")


def _write_row(runs: tuple[Path, ...], out: Path, zipped: bool, name: str | None, allowed: dict[str, bool]) -> None:
    from harness.core.files import write_atomic
    from harness.leaderboard.export import export_row
    from harness.leaderboard.rows import row_text
    from harness.leaderboard.validation import problems
    from harness.registry.default import get_registry

    if zipped:
        raise UsageError("--zip is for several files, and a row is one", hint="add --format xtreme, hub, eee or mteb")
    registry = get_registry()
    row = export_row(runs, registry, name=name, **allowed)
    for problem in problems(row, registry):
        message(problem.text, "warning")
    write_atomic(out, row_text(row))
    message(f"row {row['id']}: {out}")


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set {text}: NAME=VALUE expected")
    return name, value


def _write(
    files: dict[str, bytes], out: Path, zipped: bool, repository: str | None, repository_kind: str, yes: bool
) -> None:
    """Writes the files and, if they are for a repository, sends them after showing them."""
    import sys

    from harness.leaderboard.export_folder import write_files
    from harness.leaderboard.push import preview, push

    if repository is not None and not yes and not sys.stdin.isatty():
        raise UsageError(
            "--push asks before it sends, and there is no terminal to ask on", hint="--yes sends without asking"
        )
    write_files(files, out, zipped=zipped)
    message(f"{counted(len(files), 'file')}: {out}")
    if repository is None:
        return
    message(preview(files, repository))
    if not yes and not click.confirm(f"Send this to {repository}?", err=True):
        message("nothing was sent")
        return
    address, left_out = push(files, repository, repository_kind, f"Evaluation results of xtreme-harness: {out.name}")
    for name in left_out:
        message(f"{repository} has a {name} already: it is left as it is; yours is {out / name}", "warning")
    message(f"sent: {address}")


@command.command()
@click.argument("files", nargs=-1, required=True, type=_PATH, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def validate(files: tuple[Path, ...], as_json: bool) -> None:
    """Check rows against the schema and themselves; flags scores of task versions that are not installed."""
    from harness.leaderboard.rows import checked_rows
    from harness.registry.default import get_registry

    found = [(row, problem) for row in checked_rows(files, get_registry()) for problem in row.problems]
    if as_json:
        print_json([{"file": str(row.file), "row": row.id, **vars(problem)} for row, problem in found])
    for row, problem in [] if as_json else found:
        message(f"{row.file}: {row.id}: {problem.text}", "warning" if problem.warning else "")
    wrong = [row.file for row, problem in found if not problem.warning]
    if wrong:
        raise DataError(f"{counted(len(wrong), 'problem')} in {len(set(wrong))} of {counted(len(files), 'file')}")
    if not as_json:
        message(f"valid: {counted(len(files), 'file')}")


@command.command()
@click.argument("files", nargs=-1, required=True, type=_PATH, metavar="ROW...")
@_rows_option
def add(files: tuple[Path, ...], folder: Path) -> None:
    """Check rows and add them to the folder of rows."""
    from harness.leaderboard.rows import add_row, checked_rows
    from harness.registry.default import get_registry

    rows = list(checked_rows(files, get_registry()))
    for row in rows:
        for problem in row.problems:
            if not problem.warning:
                raise DataError(f"{row.file}: {problem.text}", hint=f"harness leaderboard validate {row.file}")
            message(f"{row.file}: {problem.text}", "warning")
    for row in rows:
        where, new = add_row(row.row, folder)
        message(f"{where}" if new else f"{where}: there already")


_board_options = [
    click.option("--benchmark", default=BENCHMARK, show_default=True, help="Benchmark of the rows."),
    click.option("--task", "tasks", multiple=True, metavar="NAME", help="Show this task, language by language."),
    click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Only this metric: f1."),
    click.option("--recipe", metavar="NAME", help="Only rows that are known to be of this recipe: nlu-evals."),
    click.option("--row", "more", multiple=True, type=_PATH, metavar="FILE", help="A row that is not added yet."),
    click.option(
        "--run",
        "runs",
        multiple=True,
        type=_PATH,
        metavar="RUN",
        help="A run folder, as it is; several are ranked by a paired test of their predictions.",
    ),
    _rows_option,
]


def _with_board_options(function: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_board_options):
        function = option(function)
    return function


@command.command()
@_with_board_options
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print the rows of the benchmark as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown tables.")
def show(as_json: bool, as_markdown: bool, **choice: Any) -> None:
    """Show rows next to published systems, one table for each setting and split."""
    from harness.report.leaderboard import legend, markdown, tables

    board = _board(**choice)
    if as_json:
        print_json([line.row for section in board.sections for line in section.lines])
    elif as_markdown:
        print_text(markdown(board).rstrip("\n"))
    else:
        print_tables(tables(board))
        for line in legend(board.sections):
            message(line)


@command.command()
@_with_board_options
@click.option("--html", "out", type=_PATH, required=True, metavar="FILE", help="The page to write.")
def render(out: Path, **choice: Any) -> None:
    """Write the board as one self-contained HTML page."""
    from harness.core.files import write_atomic
    from harness.report.pages.board_page import page

    write_atomic(out, page(_board(**choice)))
    message(str(out))


def _board(
    benchmark: str,
    tasks: tuple[str, ...],
    metrics: tuple[str, ...],
    recipe: str | None,
    more: tuple[Path, ...],
    runs: tuple[Path, ...],
    folder: Path,
) -> Board:
    from harness.leaderboard.board import build_board, where_shown, why_not_shown
    from harness.leaderboard.recipes import of_recipe
    from harness.leaderboard.rows import local_rows, published_rows, read_rows
    from harness.registry.default import get_registry
    from harness.report.paired_rows import paired_tests, rows_of_runs

    registry = get_registry()
    own = rows_of_runs(runs, registry)
    rows = [*published_rows(registry), *local_rows(folder, more), *own]
    shown = of_recipe(rows, recipe) if recipe else rows
    board = build_board(shown, benchmark, registry, tasks, metrics, paired_tests(own, runs, registry))
    for run, row in zip(runs, own, strict=True):
        if reason := why_not_shown(row, board, tasks, metrics):
            message(f"{run}: not shown: {reason}", "warning")
        elif len(board.sections) > 1:
            message(f"{run}: {row['system']} in {', '.join(section.title for section in where_shown(row, board))}")
    for file in more:
        for row in read_rows(file):
            other = "" if row in shown else f"it is not known to be of the recipe {recipe}"
            if reason := other or why_not_shown(row, board, tasks, metrics):
                message(f"{file}: {row['id']} is not shown: {reason}", "warning")
    return board
