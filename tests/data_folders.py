"""Data folders for tests: parts of the real excerpts, copied so that they can be damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def copied(shared_data: Path, folder: Path, *names: str) -> Path:
    """``folder`` with copies of these files or folders of the excerpts."""
    for name in names:
        source, target = shared_data / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, target)
    for path in (folder, *folder.rglob("*")):  # the excerpts may be read-only
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def write_parquet(path: Path, table: pa.Table | dict[str, list[object]]) -> Path:
    """A parquet file at ``path``, its folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(table) if isinstance(table, dict) else table, path)
    return path


def parquet_of(folder: Path, name: str) -> Path:
    """The only file of a split: ``parquet_of(folder, "google/xtreme/XNLI/test")``."""
    found = sorted((folder / name).parent.glob(f"{Path(name).name}-*.parquet"))
    assert len(found) == 1
    return found[0]
