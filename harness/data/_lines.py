"""Lines of text files, numbered, so that errors can name them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from harness.core.border import border
from harness.core.errors import DataError
from harness.data.file_formats import open_compressed
from harness.types.sources import Row

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


def json_rows(path: Path) -> Iterator[Row]:
    """The objects of a JSON file: one a line, or those of one array, which is read piece by piece."""
    with open_compressed(path) as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        yield from _array(path)
    else:
        yield from json_lines(path)


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
