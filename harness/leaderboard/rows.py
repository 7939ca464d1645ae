"""Rows as they are stored: read from files and folders, added to a folder, the published ones found in the package."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, UsageError
from harness.core.files import read_text, write_atomic
from harness.leaderboard.schema import Row
from harness.leaderboard.validation import Problem, problems

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def read_rows(path: Path) -> list[Row]:
    """The rows of a file: one, or an array of them. :class:`DataError` for anything that is no JSON object."""
    text = read_text(path)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}", hint="a row comes from `harness leaderboard export`") from None
    rows = value if isinstance(value, list) else [value]
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"{path}: row {index}: a JSON object expected", hint="see row.schema.json")
    return rows


@dataclass(frozen=True)
class CheckedRow:
    """A row of a file with what is wrong with it."""

    file: Path
    row: Row
    problems: list[Problem]

    @property
    def id(self) -> str:
        """The row's id, "None" if it has none."""
        return str(self.row.get("id"))


def checked_rows(paths: Iterable[Path], registry: Registry) -> Iterator[CheckedRow]:
    """The rows of files, each checked against the schema, itself and the installed task versions."""
    for path in paths:
        for row in read_rows(path):
            yield CheckedRow(path, row, problems(row, registry))


def published_rows() -> list[Row]:
    """The published systems that come with the package."""
    folder = files("harness_leaderboards") / "published"
    rows: list[Row] = []
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".json"):
            rows += json.loads(file.read_text(encoding="utf-8"))
    return rows


def folder_rows(folder: Path) -> list[Row]:
    """The rows that were added to a folder; none where it does not exist."""
    return [row for path in sorted(folder.glob("*.json")) for row in read_rows(path)] if folder.is_dir() else []


def add_row(row: Row, folder: Path) -> tuple[Path, bool]:
    """Puts a valid row into the folder as ``<id>.json``; returns the path, and whether it is new there.

    :class:`UsageError` where another row has its id.
    """
    path = folder / f"{row['id']}.json"
    if path.is_file():
        if read_rows(path) != [row]:
            raise UsageError(
                f"{path}: another row has the id {row['id']!r}", hint="remove it first, or export with another --name"
            )
        return path, False
    write_atomic(path, row_text(row))
    return path, True


def row_text(row: Row) -> str:
    """The row as JSON with a cell a line, so that a change of one number is one changed line."""
    head = json.dumps({key: value for key, value in row.items() if key != "cells"}, indent=1, ensure_ascii=False)
    cells = ",\n".join("  " + json.dumps(cell, ensure_ascii=False) for cell in row["cells"])
    return f'{head[:-2]},\n "cells": [\n{cells}\n ]\n}}\n'


def local_rows(folder: Path, more: Iterable[Path] = ()) -> list[Row]:
    """The rows of the folder and of single files; the same row twice counts once.

    :class:`DataError` for an invalid row, and for two rows of one id.
    """
    found: dict[str, Row] = {}
    for row in [*folder_rows(folder), *(row for path in more for row in read_rows(path))]:
        for problem in problems(row):
            if not problem.warning:
                hint = "`harness leaderboard validate FILE` says all that is wrong with it"
                raise DataError(f"row {row.get('id')!r}: {problem.text}", hint=hint)
        if found.setdefault(row["id"], row) != row:
            raise DataError(f"two rows have the id {row['id']!r}", hint="remove one, or export it with another --name")
    return list(found.values())


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
