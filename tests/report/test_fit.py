"""Tables in narrow places: what is left out, what is wrapped, what is turned."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from harness.core.errors import UsageError
from harness.report.fit import GAP, choose_columns, fit, turn
from harness.report.table import Column, Table, Value, columns, detail, difference, number

WIDTHS = (40, 60, 80, 120)
names = st.text("abcdefgh 语", min_size=1, max_size=12).map(str.strip).filter(bool)
cells = st.text("abcdefghi  /-语", max_size=60).map(str.strip)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Any table whose first column is no longer than half of the narrowest terminal."""
    kinds = draw(st.lists(st.tuples(st.sampled_from(["text", "number"]), st.booleans()), min_size=1, max_size=9))
    head = [Column("task"), *(Column(draw(names), kind, secondary) for kind, secondary in kinds)]
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        rest = [Value(draw(st.floats(-100, 100))) if kind == "number" else draw(cells) for kind, _ in kinds]
        rows.append((draw(names), *rest))
    return Table.of("", head, rows, turnable=draw(st.booleans()))


@given(tables(), st.sampled_from(WIDTHS))
def test_a_table_fits_and_every_column_is_shown_or_named(table: Table, width: int) -> None:
    found = fit(table, width)
    assert sum(found.widths) + GAP * (len(found.widths) - 1) <= width
    if found.table.head[0] == "":  # turned: a row a column
        assert not found.hidden and [row[0] for row in found.table.rows] == table.head[1:]
    else:
        assert sorted([*found.table.head, *found.hidden]) == sorted(table.head)
        assert found.table.head[0] == "task"


@given(tables(), st.sampled_from(WIDTHS))
def test_no_column_is_so_narrow_that_it_breaks_numbers_or_words(table: Table, width: int) -> None:
    found = fit(table, width)
    for place, (column, own) in enumerate(zip(found.table.columns, found.widths, strict=True)):
        texts = [row[place] for row in found.table.texts()]
        needed = texts if column.numeric else [word for text in texts for word in text.split()]
        assert own >= min(max(map(cell_len, needed), default=0), 100 if column.numeric else 12)
        assert own >= max(map(cell_len, column.name.split()), default=0)


@given(tables())
def test_a_wide_terminal_shows_everything_on_one_line(table: Table) -> None:
    found = fit(table, 100_000)
    assert found.table == table and not found.hidden
    for place, own in enumerate(found.widths):
        assert own == max(cell_len(text) for text in [table.head[place], *(row[place] for row in table.texts())])


def test_details_are_left_out_before_others_and_named() -> None:
    head = columns("task", detail("provider"), number("score"), "what")
    table = Table.of("", head, [("xnli", "xtreme-harness:xnli", Value(79.2), "does it follow?")], ["a note"])
    found = fit(table, 45)
    assert found.table.head == ["task", "score", "what"] and found.hidden == ("provider",)
    assert found.notes == (
        "a note",
        "not shown: provider (--columns NAMES chooses, a wider terminal shows more)",
    )
    assert fit(table, 80).notes == ("a note",)


def test_few_systems_in_many_languages_have_languages_down() -> None:
    codes = [f"l{place}" for place in range(20)]
    rows = [(name, *map(Value, range(20))) for name in ("mBERT", "XLM-R")]
    wide = Table.of("", ["system", *map(number, codes)], rows, turnable=True)
    found = fit(wide, 40)
    assert found.table.head == ["", "mBERT", "XLM-R"] and [row[0] for row in found.table.rows] == codes
    assert found.table.texts()[3] == ["l3", "3.0", "3.0"]
    assert fit(wide, 400).table == wide


def test_a_turned_table_keeps_the_signs_of_differences() -> None:
    assert turn(Table.of("", ["a", difference("d")], [("x", Value(1.25))])).texts() == [["d", "+1.2"]]


def test_columns_are_chosen_by_name_in_any_order_with_the_first_one_kept() -> None:
    one = Table.of("", ["task", number("score"), number("n")], [("xnli", Value(1.0), 3)])
    other = Table.of("", ["language", number("xnli")], [("sw", Value(1.0))])
    first, second = choose_columns([one, other], ["n", "score", "n"])
    assert first.head == ["task", "n", "score"] and first.texts() == [["xnli", "3", "1.0"]]
    assert second == other
    with pytest.raises(UsageError, match="no column 'scores'") as refused:
        choose_columns([one, other], ["scores"])
    assert "did you mean 'score'" in refused.value.hint and "language, xnli" in refused.value.hint
