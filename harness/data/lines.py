"""Lines of text files, numbered, so that errors can name them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.errors import DataError


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of every line, without its end. UTF-8, with or without a byte-order mark, CRLF or LF."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{number}: not UTF-8 ({error.reason})") from error
    parts = text.split("\n")  # not splitlines(): sentences may hold other separators, such as U+2028
    if parts[-1] == "":
        parts.pop()
    for number, line in enumerate(parts, start=1):
        yield number, line.removesuffix("\r")
