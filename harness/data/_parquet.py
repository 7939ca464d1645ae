"""Rows of parquet files: their columns checked, filtered and decoded on Arrow, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.data.columns import BATCH, Column, check_columns, class_names, decoded, matching
from harness.types.sources import HubData


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
                mask = matching(_kept(path, source.where.column, *_state(path)).column(0), source.where)
                total += mask.to_pylist().count(True)
    return total


def rows(paths: Sequence[Path], source: HubData) -> Iterator[dict[str, Any]]:
    """The rows after ``where``, with the declared columns (all, where none is declared), classes as their names."""
    import pyarrow.parquet as pq

    count_rows(paths, HubData(source.repo, source.config, source.split, columns=source.columns))  # checks, too
    for path in paths:
        with _reading(path):
            classes = class_names(path, pq.read_schema(path), source)
            for numbers, batch in _batches(path, source):
                yield from decoded(path, batch, classes, numbers)


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
    mask = matching(table.column(source.where.column), source.where)
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
    """Stamp of a file: its inode, size, and the inode's time of change, which archives and copies cannot restore."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_ctime_ns
