"""Lines of text files, numbered, so that errors can name them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from harness.core.border import border
from harness.core.errors import DataError, did_you_mean
from harness.data.file_formats import open_compressed
from harness.types.sources import Row

_LINES = re.compile(r"\.(jsonl|ndjson)\b", re.IGNORECASE)
"""Names of files that have an object a line, also where there is only one."""
_BLOCK = 1 << 20
"""Characters that are read at a time."""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line, without its end. UTF-8, with or without a byte-order mark, CRLF or LF.

    A compressed file (.gz, .bz2, .xz, .zst) is read as what it holds.
    """
    with open_compressed(
        path
    ) as file:  # only a newline ends a line: sentences may hold other separators, such as U+2028
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


def json_rows(path: Path, field: str = "") -> Iterator[Row]:
    """The objects of a JSON file: one a line, those of one array, which is read piece by piece, or an array under a key.

    Of a file with one object, the rows are the list of objects in it: that under the key ``field`` or, without, the only
    one. :class:`DataError` where there are several.
    """
    with open_compressed(path) as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        yield from _array(path)
    elif start.startswith(b"{") and not _LINES.search(path.name) and (whole := _one_object(path)) is not None:
        yield from _unwrapped(path, whole, field)
    else:
        yield from json_lines(path)


def _one_object(path: Path) -> Row | None:
    """The object that a whole file is; None where it has one a line, or is no JSON."""
    with open_compressed(path) as raw, TextIOWrapper(raw, encoding="utf-8-sig", errors="replace") as file:
        first = next((line for line in file if line.strip()), "")
        try:
            json.loads(first)
        except ValueError:  # an object over several lines, or a line that is no JSON
            text = first + file.read()
        else:
            if any(line.strip() for line in file):
                return None
            text = first
    try:
        found: Row = json.loads(text)
    except ValueError:
        return None
    return found


def _unwrapped(path: Path, whole: Row, field: str) -> Iterator[Row]:
    """The rows of one object: those of a list of objects in it, else itself."""
    lists = {key: value for key, value in whole.items() if _is_rows(value)}
    if field:
        if field not in lists:
            raise DataError(f"{path}: no list of objects under the key {field!r}", hint=did_you_mean(field, lists))
        yield from lists[field]
    elif len(lists) == 1:
        yield from next(iter(lists.values()))
    elif lists:
        raise DataError(
            f"{path}: several lists of objects: {', '.join(lists)}",
            hint=f"options={{'field': {next(iter(lists))!r}}} of DatasetsData says which one has the rows",
        )
    else:
        yield whole


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _array(path: Path) -> Iterator[Row]:
    decoder = json.JSONDecoder()
    with open_compressed(path) as raw, TextIOWrapper(raw, encoding="utf-8-sig") as file:
        text, place, size, number, whole = file.read(_BLOCK), 0, _BLOCK, 0, False
        place = text.index("[") + 1
        expected = "an object"
        while True:
            place = _skip_space(text, place)
            if place < len(text) and text[place] == "," and expected == "a comma":
                expected, place = "an object", place + 1
                continue
            if place < len(text) and text[place] == "]" and (expected == "a comma" or not number):
                rest = text[place + 1 :] + file.read(_BLOCK)
                if rest.strip():
                    raise DataError(f"{path}: more follows the array: {rest.strip()[:60]!r}")
                return
            try:
                if expected == "a comma" and place < len(text):
                    raise DataError(f"{path}: row {number}: a comma expected after it, found {text[place:][:60]!r}")
                row, end = decoder.raw_decode(text, place)
            except json.JSONDecodeError as error:
                more = "" if whole else file.read(size)
                whole = not more
                if whole:
                    raise DataError(f"{path}: row {number}: not JSON ({error.msg}), or cut off") from error
                text, place, size = text[place:] + more, 0, size * 2
                continue
            if not isinstance(row, dict):
                raise DataError(f"{path}: row {number}: expected a JSON object, found {text[place:][:60]!r}")
            yield row
            number, place, expected, size = number + 1, end, "a comma", _BLOCK


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place].isspace():
        place += 1
    return place
