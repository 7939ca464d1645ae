"""Lines of text files, numbered, so that errors can name them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.core.border import border
from harness.core.errors import DataError
from harness.types.sources import Row


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line, without its end. UTF-8, with or without a byte-order mark, CRLF or LF."""
    with path.open("rb") as file:  # only a newline ends a line: sentences may hold other separators, such as U+2028
        for number, data in enumerate(file, start=1):
            try:
                line = data.decode("utf-8" if number > 1 else "utf-8-sig")
            except UnicodeDecodeError as error:
                raise DataError(f"{path}:{number}: not UTF-8 ({error.reason})") from error
            yield number, line.removesuffix("\n").removesuffix("\r")


def json_lines(*paths: Path) -> Iterator[Row]:
    """A JSON object a line: rows with its keys."""
    for path in paths:
        for number, line in lines(path):
            with border(f"{path}:{number}: not JSON"):
                row = json.loads(line)
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number}: expected a JSON object, found {line[:60]!r}")
            yield row
