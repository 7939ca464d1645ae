"""One table in every output: text, terminal, Markdown, LaTeX, HTML."""

from __future__ import annotations

import html
import re

import pytest

from harness.cli.console import print_table
from harness.report.latex import latex_fragment, latex_table
from harness.report.markdown import markdown_table, titled_tables
from harness.report.pages.shell import page_template
from harness.report.table import DASH, Table, Value, columns, difference, number, report_table
from harness.report.text import text_table

TABLE = Table.of(
    "Scores",
    ["task", number("n"), number("score"), difference("change"), "note"],
    [
        ("xnli", 12_345, Value(79.25, 0.51), Value(1.34, mark="*"), "seen"),
        ("panx_de", 7, None, Value(-0.04), ""),
    ],
    ["* significant"],
)
SHOWN = [["xnli", "12,345", "79.2 ±0.5", "+1.3*", "seen"], ["panx_de", "7", DASH, "0.0", ""]]


def fragment(table: Table) -> str:
    return str(page_template("table.html").module.data_table(table))


def test_cells_are_shown_by_the_kind_of_their_column() -> None:
    assert TABLE.texts() == SHOWN
    assert TABLE.head == ["task", "n", "score", "change", "note"]


def test_text_puts_numbers_under_each_other() -> None:
    assert text_table(TABLE).split("\n") == [
        "Scores",
        "task          n      score  change  note",
        "───────  ──────  ─────────  ──────  ────",
        "xnli     12,345  79.2 ±0.5   +1.3*  seen",
        "panx_de       7          –     0.0",
        "  * significant",
    ]


def test_stdout_has_the_title_and_the_same_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(TABLE)
    assert capsys.readouterr().out.split("\n") == [
        "Scores",
        "task           n       score   change   note",
        "────────────────────────────────────────────",
        "xnli      12,345   79.2 ±0.5    +1.3*   seen",
        "panx_de        7           –      0.0",
        "  * significant",
        "",
    ]


def test_markdown_aligns_numbers_and_escapes_marks() -> None:
    assert markdown_table(TABLE).split("\n") == [
        "| task | n | score | change | note |",
        "| :-- | --: | --: | --: | :-- |",
        "| xnli | 12,345 | 79.2 ±0.5 | +1.3\\* | seen |",
        "| panx_de | 7 | – | 0.0 |  |",
    ]
    assert titled_tables([TABLE], ["a | b"]).startswith("**Scores**\n\n| task |")
    assert titled_tables([TABLE], ["a | b"]).endswith("\n\n- a &#124; b\n")


def test_latex_aligns_numbers_and_escapes_names() -> None:
    lines = latex_table(TABLE).split("\n")
    assert r"\begin{longtable}{lrrrl}" in lines
    assert r"panx\_de & 7 & -- & 0.0 &  \\" in lines


def test_latex_breaks_long_texts_into_lines() -> None:
    long = "a sentence that would run far beyond the right margin of a page"
    one = Table.of("", ["name", "why", number("n")], [("a", long, 1), ("b", "no", 2)])
    assert r"\begin{tabular}{lp{0.40\linewidth}r}" in latex_fragment(one)
    rows = [("a", long, 1, "b"), ("b", "no", 2, long)]
    two = Table.of("", ["name", "why", number("n"), "more"], rows)
    assert r"\begin{tabular}{lp{0.30\linewidth}rp{0.30\linewidth}}" in latex_fragment(two)
    assert r"\begin{tabular}{llr}" in latex_fragment(Table.of("", ["name", "why", number("n")], [("a", "no", 1)]))


def test_html_marks_numbers_and_the_direction_of_differences() -> None:
    shown = fragment(TABLE)
    cells = [html.unescape(cell) for cell in re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", shown)]
    assert cells == [*TABLE.head, *SHOWN[0], *SHOWN[1]]
    assert (
        '<td class="n up sure" data-sort="1.34">+1.3*</td>' in shown
        and '<td class="n down" data-sort="-0.04">0.0</td>' in shown
    )


def test_a_text_of_several_lines_and_control_characters_stays_one_cell(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table.of("title", ["name", number("n")], [("a\n\x1b[2Jb", 1)])
    assert table.texts() == [["a\\n\\x1b[2Jb", "1"]]
    print_table(table)
    for shown in (
        capsys.readouterr().out,
        text_table(table),
        markdown_table(table),
        latex_table(table),
        fragment(table),
    ):
        assert "\x1b" not in shown
        assert len([line for line in shown.split("\n") if "2J" in line]) == 1


def test_names_in_reports_are_cut_and_those_of_commands_are_not() -> None:
    long = "x" * 200
    (cut,), (whole,) = report_table("t", long, [long], [(long,)]).rows, Table.of(long, [long], [(long,)]).rows
    assert cut == ("x" * 79 + "…",) and whole == (long,)


def test_a_column_given_as_a_string_is_one_of_texts() -> None:
    assert [column.kind for column in columns("a", number("b"), difference("c"))] == ["text", "number", "difference"]


def test_a_row_of_another_length_than_the_head_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        Table.of("", ["a", "b"], [("only one",)]).texts()
