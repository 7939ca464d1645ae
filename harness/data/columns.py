"""Columns of Arrow tables: what a source declares about them, checked, filtered, and turned into Python objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.border import border, in_words
from harness.core.errors import DataError
from harness.types.sources import DatasetsData, HubData, Where

BATCH = 8192
"""Rows turned into Python objects at once."""

ColumnSource = HubData | DatasetsData
"""The sources that declare columns."""


@dataclass(frozen=True)
class Column:
    """Parses the declaration of a column: ``"label: label(no, yes)"`` is ("label", "label", ("no", "yes"))."""

    name: str
    kind: str = ""
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Column:
        """Reads a declaration (see :class:`~harness.types.sources.HubData`); ValueError where it is malformed."""
        found = re.fullmatch(r"\s*([^:()]+?)\s*(?::\s*(\w+)\s*(?:\((.*)\))?)?\s*", text)
        if found is None or (found[2] or "") not in KINDS:
            raise ValueError(f"not a column declaration: {text!r}; expected 'name' or 'name: {'|'.join(KINDS[1:])}'")
        names = tuple(name.strip() for name in found[3].split(",")) if found[3] else ()
        return cls(found[1], found[2] or "", names)


KINDS = ("", "string", "integer", "label", "strings", "integers", "labels", "struct")


def check_columns(path: object, schema: Any, source: ColumnSource) -> None:
    """Checks an Arrow schema against a source; DataError names the file and the column that is missing or of another type."""
    columns = [Column.parse(text) for text in source.columns]
    for column in columns:
        if column.name not in schema.names:
            raise DataError(
                f"{path}: column {column.name!r} is missing",
                hint=f"the file has {', '.join(schema.names)}" + (f"; is it {source.repo}?" if source.repo else ""),
            )
    if source.where is not None and source.where.column not in schema.names:
        raise DataError(
            f"{path}: column {source.where.column!r} is missing", hint=f"the file has {', '.join(schema.names)}"
        )
    read = [column.name for column in columns] or schema.names
    for name in (*read, *([source.where.column] if source.where else [])):
        if schema.names.count(name) > 1:
            raise DataError(f"{path}: column {name!r} occurs twice", hint="write the file again with one of them")
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


def matching(column: Any, where: Where) -> Any:
    """Tells which values of a column are those of ``where``: an Arrow array of booleans."""
    import pyarrow.compute as pc
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    exactly = where.equals is not None
    mask = pc.equal(column, where.equals) if exactly else pc.starts_with(column, where.startswith or "")
    return pc.fill_null(mask, False)


def decoded(
    name: object, batch: Any, classes: Mapping[str, Sequence[str]], numbers: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Yields the rows of an Arrow batch; ``numbers`` are those that errors name."""
    columns = [
        values(f"{name}: column {column!r}", array, classes.get(column), numbers)
        for column, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    for row in zip(*columns, strict=True):
        yield dict(zip(batch.schema.names, row, strict=True))


def values(where: str, array: Any, classes: Sequence[str] | None, numbers: Sequence[int]) -> list[Any]:
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


def class_names(path: object, schema: Any, source: ColumnSource) -> dict[str, list[str]]:
    """Finds the class names of label columns: those that ``datasets`` wrote into the schema, else those of the source."""
    from pyarrow import types

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
