"""Rows that the library ``datasets`` reads: files in another form than the Hub's Parquet, and data sets made in Python.

Files are read as a stream, so that ``datasets`` keeps no copy of them and never goes to the network. Rows of JSON Lines are
read by :func:`~harness.data._lines.json_rows`: the builder of ``datasets`` turns texts that look like dates into dates.
"""

from __future__ import annotations

import csv
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

from harness.core.border import border, in_words
from harness.core.errors import DataError
from harness.core.offline import without_network
from harness.core.paths import cache_dir
from harness.core.scratch import remove_abandoned, scratch_folder
from harness.data._archive import is_archive, members
from harness.data._lines import json_rows
from harness.data.columns import BATCH, Column, check_columns, class_names, decoded, matching
from harness.data.locate import Files, Unavailable
from harness.types.sources import DatasetsData, Row, described

_CELLS = ("csv", "tsv")
"""Formats in which every cell is a text."""
_SAME_LINES = {
    "sep",
    "delimiter",
    "quoting",
    "quotechar",
    "encoding",
    "header",
    "names",
    "keep_default_na",
    "na_values",
}
"""Options of CSV files that leave it to the separator and quotes what a line is."""
_QUOTED = r'^"[^"]*""[^"]*(?:""[^"]*)*"$'
"""A cell in quotes with doubled quotes in it: no writer means these as plain characters."""

Batch = tuple[object, Sequence[int], Any]
"""The name of a file or data set, the numbers of some of its rows (from 0), and these rows as an Arrow table."""


def dataset_rows(source: DatasetsData, files: Files, offline: bool = False) -> Iterator[dict[str, Any]]:
    """Yields the rows after ``where``, with the declared columns, classes as their names, images and sounds decoded."""
    for name, numbers, table in batches(source, files, offline):
        yield from table_rows(name, numbers, table, source)


def count_dataset_rows(source: DatasetsData, files: Files, offline: bool = False) -> int:
    """Counts the rows after ``where``, which reads them; columns are checked."""
    return sum(len(table) for _, _, table in batches(source, files, offline))


def table_rows(name: object, numbers: Sequence[int], table: Any, source: DatasetsData) -> Iterator[dict[str, Any]]:
    """Yields the rows of an Arrow table as Python objects."""
    with border(f"{name}: cannot be read"):
        media = _media(table.schema, source)
        rows = decoded(name, table.combine_chunks(), class_names(name, table.schema, source), numbers)
        for number, row in zip(numbers, rows, strict=True):
            for column, feature in media.items():
                with border(f"{name}: column {column!r}, row {number}: cannot be decoded"):
                    row[column] = row[column] and feature.decode_example(row[column])
            yield row


def batches(source: DatasetsData, files: Files, offline: bool = False) -> Iterator[Batch]:
    """Yields the rows after ``where`` with their declared columns, which are checked."""
    for name, start, table in _tables(source, files, offline):
        with border(f"{name}: cannot be read"):
            _check_cells(name, start, table, source)
            table = _typed(name, start, table, source)
            check_columns(name, table.schema, source)
            numbers: Sequence[int] = range(start, start + len(table))
            if source.where is not None:
                mask = matching(table.column(source.where.column), source.where)
                numbers = [number for number, kept in zip(numbers, mask.to_pylist(), strict=True) if kept]
                table = table.filter(mask)
            if source.columns:
                table = table.select([Column.parse(text).name for text in source.columns])
        if len(table):
            yield name, numbers, table


def _tables(source: DatasetsData, files: Files, offline: bool) -> Iterator[tuple[object, int, Any]]:
    """The name of each file or data set, and its rows: the number of the first of a table, and the table."""
    if source.load is not None:
        name = described(source)
        yield from _numbered(name, _arrow(name, load(source, offline)))
        return
    for path in data_files(source, files):
        with border(f"{path}: cannot be read as {source.format}", hint="the file is damaged, or of another format"):
            yield from _numbered(
                path, _json_tables(path, source) if source.format == "json" else _streamed(path, source)
            )


def data_files(source: DatasetsData, files: Files) -> list[Path]:
    """Lists the files that are read, those of archives unpacked."""
    return [part for path in files.paths for part in (members(path, source.members) if is_archive(path) else [path])]


def _numbered(name: object, tables: Iterator[Any]) -> Iterator[tuple[object, int, Any]]:
    start = 0
    for table in tables:
        yield name, start, table
        start += len(table)


def load(source: DatasetsData, offline: bool) -> Any:
    """Returns the data set that a source's ``load`` makes; what ``datasets`` keeps of it goes into the harness's cache."""
    import datasets

    assert source.load is not None
    name = described(source)
    kept = datasets.config.HF_DATASETS_CACHE
    datasets.config.HF_DATASETS_CACHE = cache_dir() / "datasets"
    try:
        with border(f"{name}: cannot be loaded", Unavailable, hint=source.obtain), without_network(offline):
            found = source.load()
    finally:
        datasets.config.HF_DATASETS_CACHE = kept
    if not isinstance(found, datasets.Dataset | datasets.IterableDataset):
        raise DataError(
            f"{name}: returned {type(found).__name__}, expected a datasets.Dataset or IterableDataset",
            hint="name the split: load_dataset(..., split='test')" if isinstance(found, dict) else "",
        )
    return found


def _arrow(name: object, dataset: Any) -> Iterator[Any]:
    with border(f"{name}: cannot be read"):
        yield from dataset.with_format("arrow").iter(BATCH)


def _streamed(path: Path, source: DatasetsData) -> Iterator[Any]:
    """Arrow tables of a file, read by the builder of its format."""
    options: dict[str, Any] = dict(source.options)
    if source.format == "text":
        options = {"encoding": "utf-8-sig", **options}
    if source.format in _CELLS:
        own = {"sep": "\t", "quoting": csv.QUOTE_NONE} if source.format == "tsv" else {}
        options = {"keep_default_na": False, **own, **options}
        options["features"] = _texts(path, options)
    with _builder(path, "csv" if source.format in _CELLS else str(source.format), options) as builder:
        yield from builder.as_streaming_dataset(split="train").with_format("arrow").iter(BATCH)


def _texts(path: Path, options: dict[str, Any]) -> Any:
    """The columns of a CSV file, all of them texts: what looks like a number or a missing value stays as it is."""
    import datasets
    import pandas

    with _builder(path, "csv", options) as builder:
        given = builder.config.pd_read_csv_kwargs
    names = pandas.read_csv(path, **{**given, "chunksize": None, "nrows": 0}).columns
    if given.get("header") == "infer" and given.get("names") is None:  # pandas gives a second column "a" the name "a.1"
        head = pandas.read_csv(path, **{**given, "chunksize": None, "nrows": 1, "header": None, "dtype": str})
        cells = [str(cell) for cell in head.iloc[0]] if len(head) else []
        if twice := sorted({cell for cell in cells if cells.count(cell) > 1}):
            raise DataError(f"{path}: column {twice[0]!r} occurs twice", hint="write the file again with one of them")
    _check_widths(path, given, len(names), options)
    if not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: its columns have no names", hint="options={'header': None, 'names': ['id', 'text']}")
    return datasets.Features({name: datasets.Value("string") for name in names})


@contextmanager
def _builder(path: Path, name: str, options: dict[str, Any]) -> Iterator[Any]:
    """The builder of ``datasets`` for a local file; its lock files go with the end of the block."""
    import datasets

    parent = cache_dir() / "datasets"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(".stream-*"):
        remove_abandoned(left)
    logging.getLogger("datasets.packaged_modules").setLevel(logging.CRITICAL)  # they log what they raise
    with scratch_folder(parent, ".stream-") as scratch:
        files = {"train": [str(path)]}
        yield datasets.load_dataset_builder(name, data_files=files, cache_dir=str(scratch), **options)


def _json_tables(path: Path, source: DatasetsData) -> Iterator[Any]:
    import pyarrow as pa

    rows = json_rows(path, str(source.options.get("field", "")))
    start = 0
    while chunk := list(islice(rows, BATCH)):
        names = dict.fromkeys(chain.from_iterable(chunk))
        yield pa.table({name: _json_column(f"{path}: column {name!r}", name, chunk, start) for name in names})
        start += len(chunk)


def _json_column(where: str, name: str, rows: Sequence[Row], start: int) -> Any:
    import pyarrow as pa

    column = [row.get(name) for row in rows]
    try:
        return pa.array(column)
    except Exception as error:
        first = next(value for value in column if value is not None)
        odd = next((place for place, value in enumerate(column) if not _together(first, value)), None)
        row = "" if odd is None else f", row {start + odd}"
        hint = "the values of a column must be of one type"
        raise DataError(f"{where}{row}: {in_words(error)}", hint=hint) from error


def _together(first: object, value: object) -> bool:
    """Tells whether two values can be in one column."""
    import pyarrow as pa

    try:
        pa.array([first, value])
    except Exception:
        return False
    return True


def _typed(name: object, start: int, table: Any, source: DatasetsData) -> Any:
    """The table with the numbers of a CSV file as numbers, and columns without any value as the declared text or number."""
    import pyarrow as pa

    for column in map(Column.parse, source.columns):
        if column.name not in table.schema.names or column.kind not in ("string", "integer", "label"):
            continue
        place, found = table.schema.get_field_index(column.name), table.column(column.name)
        if pa.types.is_null(found.type):
            kind = pa.int64() if column.kind == "integer" else pa.string()
            table = table.set_column(place, column.name, found.cast(kind))
        elif source.format in _CELLS and column.kind == "label" and column.names and _are_numbers(found, column.names):
            table = table.set_column(place, column.name, found.cast(pa.int64()))
        elif source.format in _CELLS and column.kind == "integer":
            numbers = [
                _whole(f"{name}: column {column.name!r}, row {start + i}", v) for i, v in enumerate(found.to_pylist())
            ]
            table = table.set_column(place, column.name, pa.array(numbers, pa.int64()))
    return table


def _are_numbers(column: Any, names: Sequence[str]) -> bool:
    """Tells whether the labels of a file of texts are indices of classes, whose names are no numbers."""
    values = column.to_pylist()
    return not any(name.isdecimal() for name in names) and all(re.fullmatch("-?[0-9]{1,6}", v or "") for v in values)


def _check_cells(name: object, start: int, table: Any, source: DatasetsData) -> None:
    """DataError for a tsv file whose writer has quoted a cell, unless the options say what quotes mean."""
    import pyarrow.compute as pc

    if source.format != "tsv" or "quoting" in source.options:
        return
    for column in table.schema.names:
        cells = table.column(column)
        quoted = pc.index(pc.match_substring_regex(cells, _QUOTED), True).as_py()
        if quoted >= 0:
            raise DataError(
                f"{name}: column {column!r}, row {start + quoted}: quoted as in a CSV file: "
                f"{cells[quoted].as_py()[:60]!r}",
                hint="DatasetsData('tsv', ..., options={'quoting': 0}) reads quotes",
            )


def _check_widths(path: Path, given: dict[str, Any], columns: int, options: Mapping[str, Any]) -> None:
    """DataError for a line with too few or too many cells: pandas fills and shifts them without a word.

    Under options that change what a line is (comments, lines to skip), pandas decides alone.
    """
    separator = given.get("delimiter") or given["sep"]
    if options.keys() - _SAME_LINES or len(separator) != 1:
        return
    quoting: Any = given.get("quoting") or csv.QUOTE_MINIMAL
    limit = csv.field_size_limit(sys.maxsize)
    try:
        with path.open(encoding=given.get("encoding") or "utf-8", errors="replace", newline="") as file:
            lines = csv.reader(file, delimiter=separator, quoting=quoting, quotechar=given.get("quotechar") or '"')
            for line in lines:
                if line and len(line) != columns:
                    hint = "is the file cut off, or a quote not closed?" if len(line) < columns else ""
                    found = f"expected {columns} cells, found {len(line)}"
                    raise DataError(f"{path}:{lines.line_num}: {found}", hint=hint)
    finally:
        csv.field_size_limit(limit)


def _whole(where: str, text: str | None) -> int | None:
    if not text:
        return None
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:
        raise DataError(f"{where}: {text[:60]!r}, expected a whole number")
    return int(text)


def _media(schema: Any, source: DatasetsData) -> dict[str, Any]:
    """The columns of images, sounds and similar types, which ``datasets`` decodes; as a struct they stay what they are."""
    if b"huggingface" not in (schema.metadata or {}):
        return {}
    import datasets

    features = datasets.Features.from_arrow_schema(schema)
    kept = {column.name for column in map(Column.parse, source.columns) if column.kind == "struct"}
    return {name: each for name, each in features.items() if hasattr(each, "decode_example") and name not in kept}
