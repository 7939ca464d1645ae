"""Rows and examples that stay on disk and are read when they are asked for, so that memory does not grow with the data."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.built import built
from harness.core.errors import DataError
from harness.core.hashing import file_sha256, text_hash
from harness.core.paths import cache_dir
from harness.core.version import __version__
from harness.data._builders import batches, load, table_rows
from harness.data.columns import BATCH, Column, check_columns, matching
from harness.data.locate import Files
from harness.data.store import LookedUpExamples
from harness.data.subset import fingerprint
from harness.types.examples import Example
from harness.types.sources import DatasetsData, described


@dataclass(frozen=True)
class StoredTable:
    """Rows of the same types on disk: ``table`` returns those from one number to another as an Arrow table."""

    name: str
    source: DatasetsData
    count: int
    table: Callable[[int, int], Any]

    def read(self, start: int, end: int) -> Iterator[dict[str, Any]]:
        """Yields rows as Python objects."""
        return table_rows(self.name, range(start, end), self.table(start, end), self.source)


@dataclass(frozen=True)
class StoredRows:
    """All rows of a source."""

    tables: tuple[StoredTable, ...]


def stored_rows(source: DatasetsData, files: Files, offline: bool = False) -> StoredRows:
    """Opens the rows of a source, after ``where`` and with the declared columns: of a data set, or of a copy in the cache."""
    if source.load is not None:
        return StoredRows((_of_dataset(source, offline),))
    import pyarrow as pa

    content = [(path.name, file_sha256(path)) for path in files.paths]
    made_by = (__version__, version("datasets"))
    kept = (source.format, source.members, source.columns, source.where, sorted(source.options.items()))
    digest = blake2b(repr((content, made_by, kept)).encode(), digest_size=8).hexdigest()
    folder = cache_dir() / "rows" / f"{files.paths[0].name.partition('.')[0][:60]}-{digest}"
    built(folder, lambda scratch: _write(source, files, scratch))
    paths = sorted(folder.glob("*.arrow"), key=lambda path: int(path.stem))
    tables = [pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in paths]
    return StoredRows(tuple(StoredTable(files.name, source, len(table), _slices(table)) for table in tables))


def _slices(table: Any) -> Callable[[int, int], Any]:
    return lambda start, end: table.slice(start, end - start)


def _write(source: DatasetsData, files: Files, folder: Path) -> None:
    """Copies the rows to Arrow files: a new one wherever the types of the columns change."""
    import pyarrow as pa

    schema: Any = None
    writer: Any = None
    count = 0
    try:
        for _, _, table in batches(source, files):
            if table.schema != schema:
                if writer is not None:
                    writer.close()
                schema, count = table.schema, count + 1
                writer = pa.ipc.new_file(str(folder / f"{count}.arrow"), schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _of_dataset(source: DatasetsData, offline: bool) -> StoredTable:
    import datasets
    import numpy as np

    name, dataset = described(source), load(source, offline)
    if not isinstance(dataset, datasets.Dataset):
        raise DataError(
            f"{name}: a stream cannot stay on disk", hint="return a datasets.Dataset, or leave stays_on_disk out"
        )
    with border(f"{name}: cannot be read"):
        dataset = dataset.with_format("arrow")
        check_columns(name, dataset.features.arrow_schema, source)
        if source.where is not None:
            numbers, start = array("q"), 0
            for batch in dataset.select_columns([source.where.column]).iter(BATCH):
                mask = matching(batch.column(0), source.where).to_pylist()
                numbers.extend(start + place for place, wanted in enumerate(mask) if wanted)
                start += len(mask)
            dataset = dataset.select(np.array(numbers, np.int64))
        if source.columns:
            dataset = dataset.select_columns([Column.parse(text).name for text in source.columns])
    return StoredTable(name, source, len(dataset), lambda start, end: dataset[start:end])


class StoredExamples(LookedUpExamples):
    """Examples built from stored rows on access.

    ``parts`` are rows with the function that makes an example of a row, or None to drop it. All are read once, to check
    them and for the fingerprint. ``check`` raises DataError for examples that cannot be used; two examples with one id
    raise it, too. Memory: sixteen bytes an example while they are checked, then eight, and none if no row was dropped.
    """

    def __init__(
        self,
        parts: Sequence[tuple[StoredTable, Callable[[dict[str, Any]], Example | None]]],
        check: Callable[[Sequence[Example]], None] | None = None,
    ) -> None:
        self.parts = tuple(parts)
        self.rows = sum(rows.count for rows, _ in self.parts)
        self._starts = [0, *accumulate(rows.count for rows, _ in self.parts)]
        self._kept: Sequence[int] = range(0)
        self._fingerprint = fingerprint(self._checked(check))

    def _checked(self, check: Callable[[Sequence[Example]], None] | None) -> Iterator[Example]:
        """Yields all examples, checked, and notes the numbers of their rows."""
        kept, ids = array("q"), array("Q")
        for (rows, read), first in zip(self.parts, self._starts, strict=False):
            for start in range(0, rows.count, BATCH):
                chunk = []
                for number, row in enumerate(rows.read(start, min(start + BATCH, rows.count)), start=first + start):
                    if (example := read({**row, "_row": number})) is not None:
                        kept.append(number)
                        chunk.append(example)
                if check is not None:
                    check(chunk)
                    ids.extend(_hashed(example.unique_key(), number) for number, example in enumerate(chunk, len(ids)))
                yield from chunk
        self._kept = range(self.rows) if len(kept) == self.rows else kept
        if check is not None:
            self._check_ids(ids)

    def _check_ids(self, keys: array[int]) -> None:
        import numpy as np

        ids = np.frombuffer(keys, np.uint64)
        order = np.argsort(ids, kind="stable")
        twice = np.flatnonzero(ids[order][1:] == ids[order][:-1])
        if len(twice):
            name = getattr(self[int(order[twice[0]])], "id", "")
            raise DataError(f"{self.parts[0][0].name}: the id {name!r} occurs twice")

    def __len__(self) -> int:
        return len(self._kept)

    def _item(self, index: int) -> Example:
        number = self._kept[index]
        part = bisect_right(self._starts, number) - 1
        rows, read = self.parts[part]
        place = number - self._starts[part]
        [row] = rows.read(place, place + 1)
        example = read({**row, "_row": number})
        assert example is not None, "a reader decides by the row alone"
        return example

    def __iter__(self) -> Iterator[Example]:
        for start in range(0, len(self), BATCH):
            yield from self[start : start + BATCH]


def _hashed(key: Any, number: int) -> int:
    """64 bits of the key; without a key, of the example's own number."""
    return text_hash(json.dumps(key if key is not None else [number], default=str))
