"""Every command that prints tables, on terminals of several widths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from rich.cells import cell_len

import harness.report.fit
from harness.cli.console import print_tables
from harness.cli.main import cli, main
from harness.report.fit import GAP, FittedTable
from harness.report.table import Table

RUNS = Path(__file__).parents[1] / "golden" / "report" / "runs"
PLAIN, VIA = str(RUNS / "plain"), str(RUNS / "via-mnli")
CALLS = {
    "breakdown": [["breakdown", "--list"], ["breakdown", PLAIN]],
    "cache ls": [["cache", "ls", str(RUNS)]],
    "compare": [["compare", PLAIN, VIA]],
    "data list": [["data", "list"], ["data", "list", "benchmark:xtreme", "--splits"]],
    "data verify": [["data", "verify", "xnli[sw]"]],
    "doctor": [["doctor"]],
    "eval": [["eval", "--model", "baseline:majority", "--task", "xnli", "--dry-run"]],
    "leaderboard show": [["leaderboard", "show"], ["leaderboard", "show", "--task", "xnli"]],
    "plugins": [["plugins"]],
    "plugins check": [["plugins", "check", "xnli", "--only", "loads"]],
    "plugins list": [["plugins", "list"]],
    "report": [["report", PLAIN], ["report", PLAIN, VIA]],
    "runs list": [["runs", "list", str(RUNS)]],
    "runs show": [["runs", "show", PLAIN]],
    "score": [["score", PLAIN]],
    "study list": [["study", "list"]],
    "study plan": [["study", "plan", "low-resource-gains", "--size", "small"]],
    "study show": [["study", "show", "size-robustness"]],
    "tasks list": [["tasks", "list"]],
    "tasks show": [["tasks", "show", "xnli"], ["tasks", "show", "mnli"]],
}
NEED_A_MODEL = {"adapters", "checklist", "data fetch", "efficiency", "study analyse", "study run", "study status"}
"""Commands that need a model, a network or the runs of a study, and print with the same function."""


def printing(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The commands below this one that take ``--columns``."""
    if any(parameter.name == "columns" for parameter in command.params):
        yield " ".join(path)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from printing(found, (*path, name))


def test_a_board_of_many_languages_has_a_row_for_each_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    codes = [f"l{number:03}" for number in range(205)]
    head = ["system", *codes]
    table = Table.of("sib-200: test", head, [("base", *map(str, range(205))), ("large", *["1.5"] * 205)], turnable=True)
    print_tables([table])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 60
    [line] = [line for line in lines if line.startswith("l204 ")]
    assert line.split() == ["l204", "204", "1.5"] and lines[1].split() == ["base", "large"]
    few = Table.of("few", head[:10], [("base", *map(str, range(9)))], turnable=True)
    print_tables([few])
    assert capsys.readouterr().out.splitlines()[1].split() == head[:10], "rows stay whole for grep and cut"


def test_every_command_with_tables_is_called_here() -> None:
    assert set(printing(cli)) == {*CALLS, *NEED_A_MODEL}


@pytest.mark.parametrize("width", (40, 60, 80))
@pytest.mark.parametrize("arguments", [call for calls in CALLS.values() for call in calls], ids=" ".join)
def test_tables_fit_the_terminal(arguments, width, monkeypatch, capsys, tmp_path) -> None:
    found: list[FittedTable] = []
    original = harness.report.fit.fit

    def noted(table, room):
        found.append(original(table, room))
        return found[-1]

    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    monkeypatch.setattr(harness.report.fit, "fit", noted)
    monkeypatch.chdir(tmp_path)
    main(arguments)
    out = capsys.readouterr().out
    assert found
    for fitted in found:
        assert sum(fitted.widths) + GAP * (len(fitted.widths) - 1) <= width
        for place, own in enumerate(fitted.widths):
            cells = [row[place] for row in fitted.table.texts()]
            assert own >= min(max(map(cell_len, cells), default=0), 12), fitted.table.head[place]
        assert len(fitted.table.columns) > 1 or not fitted.hidden
        assert not fitted.hidden or fitted.hidden[0] in " ".join(out.split())
    assert all(cell_len(line) <= width for line in out.splitlines() if "───" in line)


def test_columns_are_chosen_on_the_command_line(capsys) -> None:
    assert main(["tasks", "list", "xnli", "--columns", "provider,metric"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines() if "─" not in line][:2] == [
        ["task", "provider", "metric"],
        ["xnli", "xtreme-harness:xnli", "accuracy"],
    ]
    assert main(["report", PLAIN, "--table", "by-task", "--columns", "score"]) == 0
    assert "transfer gap" not in capsys.readouterr().out
    assert main(["tasks", "list", "--columns", "metrik"]) == 2
    assert "did you mean 'metric'" in capsys.readouterr().err
    assert main(["report", PLAIN, "--format", "md", "--columns", "score"]) == 2


def test_data_are_a_matrix_of_tasks_and_languages_with_a_legend(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["data", "list", "xnli[sw,ur]", "xquad[de]", "--data-dir", str(tmp_path), "--json"]) == 0
    capsys.readouterr()
    assert main(["data", "list", "xnli[sw,ur]", "xquad[de]", "--data-dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [lines[0], *lines[2:4]] == ["task    de sw ur", "xnli    .  -  -", "xquad   -"]
    assert "  - missing" in lines and "  . not selected" in lines and not any("damaged" in line for line in lines)


def test_every_module_of_the_command_line_that_prints_tables_takes_columns() -> None:
    folder = Path(harness.report.fit.__file__).parents[1] / "cli"
    lacking = [
        path.name
        for path in folder.glob("*.py")
        if any(f" {name}" in path.read_text(encoding="utf-8") for name in ("print_table(", "print_tables("))
        and "columns_option" not in path.read_text(encoding="utf-8")
    ]
    # the first has none but its runs', the others print for a command that has the option
    assert sorted(lacking) == [
        "checks.py",
        "console.py",
        "demo.py",
        "doctor_invariance.py",
        "doctor_model.py",
        "run_report.py",
    ]
