"""The state of data as tables: a matrix of tasks and languages, or a row a split."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from harness.report.table import Column, Table, columns, detail, number
from harness.results.run_view import sort_codes

SYMBOLS = {
    "+": "all splits are there",
    "~": "all splits are there, as an excerpt or from the sample corpus",
    "/": "only some of the splits are there",
    "-": "missing",
    "!": "damaged",
    ".": "not selected",
}
"""Marks of the matrix and their meaning; a language that a task lacks has none."""
_OFFICIAL = "present"


def state_matrix(
    states: Sequence[Mapping[str, Any]], known: Collection[tuple[str, str]], width: int
) -> Iterator[Table]:
    """A row a task, a mark a language, in as many tables as the width asks for; the last explains the marks.

    ``known`` are the tasks and their languages, also those that were not selected.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for state in states:
        found.setdefault((state["task"], state["language"]), set()).add(state["state"])
    marks = {place: _mark(each) for place, each in found.items()}
    tasks = list(dict.fromkeys(task for task, _ in marks))
    blocks = list(_blocks(sort_codes({code for _, code in marks}), max(map(len, tasks), default=0), width))
    used: set[str] = set()
    for place, codes in enumerate(blocks):
        rows = []
        for task in tasks:
            cells = [marks.get((task, code)) or ("." if (task, code) in known else "") for code in codes]
            if set(cells) - {"", "."}:
                used.update(cells)
                line = " ".join(cell.ljust(len(code)) for cell, code in zip(cells, codes, strict=True))
                rows.append((task, line.rstrip()))
        last = place == len(blocks) - 1
        notes = [f"{mark} {meaning}" for mark, meaning in SYMBOLS.items() if mark in used] if last else []
        if last and used & {"/", "-", "!"}:
            notes.append("--splits lists every split and where it is looked for")
        yield Table.of("", ("task", Column(" ".join(codes))), rows, notes)


def split_table(states: Sequence[Mapping[str, Any]]) -> Table:
    """A row a split: its state, rows and source."""
    keys = ("task", "language", "split", "state", "rows", "expected", "source")
    rows = [["" if state[key] is None else state[key] for key in keys] for state in states]
    head = columns("task", "language", "split", "state", number("rows"), number("official"), detail("source"))
    return Table.of("", head, rows)


def _mark(states: Collection[str]) -> str:
    if "damaged" in states:
        return "!"
    if "missing" in states:
        return "-" if set(states) == {"missing"} else "/"
    return "+" if set(states) <= {_OFFICIAL} else "~"


def _blocks(codes: Sequence[str], first: int, width: int) -> Iterator[list[str]]:
    """The languages in blocks that fit next to a first column, at least one in each."""
    room = width - first - len("   ")
    block: list[str] = []
    for code in codes:
        if block and len(" ".join([*block, code])) > room:
            yield block
            block = []
        block.append(code)
    if block:
        yield block
