"""Boards: the numbers that are shown next to each other, and those that are ranked.

Two numbers are ranked together only if benchmark, task, metric, language (or the set of languages averaged over), data
variant, setting, split and model selection are alike. What is suspicious or unverified, comes from a partial run or a
task version that is not installed, or is an average over unknown languages, is shown with a mark and without a rank.

A published system has one line, however many papers report it. A rank is one more than the number of systems that are
surely better, so that systems which cannot be told apart share it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.core.counted import counted
from harness.core.errors import UsageError, did_you_mean
from harness.leaderboard.official_size import official_half_width
from harness.leaderboard.recipes import recipe_of
from harness.leaderboard.schema import Row
from harness.scoring.chance import AT_CHANCE, BELOW_CHANCE, MEANINGS, Chance, chance_mark
from harness.scoring.coverage import of_all
from harness.scoring.scores import half_width

if TYPE_CHECKING:
    from harness.registry.registry import Registry

MARKS = {
    "second_hand": ("°", "read where others quote it"),
    "unverified": ("†", "not verified, or its metric or setting is a guess; not ranked"),
    "suspicious": ("‡", "the printed number looks wrong; not ranked"),
    "partial": ("*", "partial run: other or fewer data than the benchmark's; not ranked"),
    "stale": ("~", "scored by another version of the task; not ranked"),
    "chance": (AT_CHANCE, MEANINGS[AT_CHANCE]),
    "below": (BELOW_CHANCE, MEANINGS[BELOW_CHANCE]),
    "unknown": ("?", "average over languages that the source does not name; not ranked"),
}


@dataclass(frozen=True, order=True)
class Column:
    """One number: everything that has to be alike for values to be ranked, within a section.

    ``covered`` describes the languages of an average that is not the benchmark's.
    """

    task: str
    metric: str
    language: str
    languages: tuple[str, ...] | None = ("benchmark",)
    data: str = ""
    covered: str = ""

    @property
    def title(self) -> str:
        """Heading of the column."""
        parts = [self.task, *([self.metric] if self.metric != "score" else [])]
        if self.language != "avg":
            parts.append(self.language)
        elif self.languages is None:
            parts.append("(languages not named)")
        elif self.languages != ("benchmark",):
            parts.append(f"({self.covered or counted(len(self.languages), 'language')})")
        return " ".join(parts) + (f" ({self.data})" if self.data else "")


NAMED = 4
"""The most languages that the heading of an average names."""
Paired = Mapping[tuple[str, str], Mapping[tuple[str, str], bool]]
"""By the ids of two rows: whether they differ significantly, by task (or "overall") and language (or "avg")."""


@dataclass(frozen=True)
class ShownCell:
    """A cell as it is shown, and the row it is from; ``marks`` are keys of :data:`MARKS`.

    ``rank`` is None for what cannot be ranked, ``tied`` names the systems that share it without having the same value.
    ``others`` are the numbers that other rows of the system have for the same thing. ``official`` is half of the interval
    that follows from the official test set, where the row has none.
    """

    cell: Mapping[str, Any]
    marks: tuple[str, ...]
    row: Row
    rank: int | None = None
    tied: tuple[str, ...] = ()
    others: tuple[ShownCell, ...] = ()
    official: float | None = None

    @property
    def half_width(self) -> float | None:
        """Half of its 95% interval: that of the row, else that of the official test set; None where neither is known."""
        own = half_width(self.cell.get("low"), self.cell.get("high"))
        return self.official if own is None else own

    @property
    def value(self) -> float:
        """The number."""
        return float(self.cell["value"])

    @property
    def ranked(self) -> bool:
        """Tells whether nothing speaks against ranking it."""
        return not set(self.marks) - {"second_hand", "chance", "below"}


@dataclass(frozen=True)
class BoardLine:
    """One line of the table: the row with the most cells, and all rows of the same published system."""

    row: Row
    cells: Mapping[Column, ShownCell]
    rows: tuple[Row, ...]


CHOSEN_ON = {"target_dev": "target-language dev data", "translated_english_dev": "translations of English dev data"}
"""Ways of choosing checkpoints that are not ranked with others."""


@dataclass(frozen=True)
class Section:
    """Rows of one setting, split and way of selection, best first by the column that most of them have."""

    setting: str
    split: str
    selection: str
    columns: Sequence[Column]
    lines: Sequence[BoardLine]

    @property
    def title(self) -> str:
        """Description of the setting."""
        chosen = CHOSEN_ON.get(self.selection)
        return f"{self.setting}, {self.split}{f', models chosen on {chosen}' if chosen else ''}"


@dataclass(frozen=True)
class Board:
    """A benchmark's sections; numbers of different sections are never ranked together.

    ``titles`` are what people call the tasks and benchmarks.
    """

    benchmark: str
    sections: Sequence[Section]
    notes: Sequence[str] = field(default_factory=tuple)
    titles: Mapping[str, str] = field(default_factory=dict)


def build_board(
    rows: Iterable[Row],
    benchmark: str,
    registry: Registry,
    tasks: Sequence[str] = (),
    metrics: Sequence[str] = (),
    paired: Paired | None = None,
) -> Board:
    """The board of a benchmark: averages of all tasks or, where tasks are named, each of their languages.

    A board of tasks has the rows of single tasks, without a benchmark, as well. ``metrics`` keeps only these. ``paired``
    says which rows differ significantly, where their predictions were compared; elsewhere their intervals decide.
    :class:`UsageError` for a benchmark that no row has.
    """
    rows = list(rows)
    own = [row for row in rows if row["benchmark"] == benchmark or (tasks and row["benchmark"] is None)]
    if not own:
        known = {str(row["benchmark"]) for row in rows if row["benchmark"]}
        raise UsageError(f"no leaderboard row is of benchmark {benchmark!r}", hint=did_you_mean(benchmark, known))
    order = _Order(registry, benchmark, tuple(tasks), tuple(metrics))
    named = {cell["task"] for row in own for cell in row["cells"]}
    for name in tasks:
        if name not in named:
            raise UsageError(f"no row of {benchmark} has a task {name!r}", hint=did_you_mean(name, named))
    groups: dict[tuple[str, str, str], list[BoardLine]] = {}
    for row in own:
        cells = {
            column: ShownCell(cell, _marks(row, cell, registry), row, official=official_half_width(row, cell, registry))
            for cell in row["cells"]
            if order.wanted(column := _column(cell, registry))
        }
        if cells:
            selection = row["selection"] if row["selection"] in CHOSEN_ON else ""
            groups.setdefault((row["setting"], row["split"], selection), []).append(BoardLine(row, cells, (row,)))
    sections = [_section(key, _merged(lines), order, paired or {}) for key, lines in groups.items()]
    sections.sort(key=lambda section: (section.setting != "zero_shot_en", section.split != "test", section.title))
    return Board(benchmark, sections, titles=registry.titles())


def where_shown(row: Row, board: Board) -> list[Section]:
    """The sections of a board that have a row."""
    return [
        section
        for section in board.sections
        if any(shown["id"] == row["id"] for line in section.lines for shown in line.rows)
    ]


def why_not_shown(row: Row, board: Board, tasks: Sequence[str], metrics: Sequence[str]) -> str:
    """The reason why a row has no line on a board, and what would give it one; "" where it has."""
    if where_shown(row, board):
        return ""
    named = sorted(
        {cell["task"] for cell in row["cells"] if cell["task"] not in ("overall",) and ":" not in cell["task"]}
    )
    if row["benchmark"] is None and not tasks:
        return f"it is of single tasks and no benchmark; --task {' --task '.join(named)} shows it"
    if row["benchmark"] not in (None, board.benchmark):
        return f"it is of the benchmark {row['benchmark']}; --benchmark {row['benchmark']} shows it"
    if tasks and not set(tasks) & set(named):
        return f"it has no score of {', '.join(tasks)}; it has {', '.join(named)}"
    if metrics:
        return f"it has no {', '.join(metrics)}; it has {', '.join(sorted({cell['metric'] for cell in row['cells']}))}"
    return f"it has no average over languages; --task {' --task '.join(named)} shows its languages"


class _Order:
    """Columns that are shown, in their order."""

    def __init__(self, registry: Registry, benchmark: str, tasks: tuple[str, ...], metrics: tuple[str, ...]) -> None:
        from harness.scoring.metrics import get_metric

        self.registry = registry
        self.tasks = tasks
        self.metrics = metrics
        known = registry.benchmarks()
        self.official = tuple(known[benchmark].tasks) if benchmark in known else ()
        self.primary = {name: get_metric(registry.task(name).metric).primary for name in registry.tasks()}

    def wanted(self, column: Column) -> bool:
        if self.metrics and column.metric not in self.metrics:
            return False
        if self.tasks:
            return column.task in self.tasks and (self._shows(column) or bool(self.metrics))
        if column.language != "avg":
            return False
        return column.task == "overall" or column.task.startswith("group:") or self._shows(column) or bool(self.metrics)

    def _shows(self, column: Column) -> bool:
        """Primary metrics of a known task; of others, all that a source prints."""
        if column.task in self.primary:
            return column.metric in self.primary[column.task] or column.metric == "map"
        return column.task not in self.primary and not column.task.startswith("avg_")

    def key(self, column: Column) -> tuple[Any, ...]:
        places = {name: place for place, name in enumerate(("overall", *self.official))}
        codes = {
            code: place for place, code in enumerate(dict.fromkeys(("avg", "en", *sorted(self.registry.languages()))))
        }
        plain = column.languages == ("benchmark",) and not column.data
        return (
            places.get(column.task, len(places)),
            column.task,
            codes.get(column.language, len(codes)),
            not plain,
            column.metric,
            column.title,
        )


def _column(cell: Mapping[str, Any], registry: Registry) -> Column:
    codes = cell.get("languages")
    averaged = None if codes is None else (codes,) if isinstance(codes, str) else tuple(sorted(codes))
    languages = averaged if cell["language"] == "avg" else ("benchmark",)
    known = registry.tasks().get(cell["task"])
    total = known.languages_with("test") if known else ()
    covered = "" if languages in (None, ("benchmark",)) else languages_in_words(languages or (), total)
    return Column(cell["task"], cell["metric"], cell["language"], languages, cell.get("data", ""), covered)


def languages_in_words(codes: Sequence[str], total: Sequence[str]) -> str:
    """The languages of an average next to the ``total`` of its task: named where it is over a few, or over all but a few.

    "de, sw: 2 of 15 languages", "all 15 languages", "14 of 15 languages: not th", "36 of 112 languages".
    """
    left_out = [code for code in total if code not in codes]
    if set(codes) - set(total) or not total:
        return counted(len(codes), "language")
    if not left_out:
        return f"all {counted(len(total), 'language')}"
    words = f"{of_all(len(codes), len(total))} languages"
    if len(codes) <= NAMED:
        return f"{', '.join(codes)}: {words}"
    return f"{words}: not {', '.join(left_out)}" if len(left_out) <= NAMED else words


def _told_apart(columns: Sequence[Column]) -> dict[Column, Column]:
    """The columns whose title another one has too, with all of their languages named."""
    titles = [column.title for column in columns]
    return {
        column: replace(column, covered=" ".join(column.languages or ()))
        for column in columns
        if column.covered and titles.count(column.title) > 1
    }


def _marks(row: Row, cell: Mapping[str, Any], registry: Registry) -> tuple[str, ...]:
    found = [cell["status"]] if cell["status"] in MARKS else []
    if row["caveats"]["partial"]:
        found.append("partial")
    if row["kind"] == "run" and _is_stale(row, cell["task"], registry):
        found.append("stale")
    if cell["language"] == "avg" and cell.get("languages") is None:
        found.append("unknown")
    if "chance" in cell:
        mark = chance_mark(cell.get("low"), cell["value"], cell.get("high"), Chance(cell["chance"]))
        found += [name for name in ("chance", "below") if MARKS[name][0] == mark]
    return tuple(found)


def _is_stale(row: Row, task: str, registry: Registry) -> bool:
    known, scored = registry.tasks(), row["run"]["tasks"]
    named = [task] if task in scored else list(scored)  # an overall score hangs on all of them
    stale = any(name in known and known[name].version != scored[name]["version"] for name in named)
    benchmarks = registry.benchmarks()
    version = row.get("benchmark_version")
    other = row["benchmark"] in benchmarks and version not in (None, benchmarks[row["benchmark"]].version)
    return stale or (other and task not in scored)


def _merged(lines: Sequence[BoardLine]) -> list[BoardLine]:
    """The lines with those of one published system, under one recipe, made one. Runs stay as they are.

    Of several numbers for one thing, one that can be ranked goes before others, one that was read at its source before
    one that is quoted, one of the row with the most cells before one of another row.
    """
    systems: dict[tuple[str | None, ...], list[BoardLine]] = {}
    for line in lines:
        published = line.row["kind"] == "published"
        name = (
            (" ".join(line.row["system"].casefold().split()), recipe_of(line.row)) if published else (line.row["id"],)
        )
        systems.setdefault(name, []).append(line)
    merged = []
    for same in systems.values():
        same = sorted(same, key=lambda line: (-len(line.cells), line.row["id"]))
        cells = {}
        for column in dict.fromkeys(column for line in same for column in line.cells):
            found = [line.cells[column] for line in same if column in line.cells]
            first, *others = sorted(found, key=lambda shown: (not shown.ranked, "second_hand" in shown.marks))
            cells[column] = replace(first, others=tuple(others))
        merged.append(BoardLine(same[0].row, cells, tuple(line.row for line in same)))
    return merged


def _section(key: tuple[str, str, str], lines: list[BoardLine], order: _Order, paired: Paired) -> Section:
    named = _told_apart(list({column for line in lines for column in line.cells}))
    lines = [
        replace(line, cells={named.get(column, column): cell for column, cell in line.cells.items()}) for line in lines
    ]
    columns = sorted({column for line in lines for column in line.cells}, key=order.key)
    ranks = {column: _ranks(column, lines, paired) for column in columns}
    ranked = [
        replace(line, cells={column: ranks[column].get(line.row["id"], shown) for column, shown in line.cells.items()})
        for line in lines
    ]
    leading = max(columns, key=lambda column: (len(ranks[column]), -columns.index(column)))
    overall = next((column for column in columns if column.task == "overall"), leading)
    if 2 * sum(overall in line.cells for line in lines) < len(lines):  # a column that few have does not order the rest
        overall = leading

    def place(line: BoardLine) -> tuple[Any, ...]:
        values = [line.cells[column].value if column in line.cells else -1000 for column in (overall, leading)]
        return (*(-value for value in values), line.row["system"], line.row["id"])

    return Section(*key, columns, sorted(ranked, key=place))


def _ranks(column: Column, lines: Sequence[BoardLine], paired: Paired) -> dict[str, ShownCell]:
    """The cells with their ranks, by the id of the line's row; a lone value has none."""
    found = {
        line.row["id"]: (line.row["system"], line.cells[column])
        for line in lines
        if column in line.cells and line.cells[column].ranked
    }
    if len(found) < 2:
        return {}
    ranked = {}
    for id, (_, shown) in found.items():
        better = {other for other, (_, each) in found.items() if surely_better(each, shown, column, paired)}
        worse = {other for other, (_, each) in found.items() if surely_better(shown, each, column, paired)}
        tied = (name for other, (name, _) in found.items() if other not in better | worse | {id})
        ranked[id] = replace(shown, rank=1 + len(better), tied=tuple(tied))
    return ranked


def surely_better(one: ShownCell, other: ShownCell, column: Column, paired: Paired) -> bool:
    """Tells whether a number is larger, and the difference more than chance.

    The paired test decides where the predictions of both were compared. Elsewhere the 95% interval of the difference, as
    if the test sets were independent, has to leave out zero. A published share of right items has the interval of the
    official test set; another number without an interval is taken to be as uncertain as the other. Where neither has
    one, the larger number counts as better.
    """
    difference = one.value - other.value
    if difference <= 0:
        return False
    for ids in ((one.row["id"], other.row["id"]), (other.row["id"], one.row["id"])):
        significant = paired.get(ids, {}).get((column.task, column.language))
        if significant is not None:
            return significant
    known = [width for width in (one.half_width, other.half_width) if width is not None]
    return not known or difference > math.hypot(known[0], known[-1])
