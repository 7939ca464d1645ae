"""A leaderboard as tables and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from harness.core.version import FIRST_PARTY
from harness.leaderboard.board import MARKS, Board, Section, ShownCell
from harness.leaderboard.recipes import differ, recipe_of, shown_recipe
from harness.leaderboard.schema import Row
from harness.report.markdown import titled_tables
from harness.report.table import Cell, PageText, Table, columns, detail, number
from harness.scoring.scale import PERCENT
from harness.scoring.scale import shown as shown_number
from harness.scoring.scores import half_width

RECIPES_DIFFER = (
    "recipes differ within a table (?: not known), so that a difference between systems may be one between recipes; "
    "--recipe NAME shows the rows of one"
)


def tables(board: Board) -> Iterator[Table]:
    """A table for each section."""
    for section in board.sections:
        known = any(recipe_of(line.row) for line in section.lines)
        details = ("source", *(["recipe"] if known else []))
        scores = (number(column.title) for column in section.columns)
        head = columns("system", *map(detail, details), number("parameters", detail=True), *scores)
        rows = [
            (
                PageText(line.row["system"], style="run" if line.row["kind"] == "run" else ""),
                _source_cell(line.row),
                *([PageText(shown_recipe(line.row))] if known else []),
                parameters(line.row["model"]["parameters"]),
                *(_cell(line.cells.get(column)) for column in section.columns),
            )
            for line in section.lines
        ]
        yield Table.of(f"{board.benchmark}: {section.title}", head, rows, turnable=True)


def _source_cell(row: Row) -> PageText:
    """The source, with a link to a published row's paper: only an arXiv number becomes a link."""
    paper = row.get("source", {})
    number = str(paper.get("arxiv") or "")
    if not re.fullmatch(r"[0-9]{4}\.[0-9]{4,5}", number):
        return PageText(source(row))
    return PageText(source(row), f"https://arxiv.org/abs/{number}", str(paper.get("title", "")))


def _cell(shown: ShownCell | None) -> Cell:
    if shown is None:
        return ""
    hint = "; ".join(str(shown.cell[key]) for key in ("table", "note") if shown.cell.get(key))
    return PageText(
        cell_text(shown), hint=hint, style="first" if shown.rank == 1 else "" if shown.ranked else "unranked"
    )


def legend(sections: Sequence[Section]) -> list[str]:
    """The meaning of the marks and numbers that occur."""
    used = {
        mark for section in sections for line in section.lines for shown in line.cells.values() for mark in shown.marks
    }
    found = [
        "(1): rank among like numbers of the same table, one more than the systems that are surely better: by a paired "
        "test of the predictions, else by the intervals (of published shares of right items: from the size of the "
        "official test set), else by the number alone; ±: half of the 95% interval"
    ]
    if any(
        "seed_deviation" in shown.cell
        for section in sections
        for line in section.lines
        for shown in line.cells.values()
    ):
        found[0] += "; sd: standard deviation over the seeds, of which the mean is shown"
    found += [f"{sign} {meaning}" for mark, (sign, meaning) in MARKS.items() if mark in used]
    rows = [line.row for section in sections for line in section.lines]
    if any(differ(line.row for line in section.lines) for section in sections):
        found.append(RECIPES_DIFFER)
    for row in rows:
        for kind in ("incomplete", "dirty", "unpinned"):
            texts = row["caveats"][kind]
            if texts:
                more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
                found.append(f"{row['system']} ({row['id']}): {kind}: {texts[0]}{more}")
    return found


def cell_text(shown: ShownCell) -> str:
    """``79.2 ±0.5 sd 0.3 (3)°``."""
    cell = shown.cell
    half = half_width(cell.get("low"), cell.get("high"))
    text = partial(shown_number, scale=cell.get("scale", PERCENT), like=cell["value"])
    spread = "" if half is None else f" ±{text(half)}"
    rank = f" ({shown.rank})" if shown.rank else ""
    deviation = f" sd {text(cell['seed_deviation'])}" if "seed_deviation" in cell else ""
    return f"{text(cell['value'])}{spread}{deviation}{rank}" + "".join(MARKS[mark][0] for mark in shown.marks)


def source(row: Row) -> str:
    """The source of a row: the paper's key and a foreign provider, or the run's date, its seeds and its caveats."""
    if row["kind"] == "published":
        provider = row.get("provider", FIRST_PARTY)
        return str(row["source"]["id"]) + (f" ({provider})" if provider.partition(":")[0] != FIRST_PARTY else "")
    flags = [kind for kind in ("partial", "incomplete", "dirty", "unpinned") if row["caveats"][kind]]
    seeds = row["run"]["seeds"]
    counted = [f"seeds {', '.join(map(str, seeds))}"] if len(seeds) > 1 else []
    return ", ".join([f"run of {row['run']['date'][:10]}", *counted, *flags])


def parameters(count: int | None) -> str:
    """``559M``; "" where it is not known."""
    if not count:
        return ""
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M" if count >= 1e6 else f"{count:,}"


def markdown(board: Board) -> str:
    """The tables and the legend as Markdown."""
    return titled_tables(tables(board), legend(board.sections))
