"""Rows of parquet files: their columns checked, filtered and decoded on Arrow, a batch at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.core.border import border, in_words
from harness.core.errors import DataError
from harness.types.tasks import HubData, Where

BATCH = 8192
"""Rows turned into Python objects at once."""


@dataclass(frozen=True)
class Column:
    """What a source declares about a column: ``"label: label(no, yes)"`` is ("label", "label", ("no", "yes"))."""

    name: str
    kind: str = ""
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Column:
        """Reads a declaration (see :class:`~harness.types.tasks.HubData`); ValueError where it is malformed."""
        found = re.fullmatch(r"\s*([^:()]+?)\s*(?::\s*(\w+)\s*(?:\((.*)\))?)?\s*", text)
        if found is None or (found[2] or "") not in KINDS:
            raise ValueError(f"not a column declaration: {text!r}; expected 'name' or 'name: {'|'.join(KINDS[1:])}'")
        names = tuple(name.strip() for name in found[3].split(",")) if found[3] else ()
        return cls(found[1], found[2] or "", names)


KINDS = ("", "string", "integer", "label", "strings", "integers", "labels", "struct")


def check_columns(path: Path, schema: Any, source: HubData) -> None:
    """DataError naming the file and the column where the schema lacks what the source declares."""
    columns = [Column.parse(text) for text in source.columns]
    for column in columns:
        if column.name not in schema.names:
            raise DataError(
                f"{path}: column {column.name!r} is missing",
                hint=f"the file has {', '.join(schema.names)}; is it {source.repo}?",
            )
    if source.where is not None and source.where.column not in schema.names:
        raise DataError(
            f"{path}: column {source.where.column!r} is missing", hint=f"the file has {', '.join(schema.names)}"
        )
    read = [column.name for column in columns] or schema.names
    for name in (*read, *([source.where.column] if source.where else [])):
        if schema.names.count(name) > 1:
            raise DataError(f"{path}: column {name!r} is there twice", hint="write the file again with one of them")
    for column in columns:
        found = schema.field(column.name).type
        if not _fits(column, found):
            raise DataError(f"{path}: column {column.name!r} holds {found}, expected {_expected(column)}")


def _fits(column: Column, found: Any) -> bool:
    from pyarrow import types

    def text(kind: Any) -> bool:
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))

    scalar = {
        "string": text,
        "integer": types.is_integer,
        "label": lambda kind: text(kind) or types.is_integer(kind),
    }
    if column.kind in scalar:
        return bool(scalar[column.kind](found))
    if column.kind == "struct":
        return types.is_struct(found) and {found.field(i).name for i in range(found.num_fields)} >= set(column.names)
    if column.kind:
        return (types.is_list(found) or types.is_large_list(found)) and bool(scalar[column.kind[:-1]](found.value_type))
    return True


def _expected(column: Column) -> str:
    if column.kind == "struct":
        return f"a struct with the fields {', '.join(column.names)}"
    singular = column.kind.removesuffix("s")
    word = {"label": "a class index or a string"}.get(singular, singular)
    return f"a list of {word}" if column.kind.endswith("s") else word


def _reading(path: Path) -> AbstractContextManager[None]:
    """The border to pyarrow: a file that is no parquet, or only the beginning of one, or holds what it cannot read."""
    return border(f"{path}: cannot be read as parquet", hint="the file is truncated or damaged: download it again")


def count_rows(paths: Sequence[Path], source: HubData) -> int:
    """Rows after ``where``, from the metadata and, with ``where``, that one column; columns are checked."""
    import pyarrow.parquet as pq

    total = 0
    for path in paths:
        with _reading(path):
            metadata = pq.read_metadata(path)
            check_columns(path, metadata.schema.to_arrow_schema(), source)
            if source.where is None:
                total += metadata.num_rows
            else:
                mask = _mask(_kept(path, source.where.column, *_state(path)).column(0), source.where)
                total += mask.to_pylist().count(True)
    return total


def _mask(column: Any, where: Where) -> Any:
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    exactly = where.equals is not None
    mask = pc.equal(column, where.equals) if exactly else pc.starts_with(column, where.startswith or "")
    return pc.fill_null(mask, False)


def rows(paths: Sequence[Path], source: HubData) -> Iterator[dict[str, Any]]:
    """The rows after ``where``, with the declared columns (all, where none is declared), classes as their names."""
    count_rows(paths, HubData(source.repo, source.config, source.split, columns=source.columns))  # checks, too
    for path in paths:
        with _reading(path):
            classes = _classes(path, source)
            for numbers, batch in _batches(path, source):
                columns = [
                    _values(f"{path}: column {name!r}", array, classes.get(name), numbers)
                    for name, array in zip(batch.schema.names, batch.columns, strict=True)
                ]
                for values in zip(*columns, strict=True):
                    yield dict(zip(batch.schema.names, values, strict=True))


def _values(where: str, array: Any, classes: Sequence[str] | None, numbers: Sequence[int]) -> list[Any]:
    """Python objects; DataError naming the row of a value that cannot be one (text in another encoding than UTF-8)."""

    def plain(part: Any) -> list[Any]:
        return _named(part, classes) if classes is not None else part.to_pylist()

    try:
        return plain(array)
    except Exception:
        for place, number in enumerate(numbers):
            try:
                plain(array[place : place + 1])
            except Exception as error:
                hint = "text must be UTF-8" if isinstance(error, UnicodeError) else "mend this row, or leave it out"
                raise DataError(f"{where}, row {number}: {in_words(error)}", hint=hint) from error
        raise


def _batches(path: Path, source: HubData) -> Iterator[tuple[Sequence[int], Any]]:
    """Record batches of the declared columns with the numbers of their rows.

    The file is decoded piece by piece where all of its rows are wanted.
    """
    import pyarrow.parquet as pq

    columns = [Column.parse(text).name for text in source.columns] or None
    if source.where is None:
        start = 0
        with pq.ParquetFile(path, memory_map=True) as file:
            for batch in file.iter_batches(BATCH, columns=columns):
                yield range(start, start + len(batch)), batch.select(columns) if columns else batch
                start += len(batch)
        return
    table = _kept(path, None, *_state(path))
    mask = _mask(table.column(source.where.column), source.where)
    numbers = [number for number, kept in enumerate(mask.to_pylist()) if kept]
    table = table.filter(mask)
    for batch in (table.select(columns) if columns else table).to_batches(max_chunksize=BATCH):
        yield numbers[: len(batch)], batch
        del numbers[: len(batch)]


@lru_cache(maxsize=2)
def _kept(path: Path, column: str | None, *_: int) -> Any:
    """A file that holds several languages, which are often counted and read one after the other, or one column of it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=column and [column], memory_map=True)
    # Views of strings cannot be filtered or compared yet.
    plain = [
        field.with_type(pa.large_string()) if pa.types.is_string_view(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(plain, table.schema.metadata))


def _state(path: Path) -> tuple[int, int, int]:
    """What changes with the file: the time of change of its inode, which archives and copies cannot restore."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_ctime_ns


def _classes(path: Path, source: HubData) -> dict[str, list[str]]:
    """The class names of label columns: those that ``datasets`` wrote into the schema, else those of the source."""
    import pyarrow.parquet as pq
    from pyarrow import types

    schema = pq.read_schema(path)
    declared = {column.name: list(column.names) for column in map(Column.parse, source.columns) if column.names}
    with border(
        f"{path}: the schema's entry 'huggingface' is not one that datasets writes",
        hint="write the file again, with datasets or without that entry",
    ):
        written = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = written["info"]["features"] if written else {}
        inner = {name: _element(feature) for name, feature in features.items()}
        classes = {name: list(kind["names"]) for name, kind in inner.items() if kind.get("_type") == "ClassLabel"}
    for name in declared.keys() - classes.keys():
        kind = schema.field(name).type
        if types.is_integer(getattr(kind, "value_type", kind)):
            classes[name] = declared[name]
    return classes


def _element(feature: Any) -> dict[str, Any]:
    """A feature in the notation of ``datasets``, or what a list of it holds: ``[feature]`` or ``{"feature": feature}``.

    Nothing of a list of lists, which holds no classes that are read.
    """
    inner = feature[0] if isinstance(feature, list) else feature.get("feature", feature)
    return inner if isinstance(inner, dict) else {}


def _named(array: Any, names: Sequence[str]) -> list[Any]:
    """Class indices, or lists of them, as names; negative ones (no label) as None, strings as they are."""
    from pyarrow import types

    def name(index: int | None) -> str | None:
        if index is not None and index >= len(names):
            raise ValueError(f"class {index}, but there are {len(names)}")
        return None if index is None or index < 0 else names[index]

    values: list[Any] = array.to_pylist()
    if types.is_integer(array.type):
        return [name(index) for index in values]
    if (types.is_list(array.type) or types.is_large_list(array.type)) and types.is_integer(array.type.value_type):
        return [row and [name(index) for index in row] for row in values]
    return values
