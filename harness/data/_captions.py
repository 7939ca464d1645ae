"""Captions of pictures: a JSON object a line, next to the folder of the pictures, which are read when they are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.errors import DataError
from harness.core.inside import names_inside
from harness.data._lines import lines
from harness.data.noted import NotedRows
from harness.types.examples import Captioned
from harness.types.languages import CODE
from harness.types.pictures import Picture
from harness.types.sources import Row

IMAGES = "images"
"""Name of the folder with the pictures, next to the file of captions."""
_EXPECTED = 'expected {"image": "a.png", "language": "en", "caption": "a dog"} or {"image": "a.png", "en": "a dog"}'


@cache
def captions(language: str) -> Callable[..., NotedRows]:
    """A reader of the captions in a language, from files with a JSON object a line.

    An object has ``image``, the path of a picture in the folder ``images`` next to the file, with ``language`` and
    ``caption``, or a caption (or a list of them) under the code of each language. ``spans``, pairs of numbers of characters,
    and ``facts`` are as in :class:`~harness.types.examples.Captioned`; ``facts`` may be any JSON. Without the folder the
    captions are read as text, with a note. A row is for :func:`captioned`. DataError names file and line.
    """

    def read(*paths: Path) -> NotedRows:
        rows = [row for path in paths for row in _of_file(path, language)]
        lacking = [str(path.parent / IMAGES) for path in paths if not (path.parent / IMAGES).is_dir()]
        notes = [f"captions without pictures: there is no folder {', '.join(lacking)}"] if lacking else []
        return NotedRows(rows, notes)

    return read


def captioned(row: Row) -> Captioned:
    """The example of a row of :func:`captions`; DataError where the file of its picture cannot be read."""
    path, name = Path(row["path"]), row["name"]
    image = Picture.of_file(path, name) if row["pictures"] else Picture(name, path=str(path))
    return Captioned(row["id"], image, row["caption"], row["language"], row["others"], row["spans"], row["facts"])


def _of_file(path: Path, language: str) -> list[dict[str, Any]]:
    folder = path.parent / IMAGES
    there, inside = folder.is_dir(), folder.resolve()
    found: dict[str, list[dict[str, Any]]] = {}
    known: set[str] = set()
    for number, line in lines(path):
        place = f"{path}:{number}"
        row = _object(place, line)
        codes = {row["language"]} if "language" in row else {key for key in row if re.fullmatch(CODE, key)}
        known |= codes
        if language in codes:
            image = row["image"]
            common = {
                "name": f"{path.parent.name}/{image}",
                "path": str(_file(place, folder, inside, image)),
                "pictures": there,
                "language": language,
                "spans": _spans(place, row.get("spans", ())),
                "facts": _facts(row.get("facts")),
            }
            texts = _texts(place, row.get("caption") if "language" in row else row[language])
            found.setdefault(image, []).extend(common | {"caption": text} for text in texts)
    if not found:
        languages = f"its captions are in {', '.join(sorted(map(str, known)))}" if known else "it has no captions"
        raise DataError(f"{path}: no caption in {language!r}", hint=languages)
    return [row for rows in found.values() for row in _numbered(rows)]


def _numbered(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The captions of one picture, each with the others and an id: the name of the picture, and its number."""
    for number, row in enumerate(rows, 1):
        others = tuple(other["caption"] for other in rows if other is not row)
        yield row | {"id": row["name"] + (f"#{number}" if others else ""), "others": others}


def _object(place: str, line: str) -> dict[str, Any]:
    with border(f"{place}: not JSON", hint=_EXPECTED):
        row = json.loads(line)
    if not isinstance(row, dict) or not isinstance(row.get("image"), str) or not row["image"]:
        raise DataError(f"{place}: no image is named in {line[:60]!r}", hint=_EXPECTED)
    return row


def _texts(place: str, said: object) -> list[str]:
    given = said if isinstance(said, list) else [said]
    texts = [text for text in given if isinstance(text, str) and text.strip()]
    if not texts or len(texts) < len(given):
        raise DataError(f"{place}: no caption: {str(said)[:60]!r}", hint=_EXPECTED)
    return texts


def _spans(place: str, given: Any) -> tuple[tuple[int, int], ...]:
    with border(f"{place}: spans must be pairs of whole numbers"):
        return tuple((int(start), int(end)) for start, end in given)


def _facts(given: object) -> str:
    return "" if given is None else json.dumps(given, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _file(place: str, folder: Path, inside: Path, image: str) -> Path:
    """The file of a picture; DataError where it would be outside the folder, by its name or by a link."""
    file = folder / image.replace("\\", "/")
    if not names_inside(image) or not file.resolve().is_relative_to(inside):
        raise DataError(f"{place}: the image {image!r} is outside {folder}", hint="put it into the folder")
    return file
