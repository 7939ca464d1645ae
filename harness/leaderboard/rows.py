"""Rows as they are stored: read from files and folders, added to a folder, the published ones provided by plugins."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, UsageError
from harness.core.files import read_text, write_atomic
from harness.core.version import FIRST_PARTY
from harness.leaderboard.schema import Row
from harness.leaderboard.validation import Problem, problems
from harness.types.benchmarks import PublishedRows

if TYPE_CHECKING:
    from harness.registry.registry import Registry

log = logging.getLogger(__name__)


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
    """A row of a file with its problems."""

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


def row_files(path: Path) -> list[Path]:
    """The files of a folder of rows, or the one file that it is."""
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def published_rows(registry: Registry) -> list[Row]:
    """The published systems that plugins provide, first-party first, each row stamped with its provider.

    A file that cannot be read, and a row that is invalid or whose id is taken, is left out with a warning.
    """
    found: dict[str, Row] = {}
    for collection in registry.all(PublishedRows).values():
        ours = collection.provider.partition(":")[0] == FIRST_PARTY  # valid by test, and many
        for file in row_files(Path(collection.path)):
            try:
                rows = read_rows(file)
            except DataError as error:
                log.warning("plugin %s: %s: left out: %s", collection.provider, collection.where, error)
                continue
            for row in rows:
                wrong = [] if ours else [problem.text for problem in problems(row) if not problem.warning]
                if not wrong and row["id"] in found:
                    wrong = [f"the id is that of a row of {found[row['id']]['provider']}"]
                if wrong:
                    known = (collection.provider, file, row.get("id"), wrong[0])
                    log.warning("plugin %s: %s: the row %r is left out: %s", *known)
                else:
                    found[row["id"]] = {**row, "provider": collection.provider}
    return list(found.values())


def folder_rows(folder: Path) -> list[Row]:
    """The rows that were added to a folder; none where it does not exist."""
    return [row for path in row_files(folder) for row in read_rows(path)] if folder.is_dir() else []


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
    raise ValueError(f"{name} is not a JSON number")
