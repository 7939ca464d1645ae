"""Lines and JSON of official files, with the place of every mistake named."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn

from harness.core.errors import DataError
from harness.core.files import read_text, write_atomic

_INTEGER = re.compile(r"0|[1-9][0-9]{0,17}")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_lines(path: Path) -> list[str]:
    """The lines of a file, each without outer white space; blank lines at the end of the file are dropped.

    Only a newline (or CRLF) ends a line: U+2028 and its like are text. Raises :class:`DataError` where the file is
    missing, not UTF-8, or holds a NUL or a carriage return inside a line.
    """
    text = read_text(path).replace("\r\n", "\n")
    for character, name in (("\0", "a NUL character"), ("\r", "a carriage return inside a line")):
        place = text.find(character)
        if place >= 0:
            line = text.count("\n", 0, place) + 1
            raise DataError(f"{path}:{line}: {name}", hint="the file should be UTF-8 text with newline line ends")
    lines = [line.strip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def reading_notes(*paths: Path, blank_ends: bool = False) -> tuple[str, ...]:
    """Warnings on what XTREME's scorer reads as part of the content and this module leaves out.

    That is a byte-order mark and, in files whose lines are items (``blank_ends``), blank lines at the end.
    """
    notes = []
    for path in paths:
        with path.open("rb") as file:
            if file.read(len(BOM_UTF8)) == BOM_UTF8:
                notes.append(f"{path}: the byte-order mark at its start is left out; XTREME's scorer reads it as text")
        if blank_ends and (count := _blank_end(path)):
            notes.append(f"{path}: {count} blank lines at its end are left out; XTREME's scorer takes them for items")
    return tuple(notes)


def _blank_end(path: Path) -> int:
    """The number of blank lines after the last line that is filled; what follows the last newline is no line."""
    lines = path.read_bytes().decode("utf-8-sig").split("\n")
    if not lines[-1]:
        lines.pop()
    return sum(1 for _ in takewhile(lambda line: not line.strip(), reversed(lines)))


def read_filled_lines(path: Path, what: str) -> list[str]:
    """:func:`read_lines` of a file that holds one ``what`` a line: no line may be blank, and there must be one."""
    lines = read_lines(path)
    if not lines:
        raise DataError(f"{path}: the file is empty", hint=f"expected one {what} a line")
    if "" in lines:
        refuse_line(path, lines.index(""), "the line is blank", f"expected one {what} a line")
    return lines


def refuse_line(path: Path, index: int, message: str, hint: str = "") -> NoReturn:
    """Raises the :class:`DataError` of the line at this 0-based index."""
    raise DataError(f"{path}:{index + 1}: {message}", hint=hint)


def require_same_length(predictions: Path, predicted: int, labels: Path, gold: int, what: str) -> None:
    """Raises :class:`DataError` unless both files hold the same number of ``what``."""
    if predicted != gold:
        raise DataError(
            f"{predictions}: {predicted} {what}, but {labels} has {gold}",
            hint="write one prediction for each line of the test file, in its order",
        )


def parse_integer(path: Path, index: int, text: str) -> int:
    """A plain non-negative decimal integer (no sign, leading zero or brackets)."""
    if not _INTEGER.fullmatch(text):
        refuse_line(
            path, index, f"{shorten(text)} is not a row number", "expected a 0-based integer, such as 17 (not [17])"
        )
    return int(text)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes lines atomically, each ended by a newline; :class:`DataError` where one would not survive reading.

    Those are lines with a line break, a NUL or outer white space, and a first line that begins with U+FEFF: every
    reader takes that for a byte-order mark.
    """
    lines = list(lines)
    text = "".join(f"{line}\n" for line in lines)
    if text.count("\n") != len(lines) or "\r" in text or "\0" in text:
        index = next(i for i, line in enumerate(lines) if any(c in line for c in "\n\r\0"))
        _refuse_to_write(path, index, lines[index], "labels and ids must not contain line breaks or NULs")
    if text.startswith("\ufeff"):
        _refuse_to_write(path, 0, lines[0], "it begins with U+FEFF, which readers take for a byte-order mark")
    padded = next((i for i, line in enumerate(lines) if line != line.strip()), None)
    if padded is not None:
        _refuse_to_write(path, padded, lines[padded], "labels and ids must not begin or end with white space")
    write_atomic(path, text)


def _refuse_to_write(path: Path, index: int, line: str, hint: str) -> NoReturn:
    refuse_line(path, index, f"{shorten(line)} does not fit on a line", hint)


def write_json(path: Path, value: object) -> None:
    """Writes JSON atomically: UTF-8, indented by one, keys in the order given, ended by a newline."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """The JSON value of a file.

    Raises :class:`DataError` where the file is missing, empty, not UTF-8, not JSON, has a key twice in one object, or a
    string with a lone surrogate.
    """
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{path}: the file is empty", hint="expected JSON")
    return parse_json(path, text)


def parse_json(path: Path, text: str, index: int | None = None) -> Any:
    """The JSON value of a whole file, or of its line with this 0-based index; errors as :func:`read_json`."""
    place = str(path) if index is None else f"{path}:{index + 1}"

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            key = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
            raise DataError(f"{place}: the key {shorten(key)} occurs twice in one object", hint="keys must be unique")
        return found

    def constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
        if _ESCAPED_SURROGATE.search(text):
            _refuse_surrogates(place, value, "the top")
    except json.JSONDecodeError as error:
        line = error.lineno + (index or 0)
        message = f"{path}:{line}: not JSON: {error.msg} (column {error.colno})"
        raise DataError(message, hint="check that the file is complete") from None
    except (ValueError, RecursionError) as error:  # huge numbers, NaN, absurdly deep nesting
        raise DataError(f"{place}: JSON that cannot be read: {error}", hint="check how the file was written") from None
    return value


def _refuse_surrogates(place: str, value: Any, where: str) -> None:
    match value:
        case str():
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise DataError(
                    f"{place}: a lone surrogate at {where}", hint="write the text as UTF-8, or escape whole pairs"
                )
        case list():
            for item in value:
                _refuse_surrogates(place, item, where)
        case dict():
            for key, item in value.items():
                _refuse_surrogates(place, key, f"a key of {where}")
                _refuse_surrogates(place, item, f"key {shorten(key)}")


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """A JSON file that is one object, ``{id: ...}``; ``what`` describes its values."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise DataError(f"{path}: expected a JSON object, {{id: {what}}}, found {json_type(value)}")
    if not value:
        raise DataError(f"{path}: the JSON object is empty", hint=f"expected {{id: {what}}}")
    return value


def json_type(value: object) -> str:
    """The name of a JSON value's type, for messages."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def shorten(text: str) -> str:
    """``text`` quoted for a message, cut where it is long."""
    cut = text if len(text) <= 60 else text[:57] + "..."
    return repr(cut) if cut.isprintable() else ascii(cut)


def match_ids(
    predictions: Path, predicted: Collection[str], labels: Path, gold: Collection[str], what: str
) -> tuple[str, ...]:
    """Warnings on ids that occur in only one of two files: missing ones score 0, unknown ones are ignored.

    :class:`DataError` where the files share no id at all: one of them is the wrong file.
    """
    known, found = set(gold), set(predicted)
    if not known & found:
        raise DataError(
            f"{predictions}: none of its {len(found)} ids is in {labels}",
            hint="check that both files belong to the same task, language and split",
        )
    missing = [key for key in gold if key not in found]
    unknown = [key for key in predicted if key not in known]
    warnings = []
    if missing:
        first = shorten(missing[0])
        warnings.append(
            f"{predictions}: {len(missing)} of {len(known)} {what} have no prediction (first: {first}), scored 0"
        )
    if unknown:
        warnings.append(f"{predictions}: {len(unknown)} unknown {what} ignored (first: {shorten(unknown[0])})")
    return tuple(warnings)
