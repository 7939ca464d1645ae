"""A leaderboard as one self-contained page: a tab for each setting, tables, and charts of size and transfer gap."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.core.version import FIRST_PARTY
from harness.leaderboard.board import CHOSEN_ON, MARKS, Board, BoardLine, Column, Section, ShownCell
from harness.leaderboard.recipes import UNKNOWN, shown_recipe
from harness.leaderboard.schema import Row
from harness.report.leaderboard import legend, parameters, source
from harness.report.names import metric_name, setting_name, task_name, titled
from harness.report.pages.board_charts import board_charts, is_extra, size_key, sizes_of
from harness.report.pages.chart_data import Chart
from harness.report.pages.language_tiles import MANY
from harness.report.pages.shell import render_page
from harness.results.run_view import language_of
from harness.scoring.scale import PERCENT
from harness.scoring.scale import shown as shown_number
from harness.scoring.scores import half_width


@dataclass(frozen=True)
class BoardColumn:
    """A column's head in two lines, its hint, and whether it is shown at once: ``extra`` ones are not.

    ``choice`` is what it is chosen by: its title or, where there are very many languages, their family.
    """

    title: str
    detail: str
    hint: str
    extra: bool
    choice: str


@dataclass(frozen=True)
class BoardCell:
    """A number as it is shown, with its rank and marks; ``order`` sorts it, "" where there is none."""

    text: str
    rank: str
    marks: str
    hint: str
    style: str
    order: str


@dataclass(frozen=True)
class System:
    """A line's head: the system, where its numbers come from (text, link), its size, and its facts for filters."""

    name: str
    hint: str
    source: str
    link: str
    kind: str
    recipe: str
    size: str
    order: int


@dataclass(frozen=True)
class BoardTable:
    """A section of the board; ``runs`` names those among its systems that are runs."""

    title: str
    runs: tuple[str, ...]
    columns: tuple[BoardColumn, ...]
    lines: tuple[tuple[System, tuple[BoardCell, ...]], ...]
    charts: tuple[tuple[str, int, str], ...]


def page(board: Board) -> str:
    """The page; every text of a row is escaped."""
    with titled(board.titles):
        return _page(board)


def _page(board: Board) -> str:
    sizes = sizes_of(board)
    charts: list[Chart] = []
    tables = [_table(section, sizes, charts) for section in board.sections]
    shown = [column for section in board.sections for column in section.columns]
    tasks = {column.task for column in shown}
    values = {
        "title": f"{task_name(board.benchmark)} leaderboard" + (f": {task_name(*tasks)}" if len(tasks) == 1 else ""),
        "of": "family" if _many(shown) else "language" if any(map(_of_language, shown)) else "task",
        "tables": tables,
        "systems": len({line.row["system"].casefold() for section in board.sections for line in section.lines}),
        "legend": legend(board.sections),
        "recipes": any(system.recipe != UNKNOWN for table in tables for system, _ in table.lines),
    }
    return render_page("leaderboard.html", values, charts=charts)


def _table(section: Section, sizes: Mapping[str, int], charts: list[Chart]) -> BoardTable:
    drawn = []
    for caption, chart in board_charts(section, sizes):
        charts.append(chart)
        drawn.append((caption, len(charts) - 1, str(chart["label"])))
    columns = sorted(section.columns, key=_by_family) if _many(section.columns) else section.columns
    lines = tuple(
        (_system(line, sizes), tuple(_cell(line.cells.get(column)) for column in columns)) for line in section.lines
    )
    own = [line for line in section.lines if line.row["kind"] == "run"]
    of_runs = {column for line in own for column in line.cells}
    extra = {column for column in section.columns if is_extra(column)} - of_runs
    heads = tuple(_column(column, column in extra and len(extra) < len(columns)) for column in columns)
    if _many(columns):
        heads = tuple(
            replace(head, choice=language_of(column.language).family) if _of_language(column) else head
            for head, column in zip(heads, columns, strict=True)
        )
    return BoardTable(_title(section), tuple(line.row["system"] for line in own), heads, lines, tuple(drawn))


def _of_language(column: Column) -> bool:
    return column.language != "avg"


def _many(columns: Sequence[Column]) -> bool:
    return len({column.language for column in columns if _of_language(column)}) > MANY


def _by_family(column: Column) -> tuple[bool, str, str, str]:
    """Averages first, then English, then the families, each with its scripts together."""
    if column.language in ("avg", "en"):
        return (column.language == "en", "", "", "")
    known = language_of(column.language)
    return (True, known.family, known.script, known.name)


def _title(section: Section) -> str:
    chosen = f", chosen on {CHOSEN_ON[section.selection]}" if section.selection in CHOSEN_ON else ""
    split = "" if section.split == "test" else f", {section.split}"
    return f"{setting_name(section.setting)}{split}{chosen}"


def _column(column: Column, extra: bool) -> BoardColumn:
    name = task_name(column.task)
    metric = "" if column.metric == "score" else metric_name(column.metric)
    kind = "group" if column.task.startswith("group:") else ""
    if column.language != "avg":
        known = language_of(column.language)
        return BoardColumn(known.name, metric, f"{name}, {known.name}\n{known.family}", False, known.name)
    over = "mean over the benchmark's languages"
    detail = metric or kind
    if column.languages is None:
        over, detail = "mean over languages that the source does not name", f"{metric}, languages ?"
    elif column.languages != ("benchmark",):
        names = ", ".join(language_of(code).name for code in column.languages)
        over, detail = f"mean over {names}", f"{metric}, {column.covered}"
    hint = f"{name}{f', {metric}' if metric else ''}\n{over}" + (f"\n{column.data}" if column.data else "")
    return BoardColumn(name, detail, hint, extra, name)


def _system(line: BoardLine, sizes: Mapping[str, int]) -> System:
    row = line.row
    count = sizes.get(size_key(row), 0)
    label, link = _cited(row)
    reports = [row, *(other for other in line.rows if other is not row)]
    lines = [row["system"], *dict.fromkeys(_described(each) for each in reports)]
    if row["model"].get("reference"):
        lines.insert(1, str(row["model"]["reference"]))
    return System(
        name=row["system"],
        hint="\n".join(lines),
        source=label + (f" +{len(reports) - 1}" if len(reports) > 1 else ""),
        link=link,
        kind=row["kind"],
        recipe=shown_recipe(row),
        size=parameters(count),
        order=count,
    )


def _cell(shown: ShownCell | None) -> BoardCell:
    if shown is None:
        return BoardCell("", "", "", "", "none", "")
    cell = shown.cell
    half = half_width(cell.get("low"), cell.get("high"))
    number = partial(shown_number, scale=cell.get("scale", PERCENT), like=cell["value"])
    exact = number(cell["value"], more=1).rstrip("0").rstrip(".")
    lines = [exact + ("" if half is None else f" ±{number(half, more=1)} (95% interval)")]
    if half is None and shown.official is not None:
        lines = [f"{exact} ±{number(shown.official, more=1)} (95% interval, from the size of the official test set)"]
    lines += [f"n = {cell['n']:,}"] if "n" in cell else []
    lines += (
        [f"standard deviation over seeds {number(cell['seed_deviation'], more=1)}"] if "seed_deviation" in cell else []
    )
    lines.append(", ".join(filter(None, (source(shown.row), str(cell.get("table") or "")))))
    if shown.rank:
        lines.append(f"rank {shown.rank}" + (f", not told apart from {_list(shown.tied)}" if shown.tied else ""))
    lines += [f"{MARKS[mark][0]} {MARKS[mark][1]}" for mark in shown.marks]
    lines += [str(cell["note"])] if cell.get("note") else []
    lines += [
        f"also {shown_number(each.value, each.cell.get('scale', PERCENT))}: {source(each.row)}" for each in shown.others
    ]
    marks = "".join(MARKS[mark][0] for mark in shown.marks)
    style = "first" if shown.rank == 1 else "" if shown.ranked else "unranked"
    return BoardCell(number(cell["value"]), str(shown.rank or ""), marks, "\n".join(lines), style, repr(shown.value))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _cited(row: Row) -> tuple[str, str]:
    """The source in short, "Hu 2020" of the key "hu2020_xtreme", and its link: only an arXiv number becomes one."""
    if row["kind"] == "run":
        return f"run of {row['run']['date'][:10]}", ""
    paper = row.get("source", {})
    found = re.match(r"([a-z]+)(\d{4})(_|$)", str(paper.get("id", "")))
    number = str(paper.get("arxiv") or "")
    label = f"{found[1].title()} {found[2]}" if found else str(paper.get("title") or paper.get("id", ""))
    provider = row.get("provider", FIRST_PARTY)
    foreign = f" ({provider})" if provider.partition(":")[0] != FIRST_PARTY else ""
    link = f"https://arxiv.org/abs/{number}" if re.fullmatch(r"[0-9]{4}\.[0-9]{4,5}", number) else ""
    return (label if len(label) < 32 else f"{label[:30]}…") + foreign, link


def _described(row: Row) -> str:
    if row["kind"] == "run":
        return source(row)
    paper = row.get("source", {})
    return ", ".join(
        filter(None, (str(paper.get("title") or ""), str(paper.get("venue") or ""), str(paper.get("id", ""))))
    )
